/**
 * What most processes never need is loaded when somebody comes: the parser, and everything that evaluates and patches. One piece in a turn of the event loop, since together they take
 * as long as a service's slow request.
 */
import { nextTurn } from '../platform/clock.ts';
import type { Clock } from '../platform/clock.ts';
import { later } from '../platform/later.ts';
import { followed } from '../platform/originals.ts';

/**
 * What the loader may need in the middle of a load (see loader/make.ts), and therefore at once and before everything else: Node can not be asked at once for a module that somebody is
 * importing already.
 */
const shared = ['../source/syntax.js', '../source/index.js', '../loader/make.js'].map((file) => later(import.meta.url, file));

/** The rest, from the bottom up, so that each brings what the next one needs. */
const pieces: (() => Promise<unknown>)[] = [
  () => import('../protocol/index.ts'),
  () => import('../loader/index.ts'),
  () => import('./evaluate.ts'),
  () => import('./patch/modules.ts'),
  () => import('./patch/slots.ts'),
  () => import('./patch/rebind.ts'),
  () => import('./patch/index.ts'),
];

/** What is there already, or comes when it is asked for. */
export interface Coming<Host> {
  /** null while nobody has come. */
  readonly here: Host | null;
  /** Rejects with what went wrong; the next one who comes tries again. */
  come(): Promise<Host>;
  /** Now, or when it has come; never where nobody is waiting for it. */
  whenHere(work: (host: Host) => void): void;
}

export class Arrival<Module, Host> implements Coming<Host> {
  readonly #load: () => Promise<Module>;
  readonly #assemble: (module: Module) => Host;
  readonly #clock: Clock;
  #here: Host | null = null;
  #coming: Promise<Host> | null = null;

  /** @param load brings what puts the host together. */
  constructor(load: () => Promise<Module>, assemble: (module: Module) => Host, clock: Clock) {
    this.#load = load;
    this.#assemble = assemble;
    this.#clock = clock;
  }

  get here(): Host | null {
    return this.#here;
  }

  /** At once, where it can not wait. */
  now(module: Module): Host {
    return (this.#here ??= this.#assemble(module));
  }

  /** In turns. */
  come(): Promise<Host> {
    this.#coming ??= this.#fully();
    return this.#coming;
  }

  whenHere(work: (host: Host) => void): void {
    if (this.#here !== null) work(this.#here);
    // Who waits for it hears why it does not come.
    else if (this.#coming !== null) void followed(this.#coming, work as (host: unknown) => void, () => undefined);
  }

  async #fully(): Promise<Host> {
    try {
      return await this.#inTurns();
    } catch (thrown) {
      this.#coming = null;
      throw thrown;
    }
  }

  async #inTurns(): Promise<Host> {
    for (const piece of [...shared, ...pieces]) {
      await nextTurn(this.#clock);
      await piece();
    }
    const module = await this.#load();
    await nextTurn(this.#clock);
    return this.now(module);
  }
}
