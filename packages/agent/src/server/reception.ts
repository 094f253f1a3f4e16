/**
 * Where connections wait until a key is proven: few are served at a time, the others in turn, and nobody holds a place for long while somebody waits. An address whose attempts
 * fail again and again waits longer, and holds up nobody from elsewhere. Knows nothing of sockets.
 */
import type { Clock } from '../platform/clock.ts';

export interface ReceptionBounds {
  maxUnauthenticatedConnections: number;
  maxWaitingConnections: number;
  maxWaitingOfOneSource: number;
  crowdedTimeoutMs: number;
  maxFailedAttempts: number;
  failedAttemptsPerSecond: number;
}

/** A connection that has not proven a key, as its listener hears of it. */
export interface Newcomer {
  /** `local`, or the peer's address. */
  source: string;
  /** It is its turn. */
  enter: () => void;
  /** It must make room. */
  cut: () => void;
}

/** The same, as it is told what becomes of it. */
export interface Visit {
  /** A key was proven: it is no stranger any more. */
  proven(): void;
  /** It was refused. */
  failed(): void;
  /** The connection is closed. */
  left(): void;
}

interface Entry extends Newcomer {
  enteredAt: number;
}

/** Of more addresses than this, those that failed longest ago are forgotten. */
const rememberedSources = 1_000;

export class Reception {
  readonly #bounds: ReceptionBounds;
  readonly #clock: Clock;
  readonly #served = new Set<Entry>();
  #waiting: Entry[] = [];
  /** Attempts that may fail yet, by address; one that is not here has them all. */
  readonly #attempts = new Map<string, { left: number; at: number }>();
  #stopTimer: () => void = () => undefined;

  constructor(bounds: ReceptionBounds, clock: Clock) {
    this.#bounds = bounds;
    this.#clock = clock;
  }

  /** Null where there is no room, not even to wait. `enter` may be called before this returns. */
  arrive(newcomer: Newcomer): Visit | null {
    const entry: Entry = { ...newcomer, enteredAt: Infinity };
    const { maxWaitingConnections, maxWaitingOfOneSource } = this.#bounds;
    const ofSource = this.#waiting.filter(({ source }) => source === newcomer.source).length;
    if (this.#waiting.length >= maxWaitingConnections || ofSource >= maxWaitingOfOneSource) return null;
    this.#waiting.push(entry);
    this.#next();
    const gone = (): void => {
      this.#served.delete(entry);
      this.#waiting = this.#waiting.filter((each) => each !== entry);
      this.#next();
    };
    return { proven: gone, left: gone, failed: () => this.#count(newcomer.source) };
  }

  close(): void {
    this.#stopTimer();
  }

  #next(): void {
    this.#stopTimer();
    const { maxUnauthenticatedConnections, crowdedTimeoutMs } = this.#bounds;
    while (this.#served.size < maxUnauthenticatedConnections) {
      const entry = this.#whoseTurn();
      if (entry === null) break;
      this.#waiting = this.#waiting.filter((each) => each !== entry);
      entry.enteredAt = this.#clock.now();
      this.#served.add(entry);
      entry.enter();
    }
    if (this.#waiting.length === 0) return;
    const isFull = this.#served.size >= maxUnauthenticatedConnections;
    // Either somebody has been here long enough, or an address has been kept waiting long enough.
    const delaysMs = isFull
      ? [...this.#served].map(({ enteredAt }) => enteredAt + crowdedTimeoutMs - this.#clock.now())
      : this.#waiting.map(({ source }) => this.#untilAllowedMs(source));
    this.#stopTimer = this.#clock.after(Math.max(0, Math.ceil(Math.min(...delaysMs))), () => (isFull ? this.#makeRoom() : this.#next()));
  }

  /** The first whose address may try, of the addresses of which fewest are served. */
  #whoseTurn(): Entry | null {
    const servedOf = (source: string): number => [...this.#served].filter((each) => each.source === source).length;
    let chosen: Entry | null = null;
    for (const entry of this.#waiting) {
      if (this.#untilAllowedMs(entry.source) > 0) continue;
      if (chosen === null || servedOf(entry.source) < servedOf(chosen.source)) chosen = entry;
    }
    return chosen;
  }

  #makeRoom(): void {
    const before = this.#clock.now() - this.#bounds.crowdedTimeoutMs;
    const slow = [...this.#served].filter(({ enteredAt }) => enteredAt <= before).slice(0, this.#waiting.length);
    for (const entry of slow) this.#served.delete(entry);
    for (const entry of slow) entry.cut();
    this.#next();
  }

  #count(source: string): void {
    const { maxFailedAttempts } = this.#bounds;
    const left = Math.max(this.#left(source) - 1, -maxFailedAttempts);
    this.#attempts.delete(source);
    this.#attempts.set(source, { left, at: this.#clock.now() });
    const [oldest] = this.#attempts.keys();
    if (this.#attempts.size > rememberedSources && oldest !== undefined) this.#attempts.delete(oldest);
  }

  #left(source: string): number {
    const { maxFailedAttempts, failedAttemptsPerSecond } = this.#bounds;
    const known = this.#attempts.get(source);
    if (known === undefined) return maxFailedAttempts;
    return Math.min(maxFailedAttempts, known.left + ((this.#clock.now() - known.at) / 1_000) * failedAttemptsPerSecond);
  }

  #untilAllowedMs(source: string): number {
    return Math.max(0, ((1 - this.#left(source)) / this.#bounds.failedAttemptsPerSecond) * 1_000);
  }
}
