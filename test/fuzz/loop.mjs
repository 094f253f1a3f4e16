/** One target, changed inputs, and a memory of where they went. */
import { Mutator } from './mutate.mjs';

const maxBytes = 4_096;
/** Inputs that are kept; more go where these went. */
const maxKept = 2_000;

/** How often a place was passed, in steps: once, twice, some times, often. */
const stepOf = (times) => (times < 3 ? times : times < 8 ? 3 : times < 32 ? 4 : 5);

/**
 * @param hits counters that the target counts in (instrument.mjs).
 * @returns how many places were passed, and the first input that made the target throw, or null.
 */
export function fuzz(target, { hits, words, seed, seeds, inputs }) {
  const mutator = new Mutator(seed, words);
  const seen = new Uint8Array(hits.length);
  const kept = [];
  let places = 0;
  let slowestMs = 0;
  const found = [];
  const run = (input) => {
    hits.fill(0);
    const startedAt = performance.now();
    try {
      target(input);
    } catch (thrown) {
      found.push({ thrown, input: Buffer.from(input) });
      return;
    }
    slowestMs = Math.max(slowestMs, performance.now() - startedAt);
    let isNew = false;
    for (let place = 0; place < hits.length; place += 1) {
      if (hits[place] === 0) continue;
      const bit = 1 << stepOf(hits[place]);
      if ((seen[place] & bit) !== 0) continue;
      if (seen[place] === 0) places += 1;
      seen[place] |= bit;
      isNew = true;
    }
    if (isNew) kept.push(Buffer.from(input));
    if (kept.length > maxKept) kept.splice(mutator.below(kept.length), 1);
  };
  for (const each of [Buffer.alloc(0), ...seeds]) run(Buffer.from(each));
  const before = process.memoryUsage.rss();
  for (let ran = 0; ran < inputs && found.length === 0; ran += 1) {
    const base = kept[mutator.below(kept.length)] ?? Buffer.alloc(0);
    run(mutator.mutate(base, kept[mutator.below(kept.length)] ?? base, maxBytes));
  }
  return { places, kept: kept.length, slowestMs, grownMb: Math.round((process.memoryUsage.rss() - before) / 1_048_576), found: found[0] ?? null };
}
