/** Operations over all threads of the service: asked in each, answered as one. */
import { valuesOf } from '../../platform/originals.ts';
import { KeyholeError, limits } from '../../protocol/index.ts';
import type { FunctionInThread, FunctionSummary, Params, PatchRecord, RefusedPatch, ThreadSummary } from '../../protocol/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { HostContext, HostHandlers, Replayed } from '../bridge.ts';
import { Trials } from '../patch/trials.ts';
import type { Report } from '../patch/trials.ts';
import { select } from '../patch/patch-ids.ts';
import { ProcessPatches } from './process-patches.ts';
import { onMainThreadOnly } from './refusals.ts';
import { labelOf } from './roster.ts';
import type { Roster, ThreadParams, ThreadResult } from './roster.ts';
import type { ThreadPatches } from './thread-patches.ts';
import type { ThreadReplay } from './thread-replays.ts';
import { Threads, mainThread } from './threads.ts';
import type { AloneOperation, MainHandlers } from './threads.ts';

export { ThreadPatches } from './thread-patches.ts';

/** How long a question that changes nothing waits for a thread's turn and then for its answer, in milliseconds. */
const lookLimitMs = 1_000;
const lookRunMs = 500;
/** An evaluation that one thread is asked for alone may wait for its turn as long as this. */
const turnLimitMs = 5_000;

export interface ThreadingParts {
  /** What the main thread does on its own objects. */
  main: MainHandlers & { forget(session: string): void; interrupt(call: number): 'running' | 'let go' };
  patches: ThreadPatches;
  /** It asks for what threads get: see {@link Threading.given}. */
  roster: Roster;
  service: string;
  root: string;
  commit: string | null;
  clock: Clock;
  /** Hears what was taken back by itself. */
  undone: Report;
  /** Hears what became of patches of an earlier process. */
  replayed: (replayed: Replayed) => void;
}

export interface Threading {
  handlers: Pick<HostHandlers, AloneOperation | 'threads.list' | 'patch.confirm'>;
  forget(session: string): void;
  interrupt(call: number): 'running' | 'let go';
  /** What is live in the whole process, or shall be: every thread gets it. */
  given(): readonly PatchRecord[];
  /** Patches of an earlier process: each goes into effect when its file is loaded. */
  replay(records: readonly PatchRecord[]): void;
  /** A thread has judged one of these. */
  replayed(replay: ThreadReplay): void;
  /** Those that have not gone into effect. */
  waiting(): readonly PatchRecord[];
  /** How many patches are live, those that one thread alone has too. */
  count(): number;
}

