/**
 * The main thread's view of the service's other threads: which there are, and how to ask one something. It hears of them from themselves and from Node's own announcement of new
 * workers. It puts no listener on the service's workers and never waits without a limit: a thread that spins is one that does not answer.
 */
import { wallClockMs } from '../../platform/originals.ts';
import { nodeClock } from '../../platform/clock.ts';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Worker } from 'node:worker_threads';
import { KeyholeError } from '../../protocol/errors.ts';
import type { Params, PatchRecord } from '../../protocol/index.ts';
import type { HostContext, HostOperation, HostResult } from '../bridge.ts';
import type { Wrapping } from '../patch/planned.ts';
import { openCalling, openChannel } from './messages.ts';
import type { ThreadReplay } from './thread-replays.ts';
import type { Calling, Channel, FromThread, FromThreadAnswer, ThreadIdentity, ThreadOperations, ToThread } from './messages.ts';

/** Node's own; no thread of the service is announced on another one. */
export const workerChannel = 'worker_threads';

interface Known extends ThreadIdentity {
  /** null: it was started without instrumentation and answers nothing. */
  channel: Channel<ToThread> | null;
  /** Where this thread started it. */
  worker: WeakRef<Worker> | null;
  /** The thread that started it, where that is not this one. */
  parent: number;
}

interface Waiting {
  thread: number;
  settle(answer: FromThreadAnswer): void;
}

export interface CallOptions {
  context: HostContext;
  /** How long the thread may take to begin, in milliseconds. */
  limitMs: number;
  /** How long it may take from then on. */
  runMs?: number;
  /** Done even when nobody waits for it any more: taking something back. */
  always?: boolean;
  /** What stands around a patch. For the main thread: functions do not travel. */
  wrap?: Wrapping | undefined;
}

export type ThreadParams<O> = O extends keyof ThreadOperations ? ThreadOperations[O]['params'] : O extends HostOperation ? Params<O> : never;
export type ThreadResult<O> = O extends keyof ThreadOperations ? ThreadOperations[O]['result'] : O extends HostOperation ? HostResult<O> : never;

/** From the last moment a thread may begin to its answer. */
const answerGraceMs = 1_000;
const childrenLimitMs = 500;

