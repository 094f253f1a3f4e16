/** How long the event loop stands still when a function is patched, by slots and by V8's live edit. Goal: slots under 1 ms at any heap. */
import * as path from 'node:path';
import { dists, header, heading, interleave, measure, median, pairs, row } from '../pairs.mjs';

const script = path.join(import.meta.dirname, 'measure.mjs');
heading(
  'Patch pause',
  `Longest gap between two turns of the event loop in the 50 turns around the process' first look at a function, around a push (compiling, applying and proving it), its first and the one after it, and in 50 turns without one; ${pairs} fresh processes each, slots and ` +
    'live edit in turn; median, in brackets the longest.',
);
header(
  'heap',
  'strategy',
  'gap with the first look at a function, ms',
  'with the first push, ms',
  'with a later push, ms',
  'without, ms',
  'pause the engine reports, ms',
);
for (const megabytes of [10, 100, 700]) {
  const forms = dists.flatMap(({ name, dist }) => ['slots', 'live edit'].map((strategy) => ({ name, dist, strategy })));
  const measured = await interleave(forms, ({ dist, strategy }) =>
    measure(script, [strategy, String(megabytes), dist], { execArgv: ['--expose-gc'] }),
  );
  for (const form of forms) {
    const runs = measured.get(form);
    const title = dists.length === 1 ? form.strategy : `${form.strategy}, ${form.name}`;
    if (runs.some((each) => each.refused !== null)) {
      row(`${megabytes} MB`, title, '-', '-', '-', '-', runs.find((each) => each.refused !== null).refused);
      continue;
    }
    const cell = (what) => {
      const all = runs.map((each) => each[what]);
      return `${median(all).toFixed(3)} (${Math.max(...all).toFixed(3)})`;
    };
    row(`${megabytes} MB`, title, cell('lookMs'), cell('firstMs'), cell('gapMs'), cell('quietMs'), cell('pauseMs'));
  }
}
