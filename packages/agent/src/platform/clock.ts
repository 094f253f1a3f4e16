/**
 * Time and timers as Node gave them, taken when this file is loaded: a service that replaces `setTimeout`, or stops its clock in a test, does not touch what the agent has promised
 * to do. Monotonic, so that nobody who sets the wall clock shortens or prolongs a promise. None of its timers keeps the process alive.
 */
import { required } from './later.ts';

export interface Clock {
  /** Milliseconds since some moment. */
  now(): number;
  /** Runs `work` once, that many milliseconds from now or as soon after as the thread is free. @returns how to call it off. */
  after(delayMs: number, work: () => void): () => void;
  /** Runs `work` at the next turn boundary. */
  soon(work: () => void): () => void;
}

// Not from the global object: the agent may come into a process that has replaced them.
const { clearImmediate, clearTimeout, setImmediate, setTimeout } = required<typeof import('node:timers')>('node:timers');
export const startTimeout = setTimeout;
export const stopTimeout = clearTimeout;
const startImmediate = setImmediate;
const stopImmediate = clearImmediate;
const { hrtime } = process;
const { apply } = Reflect;
const sample = startTimeout(() => undefined, 0);
const unrefTimeout = sample.unref;
stopTimeout(sample);

const ownTimers = new WeakSet();

/** Whether a timer or an immediate is one of ours. */
export const isOwnTimer = (timer: object): boolean => ownTimers.has(timer);

export const nodeClock: Clock = {
  now() {
    const [seconds, nanoseconds] = hrtime();
    return seconds * 1_000 + nanoseconds / 1_000_000;
  },
  after(delayMs, work) {
    const timer = startTimeout(work, delayMs);
    ownTimers.add(timer);
    apply(unrefTimeout, timer, []);
    return () => stopTimeout(timer);
  },
  soon(work) {
    const immediate = startImmediate(work);
    ownTimers.add(immediate);
    return () => stopImmediate(immediate);
  },
};

/** Lets the service have its turn. */
export function nextTurn(clock: Clock): Promise<void> {
  return new Promise((resolve) => void clock.soon(resolve));
}

/** Milliseconds to the microsecond. */
export function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
