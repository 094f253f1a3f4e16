/**
 * `npm run fuzz -- [--inputs N] [--only NAME] [--seed N]`: coverage-guided fuzzing of what strangers hand us. An input that goes where none went before is kept and changed further. The first thing that is found
 * ends the run with 1; the input is printed, and `--seed` repeats it.
 */
import { readFileSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Script } from 'node:vm';
import { build } from 'esbuild';
import { instrument } from './instrument.mjs';
import { fuzz } from './loop.mjs';
import { seeds } from './seeds.mjs';

const { values } = parseArgs({
  options: { inputs: { type: 'string', default: '140000' }, only: { type: 'string' }, seed: { type: 'string', default: '1' } },
});
const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = path.join(root, '.cache/fuzz');
mkdirSync(folder, { recursive: true });
const bundle = path.join(folder, `targets-${process.pid}.cjs`);
await build({
  entryPoints: [path.join(root, 'test/fuzz/targets.mjs')],
  bundle: true,
  platform: 'node',
  format: 'cjs',
  outfile: bundle,
  logLevel: 'error',
});
const { code, count, words } = instrument(readFileSync(bundle, 'utf8'));
const hits = new Uint8Array(count);
const module = { exports: {} };
new Script(`(function (require, module, exports, __hits) {${code}\n})`, { filename: bundle }).runInThisContext()(
  createRequire(bundle),
  module,
  module.exports,
  hits,
);
const targets = module.exports;

const names = Object.keys(targets).filter((name) => values.only === undefined || name === values.only);
const share = Math.ceil(Number(values.inputs) / (names.length || 1));
if (names.length === 0 || !Number.isSafeInteger(share) || share < 1) {
  console.error(`--inputs takes a whole number, --only one of ${Object.keys(targets).join(', ')}`);
  process.exit(2);
}

for (const name of names) {
  const startedAt = performance.now();
  const { places, kept, slowestMs, grownMb, found } = fuzz(targets[name], {
    hits,
    words,
    seed: Number(values.seed),
    seeds: seeds[name] ?? [],
    inputs: share,
  });
  if (found !== null) {
    const { thrown, input } = found;
    console.error(
      `${name} found, with --seed ${values.seed}: ${thrown instanceof Error ? thrown.stack : String(thrown)}\n${input.toString('base64')}`,
    );
    process.exit(1);
  }
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  console.log(`${name}: ${share} inputs in ${seconds} s, ${places} places, ${kept} kept, slowest ${slowestMs.toFixed(1)} ms, memory +${grownMb} MB`);
}
console.log(`${share * names.length} inputs: nothing crashed, hung, was applied or let in`);
