/**
 * Patches of a process with several threads: a change is judged in all threads that have loaded the code, then made in all of them, each at a turn boundary of its own, or in
 * none. What could not be made sure of is told, thread by thread. It never takes silence for consent.
 */
import { nodeClock, rounded } from '../../platform/clock.ts';
import { settledAll, unwatched } from '../../platform/originals.ts';
import { KeyholeError, limits } from '../../protocol/index.ts';
import type { AppliedPatch, Params, PatchRecord, PatchRequest, PatchResult, RefusedPatch } from '../../protocol/index.ts';
import type { HostContext, Replayed } from '../bridge.ts';
import type { Withdrawal } from '../patch/engine.ts';
import { patchIds, select } from '../patch/patch-ids.ts';
import type { Wrapping } from '../patch/planned.ts';
import type { TriedPatches, Withdrawn } from '../patch/trials.ts';
import { changeLimitMs } from './messages.ts';
import type { ThreadReplay } from './thread-replays.ts';
import type { ThreadPlan } from './messages.ts';
import { merged } from './merged.ts';
import { onlyInMain, refusals } from './refusals.ts';
import { labelOf } from './roster.ts';
import { restoreIn } from './restore.ts';
import type { Part } from './restore.ts';
import type { Threads } from './threads.ts';
import { withdrawIn } from './withdraw.ts';

