/**
 * What the host did by itself and the door has to write down. It is kept until a door says that it is durable, and told again to each new door: so it survives a door that
 * dies, and is written twice rather than never. Each follows a push that was journaled, so there are never more than pushes.
 */
import type { Undone } from '../protocol/index.ts';

export class Outbox {
  /** How many patches are live. */
  readonly #live: () => number;
  #next = 1;
  #tell: ((undone: Undone, live: number) => void) | null = null;
  readonly #unwritten = new Map<number, Undone>();

  constructor(live: () => number) {
    this.#live = live;
  }

  add(undone: Omit<Undone, 'number' | 'at'>): void {
    const numbered = { ...undone, number: this.#next, at: new Date().toISOString() };
    this.#next += 1;
    this.#unwritten.set(numbered.number, numbered);
    this.#tell?.(numbered, this.#live());
  }

  /** A door is there, and hears what none before it has written. */
  attach(tell: (undone: Undone, live: number) => void): void {
    this.#tell = tell;
    for (const undone of this.#unwritten.values()) tell(undone, this.#live());
  }

  written(number: number): void {
    this.#unwritten.delete(number);
  }
}
