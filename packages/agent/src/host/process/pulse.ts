/**
 * A sign of life of the main thread, in memory that the door shares: when its event loop last took a turn. The door can't ask a thread that hangs, and asking starts the count only then.
 * The timer is unref'd and costs four turns a second.
 */
import type { Clock } from '../../platform/clock.ts';

const beatMs = 250;
/** Monotonic, and the same in every thread. Taken before the service can replace it. */
const hrtimeNs = process.hrtime.bigint;
const { load, notify, store, wait } = Atomics;

export class Pulse {
  /** What the other threads read. */
  readonly memory = new SharedArrayBuffer(8);
  readonly #cell = new BigInt64Array(this.memory);
  readonly #clock: Clock;
  #stop = (): void => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#beat();
    // The first turn is waited for.
    clock.soon(() => this.#show());
  }

  /** Names the turn that beat last. */
  get last(): bigint {
    return load(this.#cell, 0);
  }

  stop(): void {
    this.#show();
    this.#stop();
  }

  #show(): void {
    store(this.#cell, 0, hrtimeNs());
    notify(this.#cell, 0);
  }

  #beat(): void {
    this.#show();
    this.#stop = this.#clock.after(beatMs, () => this.#beat());
  }
}

/** Holds another thread until the main thread has taken a turn after the one that is named, or for so long. */
export function waitForTurn(memory: SharedArrayBuffer, after: bigint, longestMs: number): void {
  wait(new BigInt64Array(memory), 0, after, longestMs);
}

/** The same, felt from another thread. */
export class PulseReader {
  readonly #cell: BigInt64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#cell = new BigInt64Array(memory);
  }

  /** Names the turn that beat last: the same as before where there was none in between. */
  get last(): bigint {
    return load(this.#cell, 0);
  }

  /** How long the main thread has not come to a turn at least, in milliseconds; 0 while it does. */
  blockedMs(): number {
    return Math.max(0, Math.round(Number(hrtimeNs() - this.last) / 1e6) - beatMs);
  }
}
