/**
 * How actors of a library are found and shown without a line in the service (docs/adapters.md). An adapter knows its library from what it is handed; it never imports it. Whatever it is asked
 * is asked under a time limit, its errors are shown to the operator and reach nobody else, and what it answers is held weakly.
 */

/** What waits for an actor. */
export interface Mailbox {
  /** How many messages wait. */
  length: number;
  /** The first of them, oldest first. A few are enough. */
  head: readonly unknown[];
}

/** One actor, as an adapter lists it. */
export interface FoundActor<Actor extends object = object> {
  /** What `inspect` opens. It is not kept: the list is asked for again whenever an operator looks. */
  actor: Actor;
  /** Its name among those of this adapter, the same at every look; `keyhole` calls it `<adapter>/<name>`. */
  name: string;
  /** What `keyhole actors TYPE` knows it by. */
  type: string;
  /** The `name` of the actor that it belongs to. */
  parent?: string;
  /** It is one of very many, such as a connection: left out where a list asks neither for this adapter nor for its type. */
  isDetail?: boolean;
}

/**
 * What an adapter knows of its actors. Only `name`, `shown` and `list` have to be there; what is left out, its actors can't do.
 *
 * @example
 * agent.actors.use({
 *   name: 'queue',
 *   shown: 'always',
 *   list: () => queues.map((queue) => ({ actor: queue, name: queue.name, type: 'Queue' })),
 *   mailbox: (queue) => ({ length: queue.jobs.length, head: queue.jobs.slice(0, 3) }),
 *   suspend: (queue) => queue.pause(),
 *   resume: (queue) => queue.start(),
 *   isSuspended: (queue) => queue.paused,
 * });
 */
export interface Adapter<Actor extends object = object> {
  /** In front of the names of its actors: lower-case letters, digits, dots and dashes. */
  readonly name: string;
  /** `always`: in every list of actors. `asked`: only where a list asks for this adapter, or for a type. */
  readonly shown: 'always' | 'asked';
  /** Those there are now. Called whenever an operator looks; what it yields beyond the bounds is left out, and that is said. */
  list(): Iterable<FoundActor<Actor>>;
  /** What is worth showing of one. Default: the actor itself. */
  state?(actor: Actor): unknown;
  /** What waits for it; null where this one has no mailbox. */
  mailbox?(actor: Actor): Mailbox | null;
  /** It takes no more messages out of its mailbox until it is resumed. */
  suspend?(actor: Actor): void;
  resume?(actor: Actor): void;
  /** Has to be there where `suspend` is: whether it came about is looked up. */
  isSuspended?(actor: Actor): boolean;
  /** Gives it a message: parsed JSON of the operator's. @throws {Error} saying what is wrong with the message or the actor. */
  send?(actor: Actor, message: unknown): void;
  /**
   * Calls back whenever its state may have changed, from wherever that happens; `changed` returns at once and never throws.
   * @returns what ends it; null where this one can't be subscribed to, so that it is looked at in intervals.
   */
  subscribe?(actor: Actor, changed: () => void): (() => void) | null;
  /** It has come to its end: nobody follows it any more, and nothing can be sent to it. */
  isOver?(actor: Actor): boolean;
}

const adapterName = /^[a-z][a-z0-9.-]{0,31}$/;

/** @throws {TypeError} naming what is wrong. */
export function checkAdapter(adapter: Adapter): void {
  if (typeof adapter !== 'object' || adapter === null) throw new TypeError('actors.use: needs an adapter');
  const { name, shown, list } = adapter;
  if (typeof name !== 'string' || !adapterName.test(name))
    throw new TypeError(`actors.use: the name must be lower-case letters, digits, dots and dashes, not ${JSON.stringify(name)?.slice(0, 40)}`);
  if (shown !== 'always' && shown !== 'asked') throw new TypeError(`actors.use: ${name}: shown must be 'always' or 'asked'`);
  if (typeof list !== 'function') throw new TypeError(`actors.use: ${name}: list must be a function`);
  if (adapter.suspend !== undefined && (adapter.resume === undefined || adapter.isSuspended === undefined))
    throw new TypeError(`actors.use: ${name}: what can be suspended needs resume and isSuspended too`);
}