export class ProcessPatches implements TriedPatches {
  readonly #threads: Threads;
  /** Live in the whole process, by address: also in threads that have not loaded the code yet, or not begun. */
  readonly #shared = new Map<string, PatchRecord>();
  /** Patches of an earlier process that are due as soon as their file is loaded somewhere, by address. */
  readonly #due = new Map<string, PatchRecord>();
  /** Live in one thread alone, by thread and id. */
  readonly #alone = new Map<number, Map<string, PatchRecord>>();
  /** Changes are made one after the other: between judging and making one, nothing else is changed. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(threads: Threads) {
    this.#threads = threads;
  }

  /** Live in the whole process. */
  get shared(): PatchRecord[] {
    return [...this.#shared.values()];
  }

  /** What every thread gets: what is live in the process, and what shall be. */
  get given(): PatchRecord[] {
    return [...this.#shared.values(), ...this.#due.values()];
  }

  /** From now on these go into effect, each when its file is loaded. */
  replay(records: readonly PatchRecord[]): void {
    for (const record of records) if (!this.#shared.has(record.address)) this.#due.set(record.address, record);
    this.#threads.share(this.given);
  }

  /** The first thread that has loaded its file has judged it. */
  replayed({ id, address, became, record, ...more }: ThreadReplay): Replayed | null {
    const due = this.#due.get(address);
    if (due?.id !== id) return null;
    if (became !== 'failed') this.#due.delete(address);
    if (became === 'live' && record !== undefined) this.#shared.set(address, record);
    return { entry: due.replayed?.entry ?? 0, id, address, became, ...more };
  }

  /** Those whose file no thread has loaded yet, or that could not be put into effect. */
  get waiting(): PatchRecord[] {
    return [...this.#due.values()];
  }

  /** All that is live somewhere. */
  records(): PatchRecord[] {
    const running = new Set(this.#threads.ids());
    for (const id of this.#alone.keys()) if (!running.has(id)) this.#alone.delete(id);
    const all = [...this.shared, ...[...this.#alone.values()].flatMap((records) => [...records.values()])];
    return all.sort((a, b) => a.entry - b.entry);
  }

  /** What is live in the whole process, or in one thread. */
  liveAt(address: string, thread: number | undefined): PatchRecord | null {
    const own = thread === undefined ? [] : [...(this.#alone.get(thread)?.values() ?? [])];
    return own.find((each) => each.address === address) ?? this.#shared.get(address) ?? null;
  }

  /** @param wrap what stands around the patches, to look at their calls. Only in the main thread: where others would get them too, it refuses. */
  async apply(params: Params<'patch.apply'>, context: HostContext, wrap?: Wrapping): Promise<PatchResult> {
    // It may wait for long until the service calls something: no undo may have to wait for that.
    if (params.thread === undefined && this.#threads.ids().length === 1) return await this.#applyInMain(params, context, wrap);
    return await this.#inTurn(() => this.#apply(params, context, wrap));
  }

  revert(params: Params<'patch.revert'>, context: HostContext): Promise<PatchResult> {
    return this.#inTurn(() => this.#revert(params, context));
  }

  /** In the main thread first: where that fails, they stay live everywhere. */
  withdraw(withdrawals: readonly Withdrawal[], thread: number | undefined): Promise<Withdrawn> {
    return this.#inTurn(() => this.#withdraw(withdrawals, thread));
  }

  unwrap(ids: readonly string[]): void {
    this.#threads.mainPatches.unwrap(ids);
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#last;
    // Each promise is awaited, and none is handed on: that would go through a `then` which may be the service's by now.
    const turn = (async () => {
      await settledAll([before]);
      return await work();
    })();
    this.#last = unwatched(turn);
    return await turn;
  }

  async #apply({ thread, ...params }: Params<'patch.apply'>, context: HostContext, wrap: Wrapping | undefined): Promise<PatchResult> {
    const { patches, dryRun = false, partial = false, reason, maxPauseMs, waitMs } = params;
    const threads = thread === undefined ? this.#threads.ids() : [this.#threads.find(thread).id];
    if (thread === undefined && threads.length === 1) return await this.#applyInMain(params, context, wrap);
    if (wrap !== undefined && thread !== undefined && thread !== 0) {
      throw new KeyholeError('BAD_REQUEST', 'failing calls are counted in the main thread only', '--thread 0 is the main thread.');
    }
    const budget = maxPauseMs === undefined ? {} : { maxPauseMs };
    const plans = await this.#plan(threads, { patches, ...budget }, context, wrap);
    const refused = refusals(patches, plans, thread);
    const asked = patches.map(({ address }) => address).filter((address) => refused.every((each) => each.address !== address));
    const labels = (id: number): string => labelOf(this.#threads.find(id));
    if (wrap !== undefined) refused.push(...onlyInMain('failing calls are counted', asked, plans, labels));
    // Other ways may wait for a call of the service, or stop it; and a thread that loads the file later would not get the patch.
    const ways = [...plans.values()].flatMap(({ result }) => result.patches);
    const slotless = asked.filter((address) => ways.some((each) => each.address === address && each.strategy !== 'slots'));
    refused.push(...onlyInMain('functions without slots are patched', slotless, plans, labels));
    const accepted = patches.filter(({ address }) => refused.every((refusal) => refusal.address !== address));
    if (accepted.length === 0 || (refused.length > 0 && !partial)) return { ok: false, dryRun, patches: [], refused };
    if (dryRun)
      return {
        ok: true,
        dryRun,
        patches: merged(
          this.#threads.ids().length > 1,
          [...plans].map(([id, plan]) => [id, plan.result.patches]),
          accepted,
        ),
        refused,
      };

    const ids = patchIds(params, context.intent);
    const parts = [...plans].flatMap(([id, { loaded, before }]): Part[] => {
      const requests = accepted.filter(({ address }) => loaded.includes(address));
      const touched = before.filter((record) => requests.some(({ address }) => address === record.address));
      return requests.length === 0 ? [] : [{ thread: id, requests, before: touched }];
    });
    const alone = thread !== undefined;
    // An undo waits for this change: no longer than unasked.
    const wait = waitMs === undefined ? {} : { waitMs: Math.min(waitMs, limits.defaultCaptureWaitMs) };
    const settled = await settledAll(
      parts.map(({ thread: id, requests }) =>
        this.#threads.ask(
          id,
          'thread.apply',
          { patches: requests, ids, reason, alone, ...budget, ...wait },
          { context, limitMs: changeLimitMs, wrap },
        ),
      ),
    );
    const failure = settled.findIndex((each) => each.status === 'rejected' || !each.value.result.ok);
    if (failure !== -1) throw await this.#undoAll(parts, settled, failure, ids, context);
    const done = settled.flatMap((each, index) => (each.status === 'fulfilled' ? [{ ...each.value, part: parts[index] as Part }] : []));
    for (const { records, part } of done) this.#keep(records, part, alone);
    this.#threads.share(this.given);
    return {
      ok: true,
      dryRun,
      patches: merged(
        this.#threads.ids().length > 1,
        done.map(({ part, result }) => [part.thread, result.patches]),
        accepted,
      ),
      refused,
    };
  }

  /** No other thread is there: judging and making it is one step. */
  async #applyInMain(params: Params<'patch.apply'>, context: HostContext, wrap: Wrapping | undefined): Promise<PatchResult> {
    const result = await this.#threads.main['patch.apply'](params, context, wrap);
    if (result.dryRun || result.patches.length === 0) return result;
    const { patches } = await this.#threads.main['patch.list']({}, context);
    for (const record of patches) if (result.patches.some(({ id }) => id === record.id)) this.#setShared(record);
    this.#threads.share(this.given);
    return result;
  }

  /** @throws {KeyholeError} the first thing that speaks against it, with the thread that says so. */
  async #plan(
    threads: readonly number[],
    params: { patches: PatchRequest[]; maxPauseMs?: number },
    context: HostContext,
    wrap: Wrapping | undefined,
  ): Promise<Map<number, ThreadPlan>> {
    const settled = await settledAll(threads.map((id) => this.#threads.ask(id, 'thread.plan', params, { context, limitMs: changeLimitMs, wrap })));
    const plans = new Map<number, ThreadPlan>();
    for (const [index, each] of settled.entries()) {
      const id = threads[index] ?? 0;
      if (each.status === 'fulfilled') plans.set(id, each.value);
      // A thread that has ended in the meantime has nothing to change.
      else if (threads.length === 1 || this.#threads.ids().includes(id)) throw this.#said(id, each.reason, 'nothing was changed');
    }
    return plans;
  }

  /** Takes back what was made, and says where that is certain. */
  async #undoAll(
    parts: readonly Part[],
    settled: readonly PromiseSettledResult<unknown>[],
    failure: number,
    ids: Readonly<Record<string, string>>,
    context: HostContext,
  ): Promise<KeyholeError> {
    const fate = await restoreIn(this.#threads, parts, settled, ids, context);
    const failed = settled[failure];
    const reason: unknown =
      failed?.status === 'rejected' ? failed.reason : new KeyholeError('PATCH_FAILED', 'it refused what it had accepted before');
    return this.#said(parts[failure]?.thread ?? 0, reason, fate);
  }

  #keep(records: readonly PatchRecord[], { thread, before }: Part, alone: boolean): void {
    const own = this.#alone.get(thread) ?? new Map<string, PatchRecord>();
    for (const { id } of before) own.delete(id);
    for (const record of records) {
      if (alone) own.set(record.id, record);
      else this.#setShared(record);
    }
    this.#alone.set(thread, own);
  }

  /** What was due there is out of date. */
  #setShared(record: PatchRecord): void {
    this.#shared.set(record.address, record);
    this.#due.delete(record.address);
  }

  async #revert({ ids, all = false, reason, thread }: Params<'patch.revert'>, context: HostContext): Promise<PatchResult> {
    const threads = thread === undefined ? this.#threads.ids() : [this.#threads.find(thread).id];
    const known = [...this.records(), ...this.waiting].filter(({ id }) => thread === undefined || this.#isIn(id, thread));
    const wanted = all ? known : select(known, ids);
    const settled = await settledAll(
      threads.map((id) =>
        this.#threads.ask(
          id,
          'thread.revert',
          { ids: wanted.map((each) => each.id), reason, alone: thread !== undefined },
          // Undoing is done whenever the thread gets to it.
          { context, limitMs: changeLimitMs, always: true },
        ),
      ),
    );
    const refused: RefusedPatch[] = [];
    const done: [number, AppliedPatch[]][] = [];
    for (const [index, each] of settled.entries()) {
      const id = threads[index] ?? 0;
      if (each.status === 'fulfilled') {
        done.push([id, each.value.patches]);
        refused.push(...each.value.refused.map((refusal) => ({ ...refusal, why: this.#in(id, refusal.why) })));
        continue;
      }
      if (!this.#threads.ids().includes(id)) continue;
      const { code, message } = KeyholeError.from(each.reason);
      const why = code === 'TIMEOUT' ? `${message}: it is reverted there as soon as it answers` : this.#in(id, message);
      refused.push(...wanted.map(({ address }) => ({ address, why })));
    }
    for (const record of wanted) {
      for (const each of thread === undefined ? [this.#shared, this.#due] : [])
        if (each.get(record.address)?.id === record.id) each.delete(record.address);
      for (const id of threads) this.#alone.get(id)?.delete(record.id);
    }
    if (thread === undefined) this.#threads.share(this.given);
    const patches = merged(this.#threads.ids().length > 1, done, wanted);
    // Live in the process, and in no thread that runs: those that come will not get it.
    const nowhere = wanted.filter(({ id, address }) => patches.every((each) => each.id !== id) && refused.every((each) => each.address !== address));
    for (const { id, address, strategy } of nowhere) patches.push({ id, address, strategy, pauseMs: 0, verified: true, threads: [] });
    return { ok: refused.length === 0, dryRun: false, patches, refused };
  }

  async #withdraw(given: readonly Withdrawal[], thread: number | undefined): Promise<Withdrawn> {
    const live = given.filter(({ id, address }) => this.liveAt(address, thread)?.id === id);
    const now = new Map(live.map(({ address, previous }) => [address, previous]));
    const fromMs = nodeClock.now();
    if (thread === undefined || thread === 0) for (const [address, record] of this.#threads.mainPatches.withdraw(live)) now.set(address, record);
    const pauseMs = rounded(nodeClock.now() - fromMs);
    const withdrawals = live.map((each) => ({ ...each, previous: now.get(each.address) ?? null }));
    for (const { id, address, previous } of withdrawals) {
      for (const [of, own] of this.#alone) if (thread === undefined || of === thread) own.delete(id);
      if (thread === undefined && previous !== null) this.#shared.set(address, previous);
      else if (thread === undefined) this.#shared.delete(address);
      else if (previous !== null && this.#shared.get(address)?.id !== previous.id) this.#alone.get(thread)?.set(previous.id, previous);
    }
    const others = (thread === undefined ? this.#threads.ids() : [thread]).filter((id) => id !== 0 && this.#threads.ids().includes(id));
    const elsewhere = withdrawals.length === 0 ? [] : withdrawIn(this.#threads, others, withdrawals);
    // Threads that begin from now on do not get them; those that were asked hear of it after the question.
    if (thread === undefined) this.#threads.share(this.given);
    return { now, elsewhere: await elsewhere, pauseMs };
  }

  #isIn(id: string, thread: number): boolean {
    return this.#alone.get(thread)?.has(id) === true || this.shared.some((each) => each.id === id);
  }

  #in(thread: number, why: string): string {
    return this.#threads.ids().length === 1 ? why : `in thread ${labelOf(this.#threads.find(thread))}: ${why}`;
  }

  #said(thread: number, thrown: unknown, fate: string): KeyholeError {
    const { code, message, hint, details } = KeyholeError.from(thrown);
    const said = code === 'TIMEOUT' ? message : this.#in(thread, message);
    return new KeyholeError(code, `${said}; ${fate}`, hint, details);
  }
}
