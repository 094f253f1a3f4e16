/** A few well-known packages of different styles, from the registry, plain and instrumented. `npm run test:packages` takes all of them. */
import { spawnSync } from 'node:child_process';
import * as path from 'node:path';
import { expect, test } from 'vitest';

test('packages load, offer and answer the same when they are instrumented', { timeout: 400_000 }, () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(import.meta.dirname, 'run.mjs'), '--gate'], { encoding: 'utf8' });
  expect(stdout, stderr).toMatch(/14 of 14 packages load, 0 differences, [1-9]\d* files instrumented/);
  expect(status).toBe(0);
});
