/** A clock that the test moves. */
import type { Clock } from '../../packages/agent/dist/platform/clock.js';

interface Timer {
  at: number;
  work: () => void;
}

export class FakeClock implements Clock {
  /** Milliseconds. */
  time: number;
  #due: Timer[] = [];

  constructor(time = 0) {
    this.time = time;
  }

  readonly now = (): number => this.time;

  after(delayMs: number, work: () => void): () => void {
    const timer = { at: this.time + delayMs, work };
    this.#due.push(timer);
    return () => this.#callOff(timer);
  }

  soon(work: () => void): () => void {
    return this.after(0, work);
  }

  get pending(): number {
    return this.#due.length;
  }

  /** Each timer runs at its own moment. */
  pass(ms: number): void {
    const until = this.time + ms;
    while (this.next(until));
    this.time = until;
  }

  /** Runs the next timer that is due until then, at its moment. @returns whether there was one. */
  next(until: number): boolean {
    const [timer] = this.#due.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
    if (timer === undefined) return false;
    this.#callOff(timer);
    this.time = Math.max(this.time, timer.at);
    timer.work();
    return true;
  }

  /** The thread was held up: what became due meanwhile runs only then, in the order in which it was set. */
  passHeldUp(ms: number): void {
    this.time += ms;
    for (const timer of this.#due.filter(({ at }) => at <= this.time)) {
      // One that ran before it may have called it off.
      if (!this.#due.includes(timer)) continue;
      this.#callOff(timer);
      timer.work();
    }
  }

  #callOff(timer: Timer): void {
    this.#due = this.#due.filter((each) => each !== timer);
  }
}
