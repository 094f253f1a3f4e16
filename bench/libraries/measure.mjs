/** One library in one process: `measure.mjs NAME plain|DIST ROOT`. */
import * as path from 'node:path';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { workloads } from './workloads.mjs';

const [name, dist, root] = process.argv.slice(2);
const urlOf = (...parts) => pathToFileURL(path.join(...parts)).href;
if (dist !== 'plain') {
  const { installInstrumentation } = await import(urlOf(dist, 'loader/hooks.js'));
  installInstrumentation({ root, include: ['node_modules/**'], exclude: [] });
}
const { load } = await import(urlOf(root, 'entry.mjs'));
const { prepare, rounds } = workloads[name];
const job = prepare(await load(name));

let answers = 0;
const block = () => {
  const started = performance.now();
  for (let round = 0; round < rounds; round += 1) answers += job();
  return performance.now() - started;
};
const coldMs = block();
const warmUntil = performance.now() + 700;
while (performance.now() < warmUntil) block();
const blocks = Array.from({ length: 12 }, block);
console.log(JSON.stringify({ ms: Math.min(...blocks), coldMs, answers }));