export class Roster {
  readonly #threads = new Map<number, Known>();
  readonly #waiting = new Map<number, Waiting>();
  readonly #calling: Channel<Calling>;
  readonly #live: () => readonly PatchRecord[];
  readonly #replayed: (replay: ThreadReplay) => void;
  #next = 1;
  readonly #started = ({ worker }: { worker: Worker }): void => {
    const { threadId: id } = worker;
    const known = this.#threads.get(id);
    if (known !== undefined) known.worker = new WeakRef(worker);
    else this.#threads.set(id, { id, name: '', channel: null, worker: new WeakRef(worker), parent: 0 });
  };

  /**
   * @param live what is live in the whole process, or shall be: a thread is told when it says hello.
   * @param replayed hears what became in a thread of a patch that is put into effect again.
   */
  constructor(live: () => readonly PatchRecord[], replayed: (replay: ThreadReplay) => void) {
    this.#live = live;
    this.#replayed = replayed;
    this.#calling = openCalling((message) => this.#hear(message));
    subscribe(workerChannel, this.#started as (message: unknown) => void);
    this.#calling.post({ t: 'who' });
  }

  /** A thread of our own is none of the service's. */
  leaveOut(id: number): void {
    this.#threads.delete(id);
  }

  /** Workers that this thread has started, as far as they are known and live. */
  *running(): Generator<{ worker: Worker; name: string }> {
    for (const { worker: reference, name } of this.#threads.values()) {
      const worker = reference?.deref();
      if (worker !== undefined) yield { worker, name };
    }
  }

  close(): void {
    unsubscribe(workerChannel, this.#started as (message: unknown) => void);
    this.#calling.close();
    for (const { channel } of this.#threads.values()) channel?.close();
    this.#threads.clear();
  }

  /** Threads that run, without the main thread; those that were not instrumented too. */
  list(): (ThreadIdentity & { parent: number; instrumented: boolean })[] {
    for (const { id, worker } of this.#threads.values()) {
      // A worker that has ended has lost its number; one whose object is gone has ended as well.
      if (worker !== null && (worker.deref()?.threadId ?? -1) !== id) this.#end(id);
    }
    return [...this.#threads.values()].map(({ id, name, parent, channel }) => ({ id, name, parent, instrumented: channel !== null }));
  }

  /** @throws {KeyholeError} NOT_FOUND */
  find(id: number): ThreadIdentity {
    const threads = this.list();
    const found = threads.find((each) => each.id === id);
    if (found?.instrumented === true) return found;
    const there = ['0 (main)', ...threads.filter((each) => each.instrumented).map(labelOf)].join(', ');
    throw new KeyholeError(
      'NOT_FOUND',
      found === undefined ? `there is no thread ${id}` : `thread ${id} was started without instrumentation (its own execArgv)`,
      `There is ${there}.`,
    );
  }

  /**
   * Asks one thread something.
   * @throws {KeyholeError} what the thread threw, or TIMEOUT; then it was not begun and never will be, unless it had begun already.
   */
  async call<O extends keyof ThreadOperations | HostOperation>(
    id: number,
    op: O,
    params: ThreadParams<O>,
    options: CallOptions,
  ): Promise<ThreadResult<O>> {
    const thread = this.find(id);
    const { context, limitMs, runMs = answerGraceMs, always = false } = options;
    const number = this.#next;
    this.#next += 1;
    const answer = await new Promise<FromThreadAnswer | null>((resolve) => {
      const callOff = nodeClock.after(limitMs + runMs, () => {
        this.#waiting.delete(number);
        resolve(null);
      });
      const settle = (given: FromThreadAnswer): void => {
        callOff();
        this.#waiting.delete(number);
        resolve(given);
      };
      this.#waiting.set(number, { thread: id, settle });
      const notAfterMs = always ? null : wallClockMs() + limitMs;
      const { stream: _, turn: __, ...sent } = context;
      this.#threads.get(id)?.channel?.post({ t: 'call', id: number, op, params, context: sent, notAfterMs });
    });
    if (answer === null) throw await this.#silence(thread, limitMs);
    if (!answer.ok) throw KeyholeError.fromWire(answer.error);
    return answer.result as ThreadResult<O>;
  }

  tell(id: number, message: Extract<ToThread, { t: 'forget' | 'interrupt' }>): void {
    this.#threads.get(id)?.channel?.post(message);
  }

  /** Every thread learns what is live in the process. */
  share(): void {
    const records = [...this.#live()];
    for (const { channel } of this.#threads.values()) channel?.post({ t: 'live', records });
  }

  #hear(message: Calling): void {
    if (message.t === 'who') return;
    const { id } = message;
    const known = this.#threads.get(id) ?? { id, name: '', channel: null, worker: null, parent: 0 };
    this.#threads.set(id, known);
    if (message.t === 'started') {
      known.parent = message.parent;
      return;
    }
    known.name = message.name;
    known.channel ??= openChannel<ToThread, FromThread>(id, (message) => {
      if (message.t === 'replayed') this.#replayed(message.replay);
      else this.#waiting.get(message.id)?.settle(message);
    });
    known.channel.post({ t: 'live', records: [...this.#live()] });
  }

  /** Why a thread does not answer: it may have ended. */
  async #silence(thread: ThreadIdentity, limitMs: number): Promise<KeyholeError> {
    const silent = new KeyholeError(
      'TIMEOUT',
      `thread ${labelOf(thread)} did not answer within ${limitMs} ms`,
      'It may be busy, or hang; --thread ID asks one thread only.',
    );
    const { parent } = this.list().find((each) => each.id === thread.id) ?? { parent: null };
    // A worker of this thread that is still listed runs.
    if (parent === 0) return silent;
    if (parent !== null) {
      try {
        const { ids } = await this.call(parent, 'thread.children', {}, { context: { session: '', call: 0 }, limitMs: childrenLimitMs });
        if (ids.includes(thread.id)) return silent;
      } catch {
        // The one that could tell does not answer either.
        return silent;
      }
      this.#end(thread.id);
    }
    return new KeyholeError('NOT_FOUND', `thread ${labelOf(thread)} has ended`);
  }

  #end(id: number): void {
    this.#threads.get(id)?.channel?.close();
    this.#threads.delete(id);
    const error = new KeyholeError('NOT_FOUND', `thread ${id} has ended`).toWire();
    for (const [number, waiting] of this.#waiting) if (waiting.thread === id) waiting.settle({ t: 'answer', id: number, ok: false, error });
    for (const known of [...this.#threads.values()]) if (known.parent === id) this.#end(known.id);
  }
}

export function labelOf({ id, name }: ThreadIdentity): string {
  return `${id} (${name})`;
}
