/** Work on texts takes the service's main thread: it gets a little of each turn of the event loop, and the service the rest. */
import { nextTurn } from '../../platform/clock.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Pieces } from '../../source/index.ts';

const turnMs = 0.3;

/** @returns what the work gives; rejects with what it throws. */
export async function inTurns<Result>(work: Pieces<Result>, clock: Clock): Promise<Result> {
  for (;;) {
    const started = clock.now();
    do {
      const step = work.next();
      if (step.done === true) return step.value;
    } while (clock.now() - started < turnMs);
    await nextTurn(clock);
  }
}
