/** A patched function against the same text in the source from the start. Goals: at most 1.2 for functions of a module and methods, at most 3 for nested ones with captured variables. */
import * as path from 'node:path';
import { dists, header, heading, interleave, measure, only, pairs, ratioOf, row } from '../pairs.mjs';
import { programs } from './programs.mjs';

const script = path.join(import.meta.dirname, 'measure.mjs');
heading(
  'Patched functions',
  `The hot function of a small program, patched to its own text, against the plain program; ${pairs} turns of fresh processes, median of the ratios, in brackets the middle half. Beside ` +
    'it what the same program costs instrumented and not patched: these programs do nothing but call, so it is the worst case.',
);
header('function', ...dists.flatMap(({ name }) => [`${name}, patched`, `${name}, not patched`]), 'goal, patched');
const plain = { name: 'plain', mode: 'plain', dist: dists[0].dist };
const forms = [plain, ...dists.flatMap(({ name, dist }) => ['patched', 'instrumented'].map((mode) => ({ name, mode, dist })))];
for (const kind of only(Object.keys(programs))) {
  const measured = await interleave(forms, ({ mode, dist }) => measure(script, [kind, mode, dist]).ms);
  row(programs[kind].what, ...forms.slice(1).map((form) => ratioOf(measured.get(form), measured.get(plain)).text), String(programs[kind].goal));
}
