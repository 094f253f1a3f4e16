/**
 * What looking may take of the service's main thread: so many milliseconds a second, and some saved up, so that a person never waits and two hundred scripts can't make the service wait. Who comes first goes as long
 * as there is something left; then one after the other, each session in its turn.
 */
import { KeyholeError, limits } from '../protocol/index.ts';
import type { Clock } from '../platform/clock.ts';

export interface LookShare {
  /** What comes in: milliseconds of the main thread a second. */
  maxLookMsPerSecond: number;
  /** What is saved up where nobody looks. */
  maxLookBurstMs: number;
}

interface Waiting {
  session: string;
  go: () => void;
  end: (why: KeyholeError) => void;
}

/** How much of a new look's length goes into what the next one is expected to take. */
const weightOfNewest = 0.2;
/** What the first is expected to take. */
const firstMs = 5;

export class LookBudget {
  readonly #share: LookShare;
  readonly #clock: Clock;
  #leftMs: number;
  #filledAt: number;
  /** Looks under way, whose length nobody knows yet, and what one is expected to take. */
  #underWay = 0;
  #usualMs = firstMs;
  readonly #waiting = new Set<Waiting>();
  /** When each session was let in last, by a number that goes up. */
  readonly #lastTurn = new Map<string, number>();
  #turns = 0;
  /** Of the next look at who may go. */
  #callOff: () => void = () => undefined;

  constructor(share: LookShare, clock: Clock) {
    this.#share = share;
    this.#clock = clock;
    this.#leftMs = share.maxLookBurstMs;
    this.#filledAt = clock.now();
  }

  /**
   * Does `look` when it is its turn.
   * @param look is told by which call to say how long it had the main thread.
   * @param interruptible is given the way to end the waiting.
   * @throws {KeyholeError} BUSY where the turn does not come in time, what the waiting was ended with, and what `look` throws
   */
  async take<T>(session: string, look: (took: (ms: number) => void) => Promise<T>, interruptible: (end: Waiting['end']) => void): Promise<T> {
    if (this.#waiting.size === 0 && this.#expectedMs() > 0) this.#enter(session);
    else await this.#turn(session, interruptible);
    try {
      return await look((ms) => this.#took(ms));
    } finally {
      this.#underWay -= 1;
      this.#next();
    }
  }

  /** That session is gone. */
  forget(session: string): void {
    this.#lastTurn.delete(session);
    for (const waiting of this.#waiting)
      if (waiting.session === session) waiting.end(new KeyholeError('UNREACHABLE', 'the console has gone before it was its turn'));
  }

  #enter(session: string): void {
    this.#turns += 1;
    this.#lastTurn.set(session, this.#turns);
    this.#underWay += 1;
  }

  #took(ms: number): void {
    // Were it all owed, one slow look would shut out everybody for a hundred times its length.
    this.#leftMs = Math.max(this.#filledMs() - ms, -this.#share.maxLookMsPerSecond);
    this.#usualMs += (ms - this.#usualMs) * weightOfNewest;
  }

  #filledMs(): number {
    const now = this.#clock.now();
    this.#leftMs = Math.min(this.#share.maxLookBurstMs, this.#leftMs + ((now - this.#filledAt) / 1_000) * this.#share.maxLookMsPerSecond);
    this.#filledAt = now;
    return this.#leftMs;
  }

  /** What will be left when all that is under way is done. */
  #expectedMs(): number {
    return this.#filledMs() - this.#underWay * this.#usualMs;
  }

  #turn(session: string, interruptible: (end: Waiting['end']) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(waiting);
        notTooLate();
      };
      const waiting: Waiting = {
        session,
        go: () => {
          leave();
          this.#enter(session);
          resolve();
        },
        end: (why) => {
          leave();
          reject(why);
        },
      };
      const notTooLate = this.#clock.after(limits.lookWaitMs, () => waiting.end(this.#busy()));
      this.#waiting.add(waiting);
      interruptible(waiting.end);
      this.#next();
    });
  }

  #busy(): KeyholeError {
    const { maxLookMsPerSecond } = this.#share;
    return new KeyholeError(
      'BUSY',
      `operators look at the service for more than ${maxLookMsPerSecond} ms of each second: this waited ${limits.lookWaitMs / 1_000} s for its turn`,
      'Ask again, ask for less, or let looking take more (limits.maxLookMsPerSecond).',
    );
  }

  /** Lets in whoever waits, as far as there is something left. */
  #next(): void {
    this.#callOff();
    this.#callOff = () => undefined;
    let missingMs = -this.#expectedMs();
    while (this.#waiting.size > 0 && missingMs < 0) {
      this.#longestSince()?.go();
      missingMs = -this.#expectedMs();
    }
    if (this.#waiting.size === 0) return;
    const delayMs = Math.ceil((missingMs / this.#share.maxLookMsPerSecond) * 1_000) + 1;
    this.#callOff = this.#clock.after(delayMs, () => this.#next());
  }

  /** Of those who wait, the one whose session was let in the longest ago. */
  #longestSince(): Waiting | undefined {
    let first: Waiting | undefined;
    let firstTurn = Infinity;
    for (const waiting of this.#waiting) {
      const turn = this.#lastTurn.get(waiting.session) ?? 0;
      if (turn < firstTurn) [first, firstTurn] = [waiting, turn];
    }
    return first;
  }
}
