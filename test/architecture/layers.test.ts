/** The floors of docs/architecture.md, held against the sources; and against a small tree that breaks them, so that the rules are known to bite. */
import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');
const cruiser = path.join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');

interface Report {
  summary: { violations: { rule: { name: string }; from: string; to: string }[]; totalCruised: number };
}

async function cruise(cwd: string, ...folders: string[]): Promise<Report> {
  const args = [cruiser, ...folders, '--config', path.join(root, '.dependency-cruiser.cjs'), '--output-type', 'json'];
  const { stdout } = await run(process.execPath, args, { cwd, maxBuffer: 64 * 1024 * 1024 }).catch((failed: { stdout: string; stderr: string }) => {
    if (failed.stdout === '') throw new Error(failed.stderr);
    return failed;
  });
  return JSON.parse(stdout) as Report;
}

test('no floor imports a higher one, and there are no circles', async () => {
  const { summary } = await cruise(root, 'packages/agent/src', 'packages/console/src');
  expect(summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`)).toEqual([]);
  // A check that saw no file would pass.
  expect(summary.totalCruised).toBeGreaterThan(100);
});

test('the rules bite: a tree that breaks them is refused', async () => {
  const { summary } = await cruise(path.join(root, 'test/fixtures/layers'), 'packages/agent/src');
  const broken = new Set(summary.violations.map(({ rule }) => rule.name));
  expect([...broken]).toEqual(expect.arrayContaining(['no-circles', 'agent-protocol-imports-upward', 'protocol-and-source-are-pure']));
});

test('a file holds one concept: none has more than 320 lines', async () => {
  const long: string[] = [];
  for (const name of ['agent', 'console']) {
    const folder = path.join(root, 'packages', name, 'src');
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = path.join(entry.parentPath, entry.name);
      const lines = (await readFile(file, 'utf8')).split('\n').length;
      if (lines > 320) long.push(`${path.relative(root, file)}: ${lines}`);
    }
  }
  expect(long).toEqual([]);
});
