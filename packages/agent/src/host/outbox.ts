/**
 * What the host did by itself and the door has to write down. It is kept until a door says that it is durable, and told again to each new door: so it survives a door that
 * dies, and is written twice rather than never. Each follows an entry of the journal, so there are never more than those.
 */
import type { Undone } from '../protocol/index.ts';
import type { HostNews, Replayed } from './bridge.ts';

export class Outbox {
  /** How many patches are live. */
  readonly #live: () => number;
  #next = 1;
  #undone = 1;
  #tell: ((news: HostNews) => void) | null = null;
  readonly #unwritten = new Map<number, { undone: Undone } | { replayed: Replayed }>();

  constructor(live: () => number) {
    this.#live = live;
  }

  add(undone: Omit<Undone, 'number' | 'at'>): void {
    const number = this.#undone;
    this.#undone += 1;
    this.#keep({ undone: { ...undone, number, at: new Date().toISOString() } });
  }

  addReplayed(replayed: Replayed): void {
    this.#keep({ replayed });
  }

  /** A door is there, and hears what none before it has written. */
  attach(tell: (news: HostNews) => void): void {
    this.#tell = tell;
    for (const [number, news] of this.#unwritten) tell({ t: 'news', number, live: this.#live(), ...news });
  }

  written(number: number): void {
    this.#unwritten.delete(number);
  }

  #keep(news: { undone: Undone } | { replayed: Replayed }): void {
    const number = this.#next;
    this.#next += 1;
    this.#unwritten.set(number, news);
    this.#tell?.({ t: 'news', number, live: this.#live(), ...news });
  }
}
