/**
 * Applies patches and takes them back. It decides whether a change may happen (base, budget, all or none), lets a strategy do it in one turn of the event
 * loop, and reports success only for what the strategy has proven. At most one patch of a function is live; undoing always goes back to the loaded code.
 */
import { performance } from 'node:perf_hooks';
import { KeyholeError, limits } from '../../protocol/index.ts';
import type { AppliedPatch, Params, PatchRecord, PatchRequest, PatchResult, RefusedPatch } from '../../protocol/index.ts';
import type { HostContext } from '../bridge.ts';
import { loadedCode } from './modules.ts';
import type { FunctionTarget, ModuleIndex } from './modules.ts';
import type { Change, PatchStrategy, Transaction } from './strategy.ts';

interface LivePatch {
  record: PatchRecord;
  targets: FunctionTarget[];
}

/** A change and the strategy that will make it. */
interface Planned {
  request: PatchRequest;
  id: string;
  targets: FunctionTarget[];
  strategy: PatchStrategy;
}

type Intent = NonNullable<HostContext['intent']>;

export class PatchEngine {
  readonly #modules: ModuleIndex;
  readonly #strategies: readonly PatchStrategy[];
  /** By address. */
  readonly #live = new Map<string, LivePatch>();

  constructor(modules: ModuleIndex, strategies: readonly PatchStrategy[]) {
    this.#modules = modules;
    this.#strategies = strategies;
  }

  get strategies(): readonly PatchStrategy[] {
    return this.#strategies;
  }

  liveAt(address: string): PatchRecord | null {
    return this.#live.get(address)?.record ?? null;
  }

