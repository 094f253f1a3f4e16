/**
 * What looking may take of the service's main thread: so many milliseconds a second, and some saved up, so that a person never waits and two hundred scripts can't make the service wait. Who comes first goes as long
 * as there is something left; then one after the other, each session in its turn. What is saved up is not spent at one go either: two hundred consoles that come together would have the thread for seconds.
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

/** What may be taken before that pace holds, in milliseconds: a few looks of one person. */
const paceBurstMs = 10;
/** How much of a new look's length goes into what the next one is expected to take. */
const weightOfNewest = 0.2;
/** What the first is expected to take. */
const firstMs = 5;

/** So much a second, and so much saved up. */
class Allowance {
  readonly #msPerSecond: number;
  readonly #mostMs: number;
  #leftMs: number;
  #filledAt: number;

  constructor(msPerSecond: number, mostMs: number, now: number) {
    this.#msPerSecond = msPerSecond;
    this.#mostMs = mostMs;
    this.#leftMs = mostMs;
    this.#filledAt = now;
  }

  leftMs(now: number): number {
    this.#leftMs = Math.min(this.#mostMs, this.#leftMs + ((now - this.#filledAt) / 1_000) * this.#msPerSecond);
    this.#filledAt = now;
    return this.#leftMs;
  }

  spend(ms: number, now: number): void {
    // Were it all owed, one slow look would shut out everybody for a hundred times its length.
    this.#leftMs = Math.max(this.leftMs(now) - ms, -this.#msPerSecond);
  }

  /** In how many milliseconds more than `ms` will be left. */
  waitMs(ms: number, now: number): number {
    return ((ms - this.leftMs(now)) / this.#msPerSecond) * 1_000;
  }
}

export class LookBudget {
  readonly #share: LookShare;
  readonly #clock: Clock;
  readonly #allowances: readonly Allowance[];
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
    const now = clock.now();
    this.#allowances = [
      new Allowance(share.maxLookMsPerSecond, share.maxLookBurstMs, now),
      // Who allows more than the pace has allowed it.
      new Allowance(Math.max(limits.lookPaceMsPerSecond, share.maxLookMsPerSecond), Math.min(paceBurstMs, share.maxLookBurstMs), now),
    ];
  }

  /**
   * Does `look` when it is its turn.
   * @param look is told by which call to say how long it had the main thread.
   * @param interruptible is given the way to end the waiting.
   * @throws {KeyholeError} BUSY where the turn does not come in time, what the waiting was ended with, and what `look` throws
   */
  async take<T>(session: string, look: (took: (ms: number) => void) => Promise<T>, interruptible: (end: Waiting['end']) => void): Promise<T> {
    if (this.#waiting.size === 0 && this.#waitMs() < 0) this.#enter(session);
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
    const now = this.#clock.now();
    for (const allowance of this.#allowances) allowance.spend(ms, now);
    this.#usualMs += (ms - this.#usualMs) * weightOfNewest;
  }

  /** In how many milliseconds something will be left when all that is under way is done; below zero: there is. */
  #waitMs(): number {
    const now = this.#clock.now();
    const expectedMs = this.#underWay * this.#usualMs;
    return Math.max(...this.#allowances.map((allowance) => allowance.waitMs(expectedMs, now)));
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
    let waitMs = this.#waitMs();
    while (this.#waiting.size > 0 && waitMs < 0) {
      this.#longestSince()?.go();
      waitMs = this.#waitMs();
    }
    if (this.#waiting.size === 0) return;
    const delayMs = Math.ceil(waitMs) + 1;
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
