/** All threads of the service, the main one included, asked the same way. */
import { KeyholeError } from '../../protocol/index.ts';
import type { PatchRecord } from '../../protocol/index.ts';
import type { LookHandlers } from '../looking.ts';
import type { PatchHandlers } from '../patch/index.ts';
import type { Wrapping } from '../patch/planned.ts';
import type { ThreadIdentity, ThreadOperations } from './messages.ts';
import type { CallOptions, Roster, ThreadParams, ThreadResult } from './roster.ts';
import type { ThreadPatches } from './thread-patches.ts';

/** What one thread can be asked, and the main thread does itself. */
export type AloneOperation = keyof PatchHandlers | Exclude<keyof LookHandlers, 'actors.list' | 'actors.find' | 'instances' | 'retainers'>;
export type MainHandlers = Pick<PatchHandlers & LookHandlers, AloneOperation>;

export const mainThread: ThreadIdentity = { id: 0, name: 'main' };

export class Threads {
  /** The main thread's own operations. */
  readonly main: MainHandlers;
  readonly mainPatches: ThreadPatches;
  readonly #roster: Roster;

  constructor(main: MainHandlers, patches: ThreadPatches, roster: Roster) {
    this.main = main;
    this.mainPatches = patches;
    this.#roster = roster;
  }

  /** Threads that can be asked; 0 is the main thread and comes first. */
  ids(): number[] {
    return [0, ...this.#roster.list().flatMap(({ id, instrumented }) => (instrumented ? [id] : []))];
  }

  /** @throws {KeyholeError} NOT_FOUND */
  find(id: number): ThreadIdentity {
    return id === 0 ? mainThread : this.#roster.find(id);
  }

  /** @throws {KeyholeError} what the thread threw, or TIMEOUT. */
  async ask<O extends Exclude<keyof ThreadOperations, 'thread.children'> | AloneOperation>(
    id: number,
    op: O,
    params: ThreadParams<O>,
    options: CallOptions,
  ): Promise<ThreadResult<O>> {
    if (id !== 0) return await this.#roster.call(id, op, params, options);
    const handlers = { ...this.main, ...this.mainPatches.handlers } as unknown as Record<
      string,
      (params: object, context: object, wrap?: Wrapping) => ThreadResult<O> | Promise<ThreadResult<O>>
    >;
    const handler = handlers[op];
    if (handler === undefined) throw new KeyholeError('INTERNAL', `the main thread knows no ${op}`);
    // Awaited here: a promise that is handed on goes through a `then` which may be the service's by now.
    return await handler(params, options.context, options.wrap);
  }

  /** Tells every thread what is live in the whole process. */
  share(records: readonly PatchRecord[]): void {
    this.mainPatches.share(records);
    this.#roster.share();
  }
}