  /** Live patches, oldest first; all of them without ids. */
  records(ids: readonly string[] = []): PatchRecord[] {
    const all = [...this.#live.values()].map((live) => live.record).sort((a, b) => a.entry - b.entry);
    if (ids.length === 0) return all;
    return ids.map((id) => this.#byId(id).record);
  }

  apply(params: Params<'patch.apply'>, intent: Intent | undefined): PatchResult {
    const dryRun = params.dryRun === true;
    if (!dryRun && intent === undefined) throw new KeyholeError('INTERNAL', 'a change without a journaled intent');
    const { planned, refused } = this.#plan(params.patches, dryRun ? 'dry-run' : `p${intent?.entry}`);
    const { transactions, refused: refusedByStrategy } = prepareAll(planned);
    refused.push(...refusedByStrategy);
    const accepted = planned.filter((each) => !refused.some((refusal) => refusal.address === each.request.address));
    if (refused.length > 0 && params.partial !== true) return { ok: false, dryRun, patches: [], refused };

    const expectedPauseMs = transactions.reduce((sum, { transaction }) => sum + transaction.expectedPauseMs, 0);
    const maxPauseMs = params.maxPauseMs ?? limits.defaultMaxPauseMs;
    if (accepted.length > 0 && expectedPauseMs > maxPauseMs) {
      throw new KeyholeError(
        'PAUSE_BUDGET',
        `the process would stop for about ${Math.round(expectedPauseMs)} ms, and ${maxPauseMs} ms are allowed`,
        `--max-pause ${Math.ceil(expectedPauseMs * 1.5)} allows it; code that was instrumented at load time needs no pause.`,
      );
    }
    const describe = ({ request, id, strategy }: Planned, pauseMs: number, verified: boolean): AppliedPatch => ({
      id,
      address: request.address,
      strategy: strategy.name,
      pauseMs,
      verified,
    });
    if (dryRun) {
      const patches = accepted.map((each) =>
        describe(each, transactions.find(({ strategy }) => strategy === each.strategy)?.transaction.expectedPauseMs ?? 0, false),
      );
      return { ok: refused.length === 0 || accepted.length > 0, dryRun, patches, refused };
    }
    if (intent === undefined || accepted.length === 0) return { ok: false, dryRun, patches: [], refused };
    const pauseMs = applyProven(transactions.map(({ transaction }) => transaction));
    for (const { request, id, targets, strategy } of accepted) {
      const { operator, email, fingerprint, at, entry, entryHash } = intent;
      const file = targets[0]?.file ?? '';
      // Whatever was live before: what goes home is the way from the loaded text to the new one.
      const { baseCode, baseSource } = this.#live.get(request.address)?.record ?? request;
      const base = { ...request, baseCode, baseSource, id, file, strategy: strategy.name };
      const record = { ...base, operator, email, fingerprint, reason: params.reason, at, entry, entryHash };
      this.#live.set(request.address, { record, targets });
    }
    return { ok: true, dryRun, patches: accepted.map((each) => describe(each, pauseMs, true)), refused };
  }

  revert(params: Params<'patch.revert'>): PatchResult {
    const lives = params.all === true ? [...this.#live.values()] : params.ids.map((id) => this.#byId(id));
    const planned: Planned[] = lives.map(({ record, targets }) => {
      const strategy = this.#strategies.find((each) => each.name === record.strategy);
      if (strategy === undefined) throw new KeyholeError('INTERNAL', `the strategy ${record.strategy} is gone`);
      return { request: record, id: record.id, targets, strategy };
    });
    const { transactions, refused } = prepareAll(planned, true);
    if (refused.length > 0) return { ok: false, dryRun: false, patches: [], refused };
    const pauseMs = applyProven(transactions.map(({ transaction }) => transaction));
    for (const { record } of lives) this.#live.delete(record.address);
    const patches = lives.map(({ record }) => ({ id: record.id, address: record.address, strategy: record.strategy, pauseMs, verified: true }));
    return { ok: true, dryRun: false, patches, refused };
  }

  #byId(id: string): LivePatch {
    for (const live of this.#live.values()) if (live.record.id === id) return live;
    const ids = [...this.#live.values()].map((live) => live.record.id);
    throw new KeyholeError('NOT_FOUND', `no patch ${id} is live`, ids.length === 0 ? 'No patch is live.' : `Live are ${ids.join(', ')}.`);
  }

  #plan(requests: readonly PatchRequest[], prefix: string): { planned: Planned[]; refused: RefusedPatch[] } {
    const planned: Planned[] = [];
    const refused: RefusedPatch[] = [];
    for (const [index, request] of requests.entries()) {
      if (requests.findIndex((each) => each.address === request.address) !== index) {
        throw new KeyholeError('BAD_REQUEST', `${request.address} is there twice`);
      }
      let targets: FunctionTarget[];
      try {
        targets = this.#modules.at(request.address);
      } catch (thrown) {
        if (!(thrown instanceof KeyholeError)) throw thrown;
        refused.push({ address: request.address, why: thrown.message });
        continue;
      }
      this.#checkBase(request, targets);
      const strategy = this.#strategies.find((each) => targets.every((target) => each.assess(target).possible));
      if (strategy === undefined) {
        const target = targets[0];
        const reasons = target === undefined ? [] : this.#strategies.map((each) => `${each.name}: ${each.assess(target).why}`);
        refused.push({ address: request.address, why: reasons.join('; ') });
        continue;
      }
      planned.push({ request, id: requests.length === 1 ? prefix : `${prefix}-${index + 1}`, targets, strategy });
    }
    return { planned, refused };
  }

  #checkBase(request: PatchRequest, targets: readonly FunctionTarget[]): void {
    const target = targets[0];
    if (target === undefined) return;
    const actual = this.#live.get(request.address)?.record.code ?? loadedCode(target);
    if (actual === request.baseCode) return;
    throw new KeyholeError(
      'STALE_BASE',
      `${request.address} is no longer the text that was edited`,
      'Look at what runs now with keyhole fn, and edit that.',
      { address: request.address, expected: request.baseCode, actual },
    );
  }
}

interface Prepared {
  transactions: { strategy: PatchStrategy; transaction: Transaction }[];
  refused: RefusedPatch[];
}

function prepareAll(planned: readonly Planned[], restore = false): Prepared {
  const prepared: Prepared = { transactions: [], refused: [] };
  for (const strategy of new Set(planned.map((each) => each.strategy))) {
    const changes: Change[] = planned
      .filter((each) => each.strategy === strategy)
      .flatMap(({ id, targets, request }) => targets.map((target) => ({ id, target, code: restore ? null : request.code })));
    const { transaction, refused } = strategy.prepare(changes);
    prepared.transactions.push({ strategy, transaction });
    prepared.refused.push(...refused);
  }
  return prepared;
}

/**
 * Applies transactions and proves them; what can not be proven is undone.
 * @returns how long it took, in milliseconds: the process did nothing else meanwhile.
 */
function applyProven(transactions: readonly Transaction[]): number {
  const started = performance.now();
  const applied: Transaction[] = [];
  /** What became of it, for the message: a change that stays is never called undone. */
  const undoAll = (): string => {
    const stuck: string[] = [];
    for (const transaction of applied.toReversed()) {
      try {
        transaction.undo();
      } catch (thrown) {
        stuck.push(messageOf(thrown));
      }
    }
    return stuck.length === 0
      ? 'the change was undone'
      : `the change COULD NOT BE UNDONE and may be live (${stuck.join('; ')}); only a restart brings the loaded code back for sure`;
  };
  try {
    for (const transaction of transactions) {
      applied.push(transaction);
      transaction.apply();
    }
  } catch (thrown) {
    throw new KeyholeError('PATCH_FAILED', `applying failed: ${messageOf(thrown)}; ${undoAll()}`);
  }
  const doubts = applied.flatMap((transaction) => transaction.verify().doubts);
  if (doubts.length > 0) {
    const list = doubts.map(({ address, why }) => `${address}: ${why}`).join('; ');
    throw new KeyholeError('UNPROVEN', `the effect could not be proven (${list}); ${undoAll()}`);
  }
  return Math.round((performance.now() - started) * 1000) / 1000;
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
