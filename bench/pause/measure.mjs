/** One push in one process: `measure.mjs 'slots'|'live edit' MEGABYTES DIST`. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { patching } from '../patching.mjs';

const [strategy, megabytes, dist] = process.argv.slice(2);
const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'kh-bench-')));
try {
  const file = path.join(root, 'program.mjs');
  writeFileSync(file, 'let rate = 1; function tax(net) { return net * rate } export const total = (net) => net + tax(net);\n');
  const { installInstrumentation } = await import(pathToFileURL(path.join(dist, 'loader/hooks.js')).href);
  const table = strategy === 'slots' ? installInstrumentation({ root, include: [], exclude: [] }) : null;
  const { total } = await import(pathToFileURL(file).href);
  const ballast = [];
  while (process.memoryUsage().heapUsed < Number(megabytes) * 1024 * 1024) for (let i = 0; i < 10_000; i += 1) ballast.push({ i, text: `t${i}` });
  globalThis.gc();
  const engine = await patching({ dist, root, table });

  /** The longest gap in 50 turns, in the middle of which something is done. */
  const longestGap = async (work) => {
    let longest = 0;
    let done;
    let before = performance.now();
    for (let turn = 0; turn < 50; turn += 1) {
      if (turn === 25) done = work();
      await nextTurn();
      const now = performance.now();
      longest = Math.max(longest, now - before);
      before = now;
    }
    await done;
    return longest;
  };
  const quietMs = await longestGap(() => undefined);
  let refused = null;
  const push = async (found, factor) => {
    try {
      return await engine.apply(found, found.code.replace(/net \* rate(?: \* \d)?/, `net * rate * ${factor}`));
    } catch (thrown) {
      refused = thrown.message;
      return null;
    }
  };
  let patch = null;
  let original = null;
  const lookMs = await longestGap(async () => {
    original = await engine.look('program.mjs:tax');
  });
  const firstMs = await longestGap(() => push(original, 5));
  const patched = await engine.look('program.mjs:tax');
  const gapMs = await longestGap(async () => {
    patch = await push(patched, 2);
  });
  if (patch !== null && total(1) !== 3) throw new Error(`the patch has no effect: ${total(1)}`);
  if (patch !== null && patch.strategy.replace('-', ' ') !== strategy) throw new Error(`patched by ${patch.strategy}`);
  console.log(JSON.stringify({ quietMs, lookMs, firstMs, gapMs, pauseMs: patch?.pauseMs, refused, objects: ballast.length }));
} finally {
  rmSync(root, { recursive: true, force: true });
}
