/** Pauses of patching code that was not instrumented, predicted and real, at several sizes of the heap. Prints the table of docs/notes/bench.md: `node bench/live-edit/run.mjs [runs]`. */
import { execFileSync } from 'node:child_process';
import * as path from 'node:path';

const runs = Number(process.argv[2] ?? 3);
const here = import.meta.dirname;
const dist = path.resolve(here, '../../packages/agent/dist');
const sizes = [5, 100, 400, 700];
const names = {
  enable: 'Debugger.enable',
  breakpoint: 'a breakpoint in a hot function',
  query: 'queryObjects',
  liveEdit: 'live edit and proof',
  snapshot: 'heap snapshot, read',
};
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

console.log(`Node ${process.version}, medians of ${runs}; predicted / real, in milliseconds\n`);
console.log(`| heap | ${Object.values(names).join(' | ')} |\n| --- |${' --- |'.repeat(Object.keys(names).length)}`);
for (const size of sizes) {
  const results = [];
  for (let run = 0; run < runs; run += 1) {
    const words = ['--max-old-space-size=2000', path.join(here, 'measure.mjs'), String(size), path.join(here, 'target.cjs'), dist];
    results.push(JSON.parse(execFileSync(process.execPath, words, { encoding: 'utf8' })));
  }
  const cells = Object.keys(names).map((name) => {
    const each = results.map((result) => result.measured[name]).filter((one) => one !== undefined);
    if (each.length === 0) return '-';
    return `${Math.round(median(each.map((one) => one.predictedMs)))} / ${median(each.map((one) => one.realMs)).toFixed(1)}`;
  });
  console.log(`| ${results[0].usedMegabytes} MB, ${(results[0].objects / 1e6).toFixed(2)} million objects | ${cells.join(' | ')} |`);
}
