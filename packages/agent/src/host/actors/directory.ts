/** Who looks for actors: registered ones, instances of watched classes, and what adapters find. What code of theirs is asked is asked by `asking.ts`. */
import { parse } from '../../platform/originals.ts';
import { KeyholeError, limits } from '../../protocol/index.ts';
import type { ListedActor, RemoteValue, Result } from '../../protocol/index.ts';
import { instancesOf, refuseLongPause } from '../instances.ts';
import type { Inspector } from '../inspector.ts';
import type { SessionObjects } from '../objects.ts';
import { defaultGlimpse, Glimpse } from '../watch/glimpse.ts';
import type { Adapter } from './adapter.ts';
import { Asking } from './asking.ts';
import type { Looked, Seen } from './asking.ts';
import { entryOfInstance, entryOfRegistered, powersOf } from './entry.ts';
import type { ActorEntry } from './entry.ts';
import type { ActorRegistry, WatchedClass } from './registry.ts';
import type { Judge } from './where.ts';

/** A list of actors is no reason to stop a process for longer: that is a heap of 150 MB. */
const maxPauseOfListMs = 2_000;
const maxInstances = 1_000;
/** Actors of one adapter that a condition is asked of, and how many at a time. */
const maxSearched = 20_000;
const pieceSize = 200;

/** What is asked for; all that is left out is not. */
interface Wanted {
  type?: string | undefined;
  from?: string | undefined;
}

export class ActorDirectory {
  readonly #registry: ActorRegistry;
  readonly #inspector: Inspector;
  readonly #asking: Asking;
  readonly #ids = new WeakMap<object, number>();
  #nextId = 1;

  constructor(registry: ActorRegistry, inspector: Inspector) {
    this.#registry = registry;
    this.#inspector = inspector;
    this.#asking = new Asking(inspector);
  }

