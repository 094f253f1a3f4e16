/**
 * Suspending actors, resuming them, and sending them messages, by what the service or an adapter gives for it. That code is not cut off, since half of it would harm the service; it is called at a
 * turn boundary, and what it throws goes to the operator. A suspension ends by itself after its time: nobody forgets an actor that takes no messages.
 */
import { types } from 'node:util';
import type { Clock } from '../../platform/clock.ts';
import { followed } from '../../platform/originals.ts';
import { KeyholeError } from '../../protocol/index.ts';
import { messageWithoutSecrets } from '../secrets.ts';
import type { ActorEntry } from './entry.ts';

/** How long a promise of theirs is waited for. */
const settleMs = 5_000;
/** What can't be undone is remembered, so that whoever tries is told why. */
const maxRemembered = 200;

type Control = 'suspend' | 'resume' | 'send';
const doneTo: Readonly<Record<Control, string>> = { suspend: 'suspended', resume: 'resumed', send: 'sent messages' };

/** Held until it ends: its actor as well, at most for the time that the operator gave. */
interface Suspension {
  entry: ActorEntry;
  callOff: () => void;
}

export class ActorControls {
  readonly #clock: Clock;
  readonly #suspended = new Map<string, Suspension>();
  readonly #final = new Map<string, string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether that could be done now. @throws {KeyholeError} NOT_PATCHABLE, NOT_FOUND */
  judge(entry: ActorEntry, what: Control): ActorEntry {
    able(entry, what);
    const isSuspended = what !== 'send' && entry.isSuspended?.() === true;
    if (what === 'suspend' && isSuspended) throw cannot(entry, 'be suspended: it is suspended already', 'keyhole resume lets it go on.');
    if (what === 'resume' && !isSuspended) throw cannot(entry, 'be resumed: it is not suspended', '');
    return entry;
  }

  /** @throws {KeyholeError} NOT_PATCHABLE, NOT_FOUND, ACTOR_FAILED, UNPROVEN */
  async suspend(id: string, entry: ActorEntry, forMs: number): Promise<void> {
    const { suspend, isSuspended } = this.judge(entry, 'suspend');
    // It is ours to resume from here on, also where it throws half-way.
    const callOff = this.#clock.after(forMs, () => this.#endOf(id));
    this.#suspended.set(id, { entry, callOff });
    try {
      await this.#run(entry, 'suspended', () => suspend?.());
    } catch (thrown) {
      if (isSuspended?.() !== true) {
        callOff();
        this.#suspended.delete(id);
      }
      throw thrown;
    }
    if (isSuspended?.() === true) return;
    await this.#resume(entry);
    throw new KeyholeError('UNPROVEN', `${entry.id} did not say that it is suspended, and was resumed`);
  }

  /** @throws {KeyholeError} NOT_PATCHABLE, NOT_FOUND, ACTOR_FAILED, UNPROVEN */
  async resume(id: string, entry: ActorEntry): Promise<void> {
    this.judge(entry, 'resume');
    await this.#resume(entry);
    this.#remember(id, `${id} resumed ${entry.id}; keyhole suspend suspends it again`);
  }

  /** @throws {KeyholeError} NOT_PATCHABLE, NOT_FOUND, ACTOR_FAILED */
  async send(id: string, entry: ActorEntry, message: unknown): Promise<void> {
    const { send } = this.judge(entry, 'send');
    await this.#run(entry, 'sent the message', () => send?.(message));
    this.#remember(id, `${id} sent a message to ${entry.id}: what it did with it can not be taken back`);
  }

  /** Ends a suspension. @returns the actor's id; null where `id` is none of ours. @throws {KeyholeError} as `resume`. */
  async undo(id: string): Promise<string | null> {
    const why = this.#final.get(id);
    if (why !== undefined) throw new KeyholeError('NOT_PATCHABLE', why);
    const suspension = this.#suspended.get(id);
    if (suspension === undefined) return null;
    await this.#resume(suspension.entry);
    return suspension.entry.id;
  }

  async #resume(entry: ActorEntry): Promise<void> {
    const { resume, isSuspended } = able(entry, 'resume');
    await this.#run(entry, 'resumed', () => resume?.());
    if (isSuspended?.() === true) throw new KeyholeError('UNPROVEN', `${entry.id} still says that it is suspended`);
    for (const [id, suspension] of this.#suspended) {
      if (suspension.entry.actor !== entry.actor) continue;
      suspension.callOff();
      this.#suspended.delete(id);
      this.#remember(id, `what ${id} suspended has been resumed since`);
    }
  }

  /** Its time is over. One that can't be resumed stays in the list of actors as suspended, and `revert` can try again. */
  #endOf(id: string): void {
    const suspension = this.#suspended.get(id);
    if (suspension === undefined) return;
    const forget = (): void => {
      if (this.#suspended.delete(id)) this.#remember(id, `what ${id} suspended was resumed when its time was over`);
    };
    const keep = (): void => undefined;
    if (suspension.entry.isOver?.() === true) forget();
    else void followed(this.#resume(suspension.entry), forget, keep);
  }

  async #run(entry: ActorEntry, what: string, work: () => unknown): Promise<void> {
    let given: unknown;
    try {
      given = work();
      // Whoever gives a promise means that it has happened when that settles; nobody else waits for it, and a rejection must not end the process.
      if (types.isPromise(given)) await this.#settled(given);
    } catch (thrown) {
      throw new KeyholeError('ACTOR_FAILED', `${entry.id} threw when it was to be ${what}: ${messageWithoutSecrets(thrown)}`);
    }
  }

  #settled(promise: Promise<unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      const callOff = this.#clock.after(settleMs, resolve);
      void followed(
        promise,
        () => {
          callOff();
          resolve();
        },
        (reason) => {
          callOff();
          reject(reason instanceof Error ? reason : new Error(String(reason)));
        },
      );
    });
  }

  #remember(id: string, why: string): void {
    this.#final.set(id, why);
    const [oldest] = this.#final.keys();
    if (this.#final.size > maxRemembered && oldest !== undefined) this.#final.delete(oldest);
  }
}

function able(entry: ActorEntry, what: Control): ActorEntry {
  if (entry[what] === undefined) {
    const whose = entry.from === undefined ? 'it was registered without a function for that' : `the adapter ${entry.from} has no way to do that`;
    throw cannot(
      entry,
      `be ${doneTo[what]}: ${whose}`,
      entry.from === undefined ? 'agent.actors.register takes suspend, resume, isSuspended and send.' : '',
    );
  }
  if (entry.isOver?.() === true) throw new KeyholeError('NOT_FOUND', `${entry.id} has come to its end`);
  return entry;
}

function cannot(entry: ActorEntry, why: string, hint: string): KeyholeError {
  return new KeyholeError('NOT_PATCHABLE', `${entry.id} can not ${why}`, hint === '' ? undefined : hint);
}
