/** Unpatched, instrumented code against plain code, on real libraries that do nothing but compute. Goal: geometric mean at most 1.03, none above 1.08. */
import * as path from 'node:path';
import { installPinned } from '../../test/packages/pinned.mjs';
import { dists, geometricMean, header, heading, interleave, measure, only, pairs, ratioOf, row } from '../pairs.mjs';
import { workloads } from './workloads.mjs';

const script = path.join(import.meta.dirname, 'measure.mjs');
const root = installPinned(Object.entries(workloads).map(([name, { version }]) => `${name}@${version}`));

heading(
  'Libraries',
  `Instrumented against plain, ${pairs} turns of fresh processes; median of the ratios, in brackets the middle half. A process works until it is warm, then the fastest of 12 blocks counts ` +
    '(steady); cold is its first block, without the loading.',
);
header('library', ...dists.flatMap(({ name }) => [`${name}, steady`, `${name}, cold`]));
const builds = new Map([['plain', 'plain'], ...dists.map(({ name, dist }) => [name, dist])]);
const steady = dists.map(() => []);
for (const library of only(Object.keys(workloads))) {
  const measured = await interleave([...builds.keys()], (form) => measure(script, [library, builds.get(form), root]));
  const of = (form, what) => measured.get(form).map((each) => each[what]);
  const cells = dists.flatMap(({ name }, index) => {
    const warm = ratioOf(of(name, 'ms'), of('plain', 'ms'));
    steady[index].push(warm.ratio);
    return [warm.text, ratioOf(of(name, 'coldMs'), of('plain', 'coldMs')).ratio.toFixed(3)];
  });
  row(`${library} ${workloads[library].version}, ${workloads[library].job}`, ...cells);
}
row('**geometric mean**', ...steady.flatMap((ratios) => [`**${geometricMean(ratios).toFixed(3)}**`, '']));
