/** What was transformed once is taken from disk, and only where it is of the same text and nobody else could have written it. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TransformCache } from '../../packages/agent/dist/loader/cache.js';
import { packed } from '../../packages/agent/dist/loader/edits.js';
import { Pack } from '../../packages/agent/dist/loader/pack.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'kh-cache-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const a = { url: 'file:///a.js', format: 'module' };
const transformed = {
  id: '$k1',
  format: 'module' as const,
  text: 'te“in”xt',
  edits: { numbers: packed([{ at: 3, removed: 'ä', insert: '“in”' }]).numbers, removed: 'ä' },
  types: packed([{ at: 1, removed: ' ', insert: ':' }]),
  functions: 2,
  without: [[1, 'why']] as [number, string][],
};
const plain = { ...transformed, text: 'var é', types: null };
/** As the next process has it. */
const cache = (): TransformCache => new TransformCache(path.join(folder, 'cache'), '/app');
const packs = (): string[] => readdirSync(path.join(folder, 'cache')).map((name) => path.join(folder, 'cache', name));
const pack = (): string => packs()[0] ?? '';
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A file that is there, so that what was kept of it is wanted. */
function written(name: string): { url: string; format: string } {
  writeFileSync(path.join(folder, name), '');
  return { url: pathToFileURL(path.join(folder, name)).href, format: 'module' };
}

test('another process finds it, for its owner alone', () => {
  cache().put(a, 'text', transformed);
  cache().put({ ...a, format: 'commonjs' }, bytes('text'), plain);
  expect(cache().get(a, 'text')).toEqual(transformed);
  expect(cache().get({ ...a, format: 'commonjs' }, bytes('text'))).toEqual(plain);
  expect(statSync(pack()).mode & 0o777).toBe(0o600);
  expect(statSync(path.dirname(pack())).mode & 0o777).toBe(0o700);
});

test('another text, file, format, application or kind of source is not it', () => {
  cache().put(a, 'text', transformed);
  expect(cache().get(a, 'text ')).toBeNull();
  expect(cache().get(a, 'texT')).toBeNull();
  expect(cache().get({ ...a, url: 'file:///b.js' }, 'text')).toBeNull();
  expect(cache().get({ ...a, format: 'commonjs' }, 'text')).toBeNull();
  expect(cache().get(a, bytes('text'))).toBeNull();
  expect(new TransformCache(path.join(folder, 'cache'), '/other').get(a, 'text')).toBeNull();
});

test('strings that have the same bytes and are not the same are told apart', () => {
  cache().put(a, '\uFFFD', transformed);
  cache().put(a, '\uD800', transformed);
  expect(cache().get(a, '\uD800')).toBeNull();
  expect(cache().get(a, '\uFFFD')).toEqual(transformed);
});

test('a file that changed is found beside what it was, whichever way they are asked for', () => {
  const keep = cache();
  for (const text of ['one', 'two', 'three']) keep.put(a, text, { ...plain, text });
  const b = { ...a, url: 'file:///b.js' };
  keep.put(b, 'b', plain);
  expect(cache().get(a, 'three')?.text).toBe('three');
  const read = cache();
  expect(read.get(b, 'b')).toEqual(plain);
  expect(read.get(a, 'three')?.text).toBe('three');
});

test('what was cut short or bent is never taken for something else, and is made again', () => {
  const keep = cache();
  const names = ['a', 'b', 'c'];
  for (const name of names) keep.put(written(name), `source ${name}`, { ...plain, text: `text ${name}` });
  const file = pack();
  const whole = readFileSync(file);
  const isRight = (): boolean =>
    names.every((name) => {
      const found = cache().get(written(name), `source ${name}`);
      return found === null || isDeepStrictEqual(found, { ...plain, text: `text ${name}` });
    });
  const damaged = fc.oneof(
    fc.nat(whole.length - 1).map((length) => whole.subarray(0, length)),
    fc
      .tuple(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }))
      .map(([at, by]) => whole.map((byte, index) => (index === at ? byte ^ by : byte))),
    fc
      .tuple(fc.nat(whole.length - 1), fc.nat(400))
      .map(([at, length]) => whole.map((byte, index) => (index >= at && index < at + length ? 0 : byte))),
  );
  fc.assert(
    fc.property(damaged, (content) => {
      writeFileSync(file, content);
      if (!isRight()) return false;
      const next = cache();
      for (const name of names) {
        if (next.get(written(name), `source ${name}`) === null) next.put(written(name), `source ${name}`, { ...plain, text: `text ${name}` });
      }
      return isRight() && names.every((name) => cache().get(written(name), `source ${name}`) !== null);
    }),
    { numRuns: 100 },
  );
});

test('a folder or a file that others may write to is not used', () => {
  cache().put(a, 'text', transformed);
  chmodSync(pack(), 0o620);
  expect(cache().get(a, 'text')).toBeNull();
  chmodSync(pack(), 0o600);
  expect(cache().get(a, 'text')).not.toBeNull();
  chmodSync(path.dirname(pack()), 0o770);
  expect(cache().get(a, 'text')).toBeNull();
});

test('a folder that can not be made is none', () => {
  writeFileSync(path.join(folder, 'cache'), '');
  const none = cache();
  none.put(a, 'text', transformed);
  expect(none.get(a, 'text')).toBeNull();
});

