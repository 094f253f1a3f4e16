/** Optimized code is thrown away: asked of V8 itself, in a process of its own. */
import { spawnSync } from 'node:child_process';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';

const file = path.resolve(import.meta.dirname, '../../packages/agent/dist/host/patch/optimized.js');
const program = `
import { countsCoverage, dropOptimizedCode } from ${JSON.stringify(pathToFileURL(file).href)};
const optimized = 1 << 4;
function hot(n) { return n + 1; }
function caller(n) { let sum = 0; for (let i = 0; i < n; i += 1) sum += hot(i); return sum; }
const isOptimized = (fn) => (%GetOptimizationStatus(fn) & optimized) !== 0;
for (const fn of [hot, caller]) {
  %PrepareFunctionForOptimization(fn);
  fn(10); fn(10);
  %OptimizeFunctionOnNextCall(fn);
  fn(10);
}
const before = [isOptimized(hot), isOptimized(caller)];
dropOptimizedCode();
// The code is left at the next call.
hot(1); caller(2);
console.log(JSON.stringify({ before, after: [isOptimized(hot), isOptimized(caller)], sum: caller(1000), counts: countsCoverage() }));
`;

const major = Number(process.versions.node.split('.')[0]);

test.runIf(major < 26)('what was optimized is not any more, and gives what it gave (Node 26 has no live edit, so it never is thrown away)', () => {
  const { stdout, stderr } = spawnSync(process.execPath, ['--allow-natives-syntax', '--input-type=module', '-e', program], {
    encoding: 'utf8',
    env: { ...process.env, NODE_V8_COVERAGE: '' },
  });
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual({ before: [true, true], after: [false, false], sum: 500500, counts: false });
});
