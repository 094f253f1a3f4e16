/** Says what was seen, in turns of its own, and no more of it than the console reads: what is left out is counted. */
import type { Clock } from '../../platform/clock.ts';
import { limits } from '../../protocol/index.ts';
import type { CallStream } from '../call-stream.ts';
import type { Meter } from './meter.ts';

/** Items are said together that come within this time, and at most so many in one piece: a frame has a bound. */
const gatherMs = 25;
const maxTogether = 10;

export class Speaker {
  readonly #stream: CallStream;
  readonly #clock: Clock;
  readonly #meter: Meter;
  #items: string[] = [];
  #callOff: (() => void) | null = null;
  /** What was left out, since too much was not read. */
  unread = 0;

  constructor(stream: CallStream, clock: Clock, meter: Meter) {
    this.#stream = stream;
    this.#clock = clock;
    this.#meter = meter;
  }

  /**
   * @param item the JSON text of one item.
   * @returns whether it is said, or will be.
   */
  say(item: string): boolean {
    if (this.#items.length + this.#stream.unread >= limits.maxUnreadCalls) {
      this.unread += 1;
      return false;
    }
    this.#items.push(item);
    this.#callOff ??= this.#clock.after(gatherMs, () => this.flush());
    return true;
  }

  flush(): void {
    this.#callOff?.();
    this.#callOff = null;
    const startedMs = this.#clock.now();
    for (let from = 0; from < this.#items.length; from += maxTogether) {
      const piece = this.#items.slice(from, from + maxTogether);
      this.#stream.say(`[${piece.join(',')}]`, piece.length);
    }
    this.#items = [];
    this.#meter.spend(this.#clock.now() - startedMs);
  }
}