/** A process that keeps what `code` says, and runs `before` first. */
function keeping(code: string, before = ''): ChildProcess {
  const program = `
    ${before}
    const { TransformCache } = await import(${JSON.stringify(new URL('../../packages/agent/dist/loader/cache.js', import.meta.url).href)});
    const cache = new TransformCache(${JSON.stringify(path.join(folder, 'cache'))}, '/app');
    const plain = { ...${JSON.stringify({ ...plain, edits: null })}, edits: { numbers: new Int32Array(${JSON.stringify([...plain.edits.numbers])}), removed: ${JSON.stringify(plain.edits.removed)} } };
    ${code}
  `;
  return spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'inherit', 'inherit'] });
}

test('a disk that takes half of a record spoils nothing', async () => {
  const [one, two, three] = [written('1'), written('2'), written('3')];
  cache().put(one, 'one', plain);
  const size = statSync(pack()).size;
  const half =
    "const fs = process.getBuiltinModule('node:fs'), write = fs.writeSync; fs.writeSync = (fd, bytes) => write(fd, bytes.subarray(0, bytes.length / 2));";
  const [code] = (await once(keeping(`cache.put(${JSON.stringify(two)}, 'two', plain);`, half), 'exit')) as [number];
  expect(code).toBe(0);
  expect(statSync(pack()).size).toBeGreaterThan(size);
  expect(cache().get(one, 'one')).toEqual(plain);
  expect(cache().get(two, 'two')).toBeNull();
  cache().put(three, 'three', plain);
  expect(cache().get(one, 'one')).toEqual(plain);
  expect(cache().get(three, 'three')).toEqual(plain);
});

test('what another process is just writing is no torn record', async () => {
  const [one, two, three] = [written('1'), written('2'), written('3')];
  cache().put(one, 'one', plain);
  const from = statSync(pack()).size;
  cache().put(two, 'two', plain);
  const whole = readFileSync(pack());
  const half = (from + whole.length) >> 1;
  truncateSync(pack(), half);
  const rest = JSON.stringify(whole.subarray(half).toString('latin1'));
  const finishing = `
    const fs = process.getBuiltinModule('node:fs'), write = fs.writeSync;
    const other = fs.openSync(${JSON.stringify(pack())}, 'a');
    let rest = Buffer.from(${rest}, 'latin1');
    fs.writeSync = (...given) => {
      write(other, rest);
      rest = Buffer.alloc(0);
      return write(...given);
    };`;
  const [code] = (await once(keeping(`cache.put(${JSON.stringify(three)}, 'three', plain);`, finishing), 'exit')) as [number];
  expect(code).toBe(0);
  for (const [key, text] of [
    [one, 'one'],
    [two, 'two'],
    [three, 'three'],
  ] as const)
    expect(cache().get(key, text)).toEqual(plain);
});

test('processes that write at the same time keep what each of them has', async () => {
  cache().put(a, 'text', transformed);
  const children = ['p', 'q', 'r'].map((name) =>
    keeping(
      `for (let n = 0; n < 200; n += 1) cache.put({ url: 'file:///${name}' + n, format: 'module' }, 'text', { ...plain, text: 'x'.repeat(n * 20) });`,
    ),
  );
  for (const [code] of await Promise.all(children.map((child) => once(child, 'exit')))) expect(code).toBe(0);
  const read = cache();
  for (const name of ['p', 'q', 'r']) {
    for (let n = 0; n < 200; n += 1) expect(read.get({ url: `file:///${name}${n}`, format: 'module' }, 'text')?.text).toBe('x'.repeat(n * 20));
  }
});

test('a pack that has grown is written anew, without what nobody can ask for', () => {
  const large = { ...plain, text: 'x'.repeat(200_000) };
  const keep = cache();
  const [there, changing] = [written('there.js'), written('changing.js')];
  keep.put(there, 'text', plain);
  for (let n = 0; n < 4; n += 1) keep.put({ ...a, url: `file:///gone${n}.js` }, 'text', large);
  for (let n = 0; n < 4; n += 1) keep.put({ ...changing, url: `${changing.url}?t=${n}` }, 'text', large);
  const read = cache();
  expect(read.get(there, 'text')).toEqual(plain);
  cache().put(changing, 'text', plain);
  expect(statSync(pack()).size).toBeLessThan(450_000);
  // Who was reading goes on with the new one.
  expect(read.get({ ...changing, url: `${changing.url}?t=3` }, 'text')?.text).toBe(large.text);
  expect(read.get(there, 'text')).toEqual(plain);
  expect(cache().get(there, 'text')).toEqual(plain);
  expect(packs()).toHaveLength(1);
});

test('a pack of something else under the same name is not read, and gives way', () => {
  const file = path.join(folder, 'x.pack');
  const open = (of: string): Pack => new Pack({ file, of, subjectOf: (key) => key });
  const record = { key: 'key', json: '{}', numbers: new Int32Array(), text: 'made', source: bytes('text') };
  open('one').add(record);
  expect(open('one').find('key', bytes('text'))?.text).toBe('made');
  expect(open('two').find('key', bytes('text'))).toBeNull();
  open('two').add({ ...record, key: 'other' });
  expect(open('two').find('other', bytes('text'))?.text).toBe('made');
  expect(open('two').find('key', bytes('text'))).toBeNull();
});

test('packs that nobody has read for long go when another is made', () => {
  cache().put(a, 'text', transformed);
  const old = new Date(Date.now() - 61 * 86_400_000);
  utimesSync(pack(), old, old);
  // It is read, and so it stays.
  expect(cache().get(a, 'text')).toEqual(transformed);
  new TransformCache(path.join(folder, 'cache'), '/other').put(a, 'text', plain);
  expect(packs()).toHaveLength(2);
  for (const file of packs()) utimesSync(file, old, old);
  new TransformCache(path.join(folder, 'cache'), '/another').put(a, 'text', plain);
  expect(packs()).toHaveLength(1);
});
