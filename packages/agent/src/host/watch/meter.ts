/**
 * What looking at calls may take of the thread: a share of its time, and so many calls a second. It stands in the service's own calls, so it is numbers only; its clock is the caller's.
 */

/** What may be taken at once, as if it had been saved up: one look at a large object is no reason to stop, nor are the first ones, which V8 has not optimized. */
const savedMs = 100;
/** A measurement may have met a garbage collection, or another process on the same processor: no single one counts for more. */
const mostOfOneMs = 20;
/** What a call costs that is only passed on (measured, rounded up): too little to be measured each time. */
export const passedMs = 0.0002;
/** Passed calls between two looks at the clock, so that a loop that never pauses is noticed too. */
const passesBetween = 1_024;

interface MeterLimits {
  /** Of the main thread's time, in per cent. */
  percent: number;
  /** Calls that are shown in a second. */
  rate: number;
}

export class Meter {
  readonly #share: number;
  readonly #rate: number;
  #savedMs = savedMs;
  #tokens: number;
  #filledAtMs: number;
  #passes = 0;
  /** What it took in all. */
  spentMs = 0;

  constructor({ percent, rate }: MeterLimits, nowMs: number) {
    this.#share = percent / 100;
    this.#rate = rate;
    this.#tokens = rate;
    this.#filledAtMs = nowMs;
  }

  /** What is saved up is used up. */
  get exhausted(): boolean {
    return this.#savedMs < 0;
  }

  /** Whether one more call may be shown. It looks at no clock: see {@link refill}. */
  get mayShow(): boolean {
    return this.#tokens >= 1;
  }

  showing(): void {
    this.#tokens -= 1;
  }

  spend(ms: number): void {
    this.spentMs += ms;
    this.#savedMs -= Math.min(ms, mostOfOneMs);
  }

  /**
   * A call was passed on without a look, or with so little of one that it is not measured.
   * @param weight of how many calls that are only passed on it takes the time.
   * @returns whether it is time to call {@link refill}.
   */
  pass(weight = 1): boolean {
    const before = this.#passes;
    this.#passes += weight;
    return before % passesBetween > this.#passes % passesBetween;
  }

  /** Called ten times a second, and by whoever was told so by {@link pass}. */
  refill(nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - this.#filledAtMs);
    this.#filledAtMs = nowMs;
    this.#tokens = Math.min(this.#rate, this.#tokens + (elapsedMs * this.#rate) / 1_000);
    const passing = this.#passes * passedMs;
    this.#passes = 0;
    this.spentMs += passing;
    this.#savedMs = Math.min(savedMs, this.#savedMs + elapsedMs * this.#share - passing);
  }
}
