/**
 * How long V8 stops the process for what patching asks of it, predicted from the heap, and from how long the last `Debugger.enable` took: a machine that is slow or busy is so for
 * all of it. Measured with bench/live-edit; rounded up, since a shorter pause than was promised costs nothing.
 */
import { nodeClock, type Clock } from '../../platform/clock.ts';

/** Milliseconds of its own, and for each megabyte of used heap (of small objects, the worst case). */
const pauses = {
  /** `Debugger.enable`. */
  enable: [20, 0.45],
  /** A breakpoint, set and removed: V8 looks for all functions of its code. */
  breakpoint: [1, 0.3],
  /** `Runtime.queryObjects`. */
  query: [150, 34],
  /** A heap snapshot, written; read in another thread. */
  graph: [400, 120],
  /** A heap snapshot, written and read. */
  snapshot: [600, 150],
  /** `Debugger.setScriptSource`, and a look at every living function; where V8 needs it, optimized code thrown away. */
  liveEdit: [200, 44],
} as const;
export const usualQueryMsPerMegabyte = pauses.query[1];

/**
 * What was measured last, compared with what is usual. It may have met a pause of somebody else's: what it says above the usual halves every `halfLifeMs`, so that one bad moment does not
 * have everything refused until the process ends.
 */
export class Observed {
  readonly #usual: number;
  readonly #clock: Clock;
  #last: { value: number; atMs: number } | null = null;

  constructor(usual: number, clock: Clock = nodeClock) {
    this.#usual = usual;
    this.#clock = clock;
  }

  take(value: number): void {
    this.#last = { value, atMs: this.#clock.now() };
  }

  /** @returns null where nothing was measured. */
  get value(): number | null {
    if (this.#last === null) return null;
    const above = this.#last.value - this.#usual;
    if (above <= 0) return this.#last.value;
    return this.#usual + above * 0.5 ** ((this.#clock.now() - this.#last.atMs) / halfLifeMs);
  }
}

const halfLifeMs = 20_000;
const mostSlowness = 4;
const slowness = new Observed(1);

export function usedMegabytes(): number {
  return process.memoryUsage().heapUsed / 1024 / 1024;
}

export function predictPauseMs(what: keyof typeof pauses, heapMegabytes = usedMegabytes()): number {
  return Math.round((slowness.value ?? 1) * modelMs(what, heapMegabytes));
}

/** Tells how long `Debugger.enable` took. */
export function observeEnable(tookMs: number, heapMegabytes = usedMegabytes()): void {
  slowness.take(Math.min(mostSlowness, Math.max(1, tookMs / modelMs('enable', heapMegabytes))));
}

function modelMs(what: keyof typeof pauses, heapMegabytes: number): number {
  const [fixedMs, perMegabyteMs] = pauses[what];
  return fixedMs + perMegabyteMs * heapMegabytes;
}
