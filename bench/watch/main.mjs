/** One watched call against one stop at a V8 logpoint, and a function beside it that is not watched. Goals: at most 1/20, and 1.00. */
import * as path from 'node:path';
import { dists, header, heading, interleave, measure, median, pairs, ratioOf, row } from '../pairs.mjs';

const script = path.join(import.meta.dirname, 'measure.mjs');
heading(
  'Watched calls',
  `A function of two arguments, an object of four objects and a number; ${pairs} fresh processes. A shown call is 500 of them in a row, what is written in later turns included; a V8 ` +
    'logpoint is a conditional breakpoint that counts and is false. In brackets the middle half of the ratios.',
);
header(
  'build',
  'shown, us',
  'passed on, us',
  'logpoint, us',
  'shown / logpoint',
  'goal',
  'neighbour while / before',
  'goal',
  'afterwards / before',
  'goal',
);
const measured = await interleave(dists, ({ dist }) => measure(script, [dist]));
for (const dist of dists) {
  const all = measured.get(dist);
  const of = (name) => all.map((each) => each[name]);
  const text = (a, b) => ratioOf(of(a), of(b)).text;
  const us = (name) => median(of(name)).toFixed(2);
  row(
    dist.name,
    us('shown'),
    us('passed'),
    us('logpoint'),
    text('shown', 'logpoint'),
    '0.050',
    text('hashWhile', 'hashBefore'),
    '1.000',
    text('afterwards', 'plain'),
    '1.000',
  );
}