export function createThreading({ main, patches, roster, service, root, commit, clock, undone, replayed }: ThreadingParts): Threading {
  const threads = new Threads(main, patches, roster);
  const all = new ProcessPatches(threads);
  const trials = new Trials(all, clock, undone);
  /** Calls that another thread does, by the bridge's number. */
  const elsewhere = new Map<number, number>();

  /** In one thread: the main one unless another is named. */
  const alone =
    <O extends 'evaluate' | 'inspect' | 'text' | 'complete'>(op: O, runMsOf: (params: { timeoutMs?: number }) => number) =>
    async ({ thread = 0, ...params }: Params<O>, context: HostContext): Promise<ThreadResult<O>> => {
      elsewhere.set(context.call, thread);
      try {
        const runMs = runMsOf(params) + lookLimitMs;
        return await threads.ask(threads.find(thread).id, op, params as unknown as ThreadParams<O>, { context, limitMs: turnLimitMs, runMs });
      } finally {
        elsewhere.delete(context.call);
      }
    };

  /** What the first thread says that knows the thing. */
  const first = async <O extends 'fn.get' | 'module.get'>(
    op: O,
    { thread, ...params }: Params<O>,
    context: HostContext,
  ): Promise<ThreadResult<O>> => {
    const ids = thread === undefined ? threads.ids() : [threads.find(thread).id];
    let unknown: unknown = null;
    for (const id of ids) {
      try {
        return await threads.ask(id, op, params as unknown as ThreadParams<O>, { context, limitMs: lookLimitMs, runMs: lookRunMs });
      } catch (thrown) {
        const { code } = KeyholeError.from(thrown);
        // A silent thread must not hide what another one knows.
        if (code !== 'NOT_FOUND' && (code !== 'TIMEOUT' || thread !== undefined)) throw thrown;
        unknown ??= thrown;
      }
    }
    throw unknown;
  };

  const everywhere = async <O extends 'fn.list' | 'thread.state'>(
    op: O,
    params: ThreadParams<O>,
    context: HostContext,
    ids = threads.ids(),
  ): Promise<{ id: number; result: ThreadResult<O> | null }[]> => {
    const answers = ids.map(async (id) => {
      try {
        return { id, result: await threads.ask(id, op, params, { context, limitMs: lookLimitMs, runMs: lookRunMs }) };
      } catch (thrown) {
        if (KeyholeError.from(thrown).code === 'TIMEOUT') return { id, result: null };
        if (threads.ids().includes(id)) throw thrown;
        return null;
      }
    });
    return (await valuesOf(answers)).filter((each) => each !== null);
  };

  const handlers: Threading['handlers'] = {
    evaluate: alone('evaluate', ({ timeoutMs = limits.defaultEvaluationTimeoutMs }) => 2 * timeoutMs),
    inspect: alone('inspect', () => lookLimitMs),
    text: alone('text', () => lookLimitMs),
    complete: alone('complete', () => lookLimitMs),
    'module.get': (params, context) => first('module.get', params, context),
    'fn.list': async (params, context) => {
      const answers = await everywhere('fn.list', params, context);
      const [only] = answers;
      if (answers.length === 1 && only?.result != null) return only.result;
      const merged = new Map<string, FunctionSummary & { threads: number[] }>();
      for (const { id, result } of answers) {
        for (const each of result?.functions ?? []) {
          const before = merged.get(each.address);
          const patched = each.patched || before?.patched === true;
          merged.set(each.address, { ...(before ?? each), patched, threads: [...new Set([...(before?.threads ?? []), id])] });
        }
      }
      const silent = answers.filter(({ result }) => result === null).map(({ id }) => threads.find(id));
      const leftOut = [...new Set(answers.flatMap(({ result }) => result?.leftOut ?? []))].sort();
      return { functions: [...merged.values()], ...(silent.length > 0 && { silent }), ...(leftOut.length > 0 && { leftOut }) };
    },
    'fn.get': async (params, context) => {
      const detail = await first('fn.get', params, context);
      const { address } = detail;
      const inThreads: FunctionInThread[] = [];
      for (const { id, result } of await everywhere(
        'thread.state',
        { address },
        context,
        params.thread === undefined ? threads.ids() : [params.thread],
      )) {
        const { name } = threads.find(id);
        if (result === null) inThreads.push({ id, name, patched: null, why: 'it does not answer' });
        if (result?.loaded !== true) continue;
        const patch = result.records.find((each) => each.address === address)?.id;
        const why = result.missing.find((each) => each.address === address)?.why;
        inThreads.push({ id, name, patched: patch !== undefined, ...(patch !== undefined && { patch }), ...(why !== undefined && { why }) });
      }
      const trial = detail.patches.map((id) => trials.stateOf(id)).find((each) => each !== undefined);
      return { ...detail, threads: inThreads, ...(trial !== undefined && { trial }) };
    },
    'threads.list': async (_, context) => {
      const states = await everywhere('thread.state', {}, context);
      const summary = (id: number, name: string, parent: number | null, instrumented: boolean): ThreadSummary => {
        const records = states.find((each) => each.id === id)?.result?.records;
        const state = !instrumented ? 'not instrumented' : records === undefined ? 'not answering' : 'ready';
        return { id, name, parent, state, patches: records?.map((each) => each.id) ?? [] };
      };
      const others = roster.list().map(({ id, name, parent, instrumented }) => summary(id, name, parent, instrumented));
      return { threads: [summary(0, mainThread.name, null, true), ...others] };
    },
    'patch.apply': (params, context) => trials.apply(params, context),
    'patch.confirm': ({ id }) => trials.confirm(id),
    'patch.shadow': async ({ thread, ...params }, context) => {
      if (thread !== undefined && thread !== 0) {
        throw new KeyholeError('BAD_REQUEST', 'shadows run in the main thread only', '--thread 0 is the main thread.');
      }
      const others = thread === 0 ? [] : threads.ids().filter((id) => id !== 0);
      const judged = params.patches.map(async ({ address }): Promise<RefusedPatch[]> => {
        const answers = (await everywhere('thread.state', { address }, context, others)).filter(({ result }) => result?.loaded !== false);
        const loaded = answers.map(({ id, result }) => ({ label: labelOf(threads.find(id)), silent: result === null }));
        const why = onMainThreadOnly('calls are looked at', loaded);
        return why === null ? [] : [{ address, why }];
      });
      const refused = (await valuesOf(judged)).flat();
      if (refused.length > 0) return { ok: false, ended: 'not started', tookMs: 0, functions: [], refused };
      return await main['patch.shadow'](params, context);
    },
    'patch.revert': async (params, context) => {
      if (params.earlier !== true) return await all.revert(params, context);
      if (params.all === true) throw new KeyholeError('BAD_REQUEST', 'patch.revert: earlier goes with ids, not with all');
      return await trials.takeBack(params.ids, params.thread);
    },
    'patch.list': async (_, context) => {
      const states = await everywhere('thread.state', {}, context);
      const threadsOf = (patch: string): number[] =>
        states.flatMap(({ id, result }) => (result?.records.some((each) => each.id === patch) === true ? [id] : []));
      return { patches: all.records().map((record) => ({ ...trials.described(record), threads: threadsOf(record.id) })) };
    },
    // What is waited for in other threads is not shown: their own answer says it.
    'patch.waiting': (params, context) => main['patch.waiting'](params, context),
    'patch.export': ({ ids, past }) => {
      const records = all.records().map((record) => trials.described(record));
      return { service, root, commit, patches: ids.length === 0 && past === undefined ? records : select(records, ids) };
    },
  };

  return {
    handlers,
    forget(session) {
      main.forget(session);
      for (const { id } of roster.list()) roster.tell(id, { t: 'forget', session });
    },
    interrupt(call) {
      const thread = elsewhere.get(call) ?? 0;
      if (thread === 0) return main.interrupt(call);
      // What runs there is ended by its time limit; what it awaits is let go.
      roster.tell(thread, { t: 'interrupt', call });
      return 'let go';
    },
    given: () => all.given,
    replay: (records) => all.replay(records),
    replayed(replay) {
      const news = all.replayed(replay);
      if (news === null) return;
      replayed(news);
      // Not in the middle of a load.
      clock.soon(() => threads.share(all.given));
    },
    waiting: () => all.waiting,
    count: () => all.records().length,
  };
}
