/**
 * `npm run bench`: what instrumentation and patches cost, as ratios against the same code plain, in one run. Each pair is two fresh processes, one plain and one instrumented, started in
 * turn; the figure is the median of the pairs. Nothing here fails: it measures.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const pairs = Number(process.argv[2] ?? 11);
const workload = fileURLToPath(new URL('workload.mjs', import.meta.url));

const once = (kind, mode) => {
  const { stdout, stderr, status } = spawnSync(process.execPath, [workload, kind, mode], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
};
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

console.log(`Node ${process.version}, ${pairs} pairs each, interleaved; median of the ratios, least and most behind it`);
for (const kind of ['parse', 'closures', 'methods']) {
  const ratios = { instrumented: [], patched: [] };
  for (let pair = 0; pair < pairs; pair += 1) {
    const plain = once(kind, 'plain').ms;
    for (const mode of ['instrumented', 'patched']) ratios[mode].push(once(kind, mode).ms / plain);
  }
  for (const [mode, all] of Object.entries(ratios)) {
    console.log(
      `${kind.padEnd(10)} ${mode.padEnd(13)} ${median(all).toFixed(3)}  (${Math.min(...all).toFixed(3)} to ${Math.max(...all).toFixed(3)})`,
    );
  }
}
for (const megabytes of [10, 100, 700]) {
  const pauses = Array.from({ length: 5 }, () => once('pause', String(megabytes)).pauseMs);
  console.log(`patch by slots at ${megabytes} MB of heap: ${median(pauses).toFixed(3)} ms (median of 5)`);
}