  /** @throws {KeyholeError} NOT_FOUND where there is no such adapter. */
  list(wanted: Wanted, objects: SessionObjects): Result<'actors.list'> {
    const { entries, left } = this.#wanted(wanted, limits.maxListedActors);
    const actors = this.#rows(this.#asking.each(entries), objects);
    for (const watched of this.#classes(wanted)) actors.push(...this.#ofClass(watched, objects));
    return { actors, ...(left.length > 0 && { left }) };
  }

  /**
   * Those that a condition holds for, of all there are: a piece of them at a time, since a session has only so many handles, and between two pieces the service has its turn.
   * @throws {KeyholeError} NOT_FOUND where there is no such adapter.
   */
  async search(wanted: Wanted, objects: SessionObjects, judge: Judge, turn: () => Promise<void>): Promise<Result<'actors.find'>> {
    const { entries, left } = this.#wanted(wanted, maxSearched);
    const actors: ListedActor[] = [];
    const unjudged: Result<'actors.find'>['unjudged'] = [];
    const take = (rows: readonly ListedActor[]): void => {
      const judged = judge(rows);
      actors.push(...judged.actors);
      unjudged.push(...judged.unjudged);
    };
    for (let at = 0; at < entries.length; at += pieceSize) {
      if (actors.length >= limits.maxListedActors) {
        left.push({ from: entries[at]?.from ?? 'the registered ones', why: `the condition holds for more than ${limits.maxListedActors - 1}` });
        break;
      }
      if (at > 0) await turn();
      take(this.#rows(this.#asking.each(entries.slice(at, at + pieceSize)), objects));
    }
    for (const watched of this.#classes(wanted)) take(this.#ofClass(watched, objects));
    return { actors, unjudged: unjudged.slice(0, limits.maxListedActors), ...(left.length > 0 && { left }) };
  }

  #wanted({ type, from }: Wanted, most: number): { entries: ActorEntry[]; left: NonNullable<Result<'actors.list'>['left']> } {
    const left: NonNullable<Result<'actors.list'>['left']> = [];
    const entries = from === undefined ? this.#registered().filter((entry) => type === undefined || entry.type === type) : [];
    for (const adapter of this.#adaptersFor(type, from)) {
      const isWanted = (entry: ActorEntry): boolean => (type === undefined ? from !== undefined || entry.isDetail !== true : entry.type === type);
      const found = this.#asking.list(adapter, isWanted, most);
      entries.push(...found.entries);
      if (found.why !== null) left.push({ from: adapter.name, why: found.why });
    }
    return { entries, left };
  }

  #classes({ type, from }: Wanted): WatchedClass[] {
    return from === undefined ? [...this.#registry.classes].filter((watched) => type === undefined || watched.name === type) : [];
  }

  /** Those with the longest mailboxes, of what is listed always. Asks nothing but how long they are. */
  mailboxes(most: number): { count: number; top: { id: string; type: string; mailbox: number | null }[] } {
    const entries = this.#registered();
    for (const adapter of this.#adaptersFor(undefined, undefined))
      if (adapter.mailbox !== undefined) entries.push(...this.#asking.list(adapter, () => true, limits.maxListedActors).entries);
    const bare = entries.map(({ id, type, actor, again, mailbox }): ActorEntry => ({
      id,
      type,
      actor,
      again,
      state: () => null,
      ...(mailbox !== undefined && { mailbox }),
    }));
    const all = this.#asking.each(bare).map(({ entry: { id, type }, mailbox }) => ({ id, type, mailbox: mailbox?.length ?? null }));
    return { count: all.length, top: all.sort((a, b) => (b.mailbox ?? -1) - (a.mailbox ?? -1)).slice(0, most) };
  }

  /** @throws {KeyholeError} NOT_FOUND with the ids there are. */
  find(id: string): ActorEntry {
    for (const { id: each, actor, registered } of this.#registry.living()) if (each === id) return entryOfRegistered(id, actor, registered);
    for (const watched of this.#registry.classes) {
      if (!id.startsWith(`${watched.name}#`)) continue;
      for (const actor of this.#instances(watched)) if (this.#idOf(actor, watched.name) === id) return entryOfInstance(id, actor, watched.name);
    }
    const adapter = this.#registry.adapters.get(id.slice(0, Math.max(0, id.indexOf('/'))));
    if (adapter !== undefined) {
      const { entries, why } = this.#asking.list(adapter, (entry) => entry.id === id, 1);
      if (entries[0] !== undefined) return entries[0];
      throw new KeyholeError(
        'NOT_FOUND',
        `there is no actor ${id}${why === null ? '' : ` among those that were looked at: ${why}`}`,
        `keyhole actors --from ${adapter.name} lists them.`,
      );
    }
    const ids = this.#registered()
      .slice(0, 20)
      .map((entry) => entry.id);
    const adapters = [...this.#registry.adapters.keys()];
    throw new KeyholeError(
      'NOT_FOUND',
      `there is no actor ${id}`,
      `${ids.length === 0 ? 'The service registered none.' : `There are ${ids.join(', ')}.`}${adapters.length === 0 ? '' : ` keyhole actors --from lists what ${adapters.join(', ')} find.`}`,
    );
  }

  /** What one actor shows now: two looks can be compared. */
  glimpse(entry: ActorEntry, depth: number): Seen {
    return this.#asking.glimpse(entry, depth);
  }

  /** It says so itself, or is not registered any more. One that can't say goes on. */
  isOver(entry: ActorEntry): boolean {
    return (entry.from === undefined && this.#wasTakenOff(entry)) || this.#asking.isOver(entry);
  }

  /** How many messages wait for one actor; null where it can't say. */
  waitingFor(entry: ActorEntry): number | null {
    return this.#asking.each([{ ...entry, state: () => null }])[0]?.mailbox?.length ?? null;
  }

  /** What one actor says of its mailbox, and what can be done with it. Its state is what `inspect` opens. */
  describe(entry: ActorEntry, objects: SessionObjects): ListedActor {
    const [looked] = this.#asking.each([{ ...entry, state: () => null }]);
    const [row] = this.#rows(looked === undefined ? [] : [looked], objects);
    const { state: _, ...described } = row ?? { id: entry.id, type: entry.type, mailbox: null };
    return described;
  }

  #wasTakenOff({ id, actor, type }: ActorEntry): boolean {
    if (id.startsWith(`${type}#`) && this.#ids.has(actor)) return false;
    return ![...this.#registry.living()].some((each) => each.id === id && each.actor === actor);
  }

  #registered(): ActorEntry[] {
    return [...this.#registry.living()].map(({ id, actor, registered }) => entryOfRegistered(id, actor, registered));
  }

  #adaptersFor(type: string | undefined, from: string | undefined): Adapter[] {
    const { adapters } = this.#registry;
    if (from === undefined) return [...adapters.values()].filter(({ shown }) => shown === 'always' || type !== undefined);
    const adapter = adapters.get(from);
    if (adapter !== undefined) return [adapter];
    throw new KeyholeError('NOT_FOUND', `there is no adapter ${from}`, `There are ${[...adapters.keys()].join(', ') || 'none'}.`);
  }

  #rows(looked: readonly Looked[], objects: SessionObjects): ListedActor[] {
    const states = this.#inspector.showAll(
      looked.map(({ shown }) => shown),
      objects.group,
    );
    return looked.map(({ entry, mailbox, suspended, error }, index) => {
      const { id, type, from, parent } = entry;
      const row: ListedActor = { id, type, mailbox: mailbox?.length ?? null };
      if (from !== undefined) row.from = from;
      if (parent !== undefined) row.parent = parent;
      const can = powersOf(entry);
      if (can.length > 0) row.can = can;
      if (suspended) row.suspended = true;
      const state = states[index];
      if (error !== undefined) row.error = error;
      else if (state !== undefined) row.state = from === undefined ? objects.value(state) : withLevels(objects.value(state), looked[index]?.shown);
      if (mailbox !== null && mailbox.head.length > 0)
        row.head = this.#inspector.showAll(mailbox.head, objects.group).map((each) => objects.value(each));
      return row;
    });
  }

  #ofClass(watched: WatchedClass, objects: SessionObjects): ListedActor[] {
    try {
      const found = this.#instances(watched);
      const states = this.#inspector.showAll(found, objects.group);
      return found.map((instance, index) => ({
        id: this.#idOf(instance, watched.name),
        type: watched.name,
        mailbox: null,
        state: objects.value(states[index] ?? { type: 'undefined' }),
      }));
    } catch (thrown) {
      // One class that can not be asked must not hide the actors that can.
      if (!(thrown instanceof KeyholeError)) throw thrown;
      return [{ id: `${watched.name}#?`, type: watched.name, mailbox: null, error: thrown.message }];
    }
  }

  #instances(watched: WatchedClass): object[] {
    refuseLongPause(`finding the instances of ${watched.name}`, {
      maxPauseMs: maxPauseOfListMs,
      insist: false,
      hint: 'Register the objects by name instead; another TYPE leaves the class out, and keyhole instances takes --max-pause.',
    });
    return instancesOf(this.#inspector, watched.prototype as object, maxInstances).found;
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

/** V8 opens one level; what an adapter has put together is worth two. */
function withLevels(state: RemoteValue, shown: unknown): RemoteValue {
  if (state.type !== 'object' || state.preview === undefined) return state;
  const { preview } = parse(new Glimpse(defaultGlimpse).of(shown)) as RemoteValue;
  return preview === undefined ? state : { ...state, preview };
}
