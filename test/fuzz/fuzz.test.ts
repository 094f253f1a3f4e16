/** The fuzzer finds what is hidden behind several conditions, and finds nothing in what strangers hand us. */
import { spawnSync } from 'node:child_process';
import { Script } from 'node:vm';
import { expect, test } from 'vitest';
// @ts-expect-error -- a plain module
import { instrument } from './instrument.mjs';
// @ts-expect-error -- a plain module
import { fuzz } from './loop.mjs';

const program = `
exports.target = (data) => {
  if (data.length > 3) {
    if (data[0] === 0x4b) if (data[1] === 0x45) if (data[2] === 0x59) { throw new Error('found'); }
  }
};`;

test('it finds a bug behind four conditions, which chance alone would not, and the same one each time', () => {
  const { code, count, words } = instrument(program) as { code: string; count: number; words: string[] };
  const hits = new Uint8Array(count);
  const exports: { target?: (data: Buffer) => void } = {};
  (new Script(`(function (exports, __hits) {${code}\n})`).runInThisContext() as (...given: unknown[]) => void)(exports, hits);
  const run = (): { found: { input: Buffer } | null } =>
    fuzz(exports.target, { hits, words, seed: 7, seeds: [], inputs: 200_000 }) as ReturnType<typeof run>;
  const { found } = run();
  expect(found?.input.subarray(0, 3).toString()).toBe('KEY');
  expect(run().found?.input).toEqual(found?.input);
});

test('what strangers hand us: nothing crashes, hangs, is applied or let in', { timeout: 120_000 }, () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['test/fuzz/run.mjs', '--inputs', '14000'], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(stdout).toContain('14000 inputs: nothing crashed, hung, was applied or let in');
  expect(status).toBe(0);
});
