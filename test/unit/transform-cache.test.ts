/** What was transformed once is taken from disk, and only where it is of the same text and nobody else could have written it. */
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TransformCache } from '../../packages/agent/dist/loader/cache.js';
import { packed } from '../../packages/agent/dist/loader/edits.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'kh-cache-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const transformed = {
  format: 'module' as const,
  edits: packed([{ at: 3, removed: 'ä', insert: '“in”' }]),
  types: null,
  functions: 2,
  without: [[1, 'why']] as [number, string][],
};
const entryFolder = (): string => path.join(folder, readdirSync(folder)[0] ?? '');
function kept(): string {
  new TransformCache(folder).put('file:///a.js', 'text', transformed);
  return path.join(entryFolder(), readdirSync(entryFolder())[0] ?? '');
}

test('another process finds it, for its owner alone', () => {
  const file = kept();
  expect(new TransformCache(folder).get('file:///a.js', 'text')).toMatchObject(transformed);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(entryFolder()).mode & 0o777).toBe(0o700);
});

test('another text or another file is not it', () => {
  kept();
  expect(new TransformCache(folder).get('file:///a.js', 'text ')).toBeNull();
  expect(new TransformCache(folder).get('file:///b.js', 'text')).toBeNull();
});

test('an entry that is cut short or bent is made again', () => {
  const file = kept();
  const whole = readFileSync(file);
  for (const bad of [whole.subarray(0, whole.length - 10), Buffer.from('nothing'), Buffer.alloc(0)]) {
    writeFileSync(file, bad);
    expect(new TransformCache(folder).get('file:///a.js', 'text')).toBeNull();
  }
});

test('a folder that others may write to is not used', () => {
  kept();
  chmodSync(entryFolder(), 0o770);
  expect(new TransformCache(folder).get('file:///a.js', 'text')).toBeNull();
});

test('a folder that can not be made is none', () => {
  writeFileSync(path.join(folder, 'file'), '');
  const cache = new TransformCache(path.join(folder, 'file'));
  cache.put('file:///a.js', 'text', transformed);
  expect(cache.get('file:///a.js', 'text')).toBeNull();
});
