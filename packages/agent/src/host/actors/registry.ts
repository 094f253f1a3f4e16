/**
 * The objects a service wants to be seen: registered by name, every living instance of a class, or whatever an adapter finds. Held weakly: being looked at never keeps an object alive. It is
 * there from the start, so it holds nothing but what it was told; who looks is `directory.ts`.
 */
import { checkAdapter } from './adapter.ts';
import type { Adapter } from './adapter.ts';

/** How an actor is shown, and what can be done with it. The functions are the service's own and run only when an operator asks. */
export interface ActorOptions<T extends object> {
  /** Default: the name of the object's class. */
  type?: string;
  /** What is worth showing of it. */
  state?: (actor: T) => unknown;
  /** How many messages wait, or the messages themselves, oldest first. */
  mailbox?: (actor: T) => number | readonly unknown[];
  /** It takes no message out of its mailbox until `resume`. Needs `resume` and `isSuspended`. */
  suspend?: (actor: T) => void;
  resume?: (actor: T) => void;
  isSuspended?: (actor: T) => boolean;
  /** Gives it a message: what an operator wrote as JSON. */
  send?: (actor: T, message: unknown) => void;
  /** Calls back whenever its state has changed; returns what ends that. */
  subscribe?: (actor: T, changed: () => void) => () => void;
}

export type Registered = { reference: WeakRef<object>; type: string } & Omit<ActorOptions<object>, 'type'>;
export type WatchedClass = abstract new (...args: never[]) => object;

export class ActorRegistry {
  readonly #actors = new Map<string, Registered>();
  readonly #classes = new Set<WatchedClass>();
  readonly #adapters = new Map<string, Adapter>();

  /**
   * Registers an object under a name.
   * @returns a function that takes it off the list again.
   * @throws {TypeError} where the name is taken by another living object.
   * @example
   * agent.actors.register('room/lobby', lobby, { type: 'Room', state: (room) => room.snapshot(), mailbox: (room) => room.queue.length });
   */
  register<T extends object>(id: string, actor: T, options: ActorOptions<T> = {}): () => void {
    if (typeof id !== 'string' || id === '') throw new TypeError('actors.register: the id must be a string that is not empty');
    if ((typeof actor !== 'object' && typeof actor !== 'function') || actor === null) throw new TypeError(`actors.register: ${id} must be an object`);
    if (options.suspend !== undefined && (options.resume === undefined || options.isSuspended === undefined))
      throw new TypeError(`actors.register: ${id}: what can be suspended needs resume and isSuspended too`);
    const before = this.#actors.get(id)?.reference.deref();
    if (before !== undefined && before !== actor) throw new TypeError(`actors.register: there is an actor ${id} already`);
    const { type = actor.constructor?.name ?? 'Object', ...shown } = options as ActorOptions<object>;
    const registered: Registered = { reference: new WeakRef(actor), type, ...shown };
    this.#actors.set(id, registered);
    return () => {
      if (this.#actors.get(id) === registered) this.#actors.delete(id);
    };
  }

  /**
   * Shows every living instance of a class. They are found when an operator asks, which stops the process in proportion to its heap; above 150 MB it is refused.
   * @returns a function that takes the class off the list again.
   * @example
   * agent.actors.watchClass(Room);
   */
  watchClass(watched: WatchedClass): () => void {
    if (typeof watched !== 'function' || typeof watched.prototype !== 'object') throw new TypeError('actors.watchClass: needs a class');
    this.#classes.add(watched);
    return () => {
      this.#classes.delete(watched);
    };
  }

  /**
   * Shows what an adapter finds (docs/adapters.md). One of the same name takes the place of the one before.
   * @returns a function that takes it off again.
   * @throws {TypeError} where it is no adapter.
   * @example
   * agent.actors.use(xstate([checkout]));
   */
  use<Actor extends object>(adapter: Adapter<Actor>): () => void {
    const used = adapter as unknown as Adapter;
    checkAdapter(used);
    this.#adapters.set(used.name, used);
    return () => {
      if (this.#adapters.get(used.name) === used) this.#adapters.delete(used.name);
    };
  }

  /** One of ours, made when somebody comes: the service's own of that name has been there before, and stays. */
  useOwn(adapter: Adapter): void {
    if (!this.#adapters.has(adapter.name)) this.#adapters.set(adapter.name, adapter);
  }

  /** Registered ones that live. */
  *living(): Generator<{ id: string; actor: object; registered: Registered }> {
    for (const [id, registered] of this.#actors) {
      const actor = registered.reference.deref();
      if (actor === undefined) this.#actors.delete(id);
      else yield { id, actor, registered };
    }
  }

  get classes(): ReadonlySet<WatchedClass> {
    return this.#classes;
  }

  get adapters(): ReadonlyMap<string, Adapter> {
    return this.#adapters;
  }
}
