/**
 * One actor over a while: what it shows, whenever that is another. It is told of changes where it can be subscribed to, else looked at in intervals; in both cases it is looked at in turns of ours, so
 * what changes several times between two looks is seen as it is at the second one. The actor is held weakly.
 */
import type { Clock } from '../../platform/clock.ts';
import { stringify, wallClockMs } from '../../platform/originals.ts';
import { limits } from '../../protocol/index.ts';
import type { FollowChange, FollowResult, FollowStarted, Params } from '../../protocol/index.ts';
import type { HostContext } from '../bridge.ts';
import { openLookout } from '../watch/lookout.ts';
import type { Lookout } from '../watch/lookout.ts';
import type { Seen } from './asking.ts';
import type { ActorDirectory } from './directory.ts';
import type { ActorEntry } from './entry.ts';

export interface FollowParts {
  actors: ActorDirectory;
  clock: Clock;
}

/** Where changes are told, it is looked in such intervals whether the actor is there still. */
const checksEveryMs = 1_000;

/** @throws {KeyholeError} NOT_FOUND where there is no such actor. */
export async function follow({ actors, clock }: FollowParts, params: Params<'actor.follow'>, { stream }: HostContext): Promise<FollowResult> {
  const { actor: id, limit = limits.defaultFollowedChanges, depth = limits.defaultFollowDepth, everyMs = limits.defaultFollowMs } = params;
  const { lookout, until } = openLookout(clock, params, stream, limits.defaultFollowRate);
  const followed = begun(id, { actors, clock, depth, limit, lookout });
  const isTold = followed.subscribe();
  try {
    followed.begin(isTold, everyMs);
    const ended = await until(isTold ? checksEveryMs : everyMs, () => followed.tick(!isTold));
    lookout.speaker.flush();
    return { ...ended, seen: followed.seen, shown: followed.shown, missed: { unread: lookout.speaker.unread } };
  } finally {
    followed.end();
  }
}

/** Not in the function that waits, which would hold what it has found. */
function begun(id: string, parts: FollowParts & { depth: number; limit: number; lookout: Lookout }): Followed {
  return new Followed(parts.actors.find(id), parts);
}

class Followed {
  readonly #parts: FollowParts & { depth: number; limit: number; lookout: Lookout };
  readonly #actor: WeakRef<object>;
  readonly #again: ActorEntry['again'];
  readonly #id: string;
  #last: Seen | null = null;
  #unsubscribe: (() => void) | null = null;
  /** Told since the last look. */
  #changes = 0;
  #callOff: (() => void) | null = null;
  seen = 0;
  shown = 0;

  constructor({ id, actor, again }: ActorEntry, parts: FollowParts & { depth: number; limit: number; lookout: Lookout }) {
    this.#parts = parts;
    this.#id = id;
    this.#actor = new WeakRef(actor);
    this.#again = again;
  }

  /** @returns whether changes are told. What can't be subscribed to after all is looked at in intervals. */
  subscribe(): boolean {
    try {
      this.#unsubscribe = this.#entry()?.subscribe?.(() => this.#told()) ?? null;
    } catch {
      this.#unsubscribe = null;
    }
    return this.#unsubscribe !== null;
  }

  begin(isTold: boolean, everyMs: number): void {
    const entry = this.#entry();
    this.#last = entry === null ? null : this.#look(entry);
    const { state = '{"type":"undefined"}', mailbox = null, error } = this.#last ?? {};
    const started: Omit<FollowStarted, 'state'> = {
      t: 'started',
      actor: this.#id,
      type: entry?.type ?? '',
      how: isTold ? 'told' : 'looked at',
      everyMs: isTold ? 0 : everyMs,
      mailbox,
      ...(error !== undefined && { error }),
    };
    this.#parts.lookout.speaker.say(withState(started, state));
  }

  /** @param looks whether it is time to look. */
  tick(looks: boolean): void {
    const entry = this.#entry();
    if (entry === null || this.#parts.actors.isOver(entry)) return this.#parts.lookout.end('actor');
    if (looks || this.#changes > 0) this.#compare(entry);
  }

  end(): void {
    this.#callOff?.();
    try {
      this.#unsubscribe?.();
    } catch {
      // Whoever can't end a subscription calls us for nothing from now on.
    }
    this.#unsubscribe = null;
  }

  /** In the middle of the service's code: it only remembers. */
  #told(): void {
    const { clock, lookout } = this.#parts;
    if (lookout.over) return;
    this.#changes += 1;
    this.#callOff ??= clock.soon(() => {
      this.#callOff = null;
      // What comes faster than it may be shown is looked at with the next tick.
      lookout.check(clock.now());
      if (!lookout.over && lookout.meter.mayShow) this.tick(false);
    });
  }

  #compare(entry: ActorEntry): void {
    const { lookout, limit } = this.#parts;
    const now = this.#look(entry);
    const changes = this.#changes;
    this.#changes = 0;
    this.seen += Math.max(changes, 0);
    const before = this.#last;
    if (before !== null && before.state === now.state && before.mailbox === now.mailbox && before.error === now.error) return;
    if (changes === 0) this.seen += 1;
    this.#last = now;
    const change: Omit<FollowChange, 'state'> = {
      t: 'change',
      number: this.shown + 1,
      at: wallClockMs(),
      mailbox: now.mailbox,
      ...(changes > 1 && { changes }),
      ...(now.error !== undefined && { error: now.error }),
    };
    lookout.meter.showing();
    if (lookout.speaker.say(withState(change, now.state))) this.shown += 1;
    if (this.shown >= limit) lookout.end('limit');
  }

  #look(entry: ActorEntry): Seen {
    const { actors, clock, depth, lookout } = this.#parts;
    const fromMs = clock.now();
    const seen = actors.glimpse(entry, depth);
    lookout.meter.spend(clock.now() - fromMs);
    return seen;
  }

  /** null where the actor is gone. */
  #entry(): ActorEntry | null {
    const actor = this.#actor.deref();
    return actor === undefined ? null : this.#again(actor);
  }
}

/** A state is JSON already. */
function withState(item: object, state: string): string {
  return `${stringify(item).slice(0, -1)},"state":${state}}`;
}
