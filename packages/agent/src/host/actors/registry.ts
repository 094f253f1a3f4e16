/**
 * The objects a service wants to be seen: registered by name, or every living instance of a class, found when asked for. Held weakly: being looked at never
 * keeps an object alive.
 */
import { KeyholeError } from '../../protocol/errors.ts';
import type { Result } from '../../protocol/index.ts';
import { instancesOf, refuseLongPause } from '../instances.ts';
import type { Inspector } from '../inspector.ts';
import type { SessionObjects } from '../objects.ts';

/** How an actor is shown. Both functions are the service's own and run only when an operator looks. */
export interface ActorOptions<T extends object> {
  /** Default: the name of the object's class. */
  type?: string;
  /** What is worth showing of it. */
  state?: (actor: T) => unknown;
  /** How many messages wait. */
  mailbox?: (actor: T) => number;
}

interface Registered {
  reference: WeakRef<object>;
  type: string;
  state: ((actor: object) => unknown) | undefined;
  mailbox: ((actor: object) => number) | undefined;
}

/** A list of actors is no reason to stop a process for longer: that is a heap of 150 MB. */
const maxPauseOfListMs = 2_000;
const maxInstances = 1_000;

export class ActorRegistry {
  readonly #actors = new Map<string, Registered>();
  readonly #classes = new Set<abstract new (...args: never[]) => object>();
  readonly #ids = new WeakMap<object, number>();
  #nextId = 1;

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
    const before = this.#actors.get(id)?.reference.deref();
    if (before !== undefined && before !== actor) throw new TypeError(`actors.register: there is an actor ${id} already`);
    const registered: Registered = {
      reference: new WeakRef(actor),
      type: options.type ?? actor.constructor?.name ?? 'Object',
      state: options.state as Registered['state'],
      mailbox: options.mailbox as Registered['mailbox'],
    };
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
  watchClass(watched: abstract new (...args: never[]) => object): () => void {
    if (typeof watched !== 'function' || typeof watched.prototype !== 'object') throw new TypeError('actors.watchClass: needs a class');
    this.#classes.add(watched);
    return () => {
      this.#classes.delete(watched);
    };
  }

  /** Registered ones with the longest mailboxes. Asks nothing but how long they are. */
  mailboxes(most: number): { count: number; top: { id: string; type: string; mailbox: number | null }[] } {
    const all: { id: string; type: string; mailbox: number | null }[] = [];
    for (const [id, { reference, type, mailbox }] of this.#actors) {
      const actor = reference.deref();
      if (actor === undefined) continue;
      let waiting: unknown;
      try {
        waiting = mailbox?.(actor);
      } catch {
        // What is wrong with it is shown by `actors`.
      }
      all.push({ id, type, mailbox: lengthOf(waiting) });
    }
    return { count: all.length, top: all.sort((a, b) => (b.mailbox ?? -1) - (a.mailbox ?? -1)).slice(0, most) };
  }

  list(type: string | undefined, inspector: Inspector, objects: SessionObjects): Result<'actors.list'> {
    const actors: Result<'actors.list'>['actors'] = [];
    for (const [id, registered] of this.#actors) {
      const actor = registered.reference.deref();
      if (actor === undefined) this.#actors.delete(id);
      else if (type === undefined || registered.type === type) actors.push(this.#describe(id, actor, registered, inspector, objects));
    }
    for (const watched of this.#classes) {
      if (type !== undefined && watched.name !== type) continue;
      try {
        for (const instance of this.#instances(watched, inspector, objects.group)) {
          const wrapped = inspector.show(instance, objects.group);
          actors.push({ id: this.#idOf(instance, watched.name), type: watched.name, mailbox: null, state: objects.value(wrapped) });
        }
      } catch (thrown) {
        // One class that can not be asked must not hide the actors that can.
        if (!(thrown instanceof KeyholeError)) throw thrown;
        actors.push({ id: `${watched.name}#?`, type: watched.name, mailbox: null, error: thrown.message });
      }
    }
    return { actors };
  }

  /** @throws {KeyholeError} NOT_FOUND with the ids there are. */
  find(id: string, inspector: Inspector, group: string): object {
    const registered = this.#actors.get(id)?.reference.deref();
    if (registered !== undefined) return registered;
    for (const watched of this.#classes) {
      if (!id.startsWith(`${watched.name}#`)) continue;
      for (const instance of this.#instances(watched, inspector, group)) if (this.#idOf(instance, watched.name) === id) return instance;
    }
    const ids = [...this.#actors.keys()].slice(0, 20);
    throw new KeyholeError(
      'NOT_FOUND',
      `there is no actor ${id}`,
      ids.length === 0 ? 'The service registered none.' : `There are ${ids.join(', ')}.`,
    );
  }

  #describe(
    id: string,
    actor: object,
    registered: Registered,
    inspector: Inspector,
    objects: SessionObjects,
  ): Result<'actors.list'>['actors'][number] {
    let error: string | undefined;
    const ask = <T>(question: ((actor: object) => T) | undefined): T | undefined => {
      try {
        return question?.(actor);
      } catch (thrown) {
        error = thrown instanceof Error ? thrown.message : String(thrown);
        return undefined;
      }
    };
    const mailbox = lengthOf(ask(registered.mailbox));
    const shown = registered.state === undefined ? actor : ask(registered.state);
    const described: Result<'actors.list'>['actors'][number] = { id, type: registered.type, mailbox };
    if (error === undefined) described.state = objects.value(inspector.show(shown, objects.group));
    else described.error = error;
    return described;
  }

  #instances(watched: abstract new (...args: never[]) => object, inspector: Inspector, group: string): object[] {
    refuseLongPause(`finding the instances of ${watched.name}`, {
      maxPauseMs: maxPauseOfListMs,
      insist: false,
      hint: 'Register the objects by name instead; another TYPE leaves the class out, and keyhole instances takes --max-pause.',
    });
    return instancesOf(inspector, inspector.wrap(watched.prototype, group, false), group, maxInstances).found;
  }

  #idOf(instance: object, type: string): string {
    let id = this.#ids.get(instance);
    if (id === undefined) {
      id = this.#nextId;
      this.#nextId += 1;
      this.#ids.set(instance, id);
    }
    return `${type}#${id}`;
  }
}

/** Of a mailbox, by what the service says of it. */
function lengthOf(said: unknown): number | null {
  return typeof said === 'number' && Number.isFinite(said) ? said : null;
}
