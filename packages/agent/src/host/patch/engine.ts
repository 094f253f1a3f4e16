/**
 * Applies patches and takes them back. It decides whether a change may happen (base, budget, all or none), lets a strategy do it in one turn of the event
 * loop, and reports success only for what the strategy has proven. At most one patch of a function is live; reverting goes back to the loaded code.
 */
import { nextTurn, nodeClock, rounded } from '../../platform/clock.ts';
import { KeyholeError, limits } from '../../protocol/index.ts';
import type { Params, PatchRecord, PatchRequest, PatchResult, RefusedPatch, StrategyName } from '../../protocol/index.ts';
import type { HostContext } from '../bridge.ts';
import { checkBudget, foreseenPauseMs, sumOf } from './budget.ts';
import { captureAll } from './capturing.ts';
import { chooseStrategy, goesOneWay, oneWayPerFile } from './choice.ts';
import type { PatchImports } from './imports.ts';
import { loadedCode } from './modules.ts';
import type { FunctionTarget, ModuleIndex } from './modules.ts';
import { noSuchPatch, patchIds } from './patch-ids.ts';
import { appliedOf, applyAll, beginAll, hasToWait, prepareAll, withoutImports, withoutSlot } from './planned.ts';
import type { Application, Planned, Wrapping } from './planned.ts';
import { applyProven } from './proof.ts';
import { staleBase, staleStrategy } from './stale.ts';
import type { Captured, PatchStrategy } from './strategy.ts';
import type { WaitingRoom } from './waiting.ts';

interface LivePatch {
  record: PatchRecord;
  targets: Planned['targets'];
  /** What stands around it still. */
  wrap: Wrapping | undefined;
}

/** A patch to take back, and the one that shall be live instead; null: the loaded code. */
export interface Withdrawal {
  id: string;
  address: string;
  previous: PatchRecord | null;
}

export class PatchEngine {
  readonly #modules: ModuleIndex;
  readonly #strategies: readonly PatchStrategy[];
  readonly #imports: PatchImports;
  readonly #waiting: WaitingRoom;
  /** By address. */
  readonly #live = new Map<string, LivePatch>();

  constructor(modules: ModuleIndex, strategies: readonly PatchStrategy[], imports: PatchImports, waiting: WaitingRoom) {
    this.#modules = modules;
    this.#imports = imports;
    this.#strategies = strategies;
    this.#waiting = waiting;
  }

  get strategies(): readonly PatchStrategy[] {
    return this.#strategies;
  }

  liveAt(address: string): PatchRecord | null {
    return this.#live.get(address)?.record ?? null;
  }

  /** Whether something stands around the patch that is live there. */
  isWrapped(address: string): boolean {
    return this.#live.get(address)?.wrap !== undefined;
  }

  /** The functions that are patched, by one strategy or by any. */
  liveTargets(strategy?: StrategyName): FunctionTarget[] {
    return [...this.#live.values()].flatMap(({ record, targets }) => (strategy === undefined || record.strategy === strategy ? targets : []));
  }

  /** Live patches, oldest first; all of them without ids. */
  records(ids: readonly string[] = []): PatchRecord[] {
    const all = [...this.#live.values()].map((live) => live.record).sort((a, b) => a.entry - b.entry);
    if (ids.length === 0) return all;
    return ids.map((id) => this.#byId(id).record);
  }

  /**
   * Waits where a strategy has to; from the moment nothing is waited for any more it is one turn of the event loop.
   * @param ids by address, where they are part of a larger change; else they come from the intent.
   * @param wrap what stands around a patch until {@link unwrap}.
   */
  async apply(
    params: Params<'patch.apply'>,
    { intent, session }: Pick<HostContext, 'intent' | 'session'>,
    ids: Readonly<Record<string, string>> = patchIds(params, intent),
    wrap?: Wrapping,
  ): Promise<PatchResult> {
    const dryRun = params.dryRun === true;
    const maxPauseMs = params.maxPauseMs ?? limits.defaultMaxPauseMs;
    if (!dryRun && intent === undefined) throw new KeyholeError('INTERNAL', 'a change without a journaled intent');
    await this.getReady(params.patches, ids);
    const { planned, refused } = this.plan(params.patches, ids, maxPauseMs, wrap);
    if (refused.length > 0 && params.partial !== true) return { ok: false, dryRun, patches: [], refused };
    checkBudget(foreseenPauseMs(planned), maxPauseMs);
    const waits = !dryRun && planned.some(({ strategy }) => strategy.capture !== undefined);
    const captured = waits ? await captureAll(planned, { ...params, maxPauseMs }, session, this.#waiting) : new Map<PatchStrategy, Captured>();
    try {
      return await this.#applyPrepared({ planned, refused, captured, params, dryRun, maxPauseMs, intent });
    } finally {
      for (const each of captured.values()) each.release();
    }
  }

  /**
   * What takes time and changes nothing, a little in each turn, so that the turn of the change is short.
   * @throws {KeyholeError} as the change would.
   */
  async getReady(patches: readonly PatchRequest[], ids: Readonly<Record<string, string>> = {}): Promise<void> {
    for (const { address } of patches) await this.#modules.read(address);
    if (patches.some(({ imports }) => imports !== undefined)) await this.#imports.bring(patches);
    await nextTurn(nodeClock);
    await beginAll(this.plan(patches, ids, limits.defaultMaxPauseMs).planned);
  }

  async #applyPrepared({ planned, refused, captured, params, dryRun, maxPauseMs, intent }: Application): Promise<PatchResult> {
    // While it was waited the service went on, and so did other operators.
    for (const { request, targets, strategy } of captured.size === 0 ? [] : planned) {
      this.#checkBase(request, targets);
      if (strategy.name !== (this.liveAt(request.address)?.strategy ?? strategy.name)) throw staleStrategy(request.address);
    }
    for (const each of captured.values()) refused.push(...each.refused);
    const waitedFor = planned.filter((each) => !refused.some((refusal) => refusal.address === each.request.address));
    const { transactions, refused: refusedByStrategy } = prepareAll(waitedFor, captured);
    refused.push(...refusedByStrategy);
    const accepted = waitedFor.filter((each) => !refused.some((refusal) => refusal.address === each.request.address));
    if (refused.length > 0 && params.partial !== true) return { ok: false, dryRun, patches: [], refused };
    if (accepted.length > 0) checkBudget(sumOf(transactions.map(({ transaction }) => transaction.expectedPauseMs)), maxPauseMs);
    if (dryRun) {
      const patches = accepted.map((each) =>
        appliedOf(each, transactions.find(({ strategy }) => strategy === each.strategy)?.transaction.expectedPauseMs ?? 0, false),
      );
      return { ok: refused.length === 0 || accepted.length > 0, dryRun, patches, refused };
    }
    if (intent === undefined || accepted.length === 0) return { ok: false, dryRun, patches: [], refused };
    const { pauseMs, unreached } = applyProven(transactions.map(({ transaction }) => transaction));
    for (const { request, id, targets, strategy, wrap } of accepted) {
      // Whatever was live before: what goes home is the way from the loaded text to the new one.
      const { baseCode, baseSource } = this.#live.get(request.address)?.record ?? request;
      const base = { ...request, baseCode, baseSource, id, file: targets[0]?.file ?? '', strategy: strategy.name };
      const record = { ...base, ...intent, reason: params.reason };
      this.#live.set(request.address, { record, targets, wrap });
    }
    const totalMs = pauseMs + sumOf([...captured.values()].map((each) => each.pauseMs));
    const others = await unreached;
    const patches = accepted.map((each) => {
      const left = others.get(each.request.address);
      return { ...appliedOf(each, rounded(totalMs), true), ...(left !== undefined && { unreached: left }) };
    });
    return { ok: true, dryRun, patches, refused };
  }

  /**
   * Takes patches back that are live, all in one turn: to an earlier patch, where that can still be made, else to the loaded code.
   * @returns what is live at each address now.
   * @throws {KeyholeError} where it could not be done; then they are live still.
   */
  withdraw(withdrawals: readonly Withdrawal[]): Map<string, PatchRecord | null> {
    const planned = withdrawals.map(({ id, previous }) => this.#planOf(this.#byId(id), previous));
    let kept = prepareAll(planned);
    // An earlier patch that can not be made any more, or not at once, must not keep a bad one alive.
    const loadedCodeOnly = kept.refused.length > 0 || planned.some(hasToWait);
    if (loadedCodeOnly) kept = prepareAll(planned.map((each) => ({ ...each, code: null })));
    applyAll(kept);
    const now = new Map<string, PatchRecord | null>();
    for (const { address, previous } of withdrawals) {
      const live = this.#live.get(address);
      const record = loadedCodeOnly ? null : previous;
      if (live === undefined || record === null) this.#live.delete(address);
      else this.#live.set(address, { record, targets: live.targets, wrap: undefined });
      now.set(address, record);
    }
    return now;
  }

  /** Puts into the slots what belongs there, with nothing around it: live patches, and where there is none the loaded code. */
  settle(planned: readonly Planned[]): void {
    const bare = planned.map((each) => {
      const live = this.#live.get(each.request.address);
      return live === undefined ? { ...each, code: null, wrap: undefined } : this.#planOf(live, live.record);
    });
    applyAll(prepareAll(bare));
    for (const live of this.#live.values()) if (bare.some(({ request }) => request === live.record)) live.wrap = undefined;
  }

  /** Takes away what stands around live patches. */
  unwrap(ids: readonly string[]): void {
    this.settle(ids.map((id) => this.#planOf(this.#byId(id), null)));
  }

  revert(params: Params<'patch.revert'>): PatchResult {
    const lives = params.all === true ? [...this.#live.values()] : params.ids.map((id) => this.#byId(id));
    const { transactions, refused } = prepareAll(lives.map((live) => this.#planOf(live, null)));
    if (refused.length > 0) return { ok: false, dryRun: false, patches: [], refused };
    const { pauseMs } = applyProven(transactions.map(({ transaction }) => transaction));
    for (const { record } of lives) this.#live.delete(record.address);
    const patches = lives.map(({ record }) => ({ id: record.id, address: record.address, strategy: record.strategy, pauseMs, verified: true }));
    return { ok: true, dryRun: false, patches, refused };
  }

  /** Puts patches that are live in another thread into effect in this one, each unless it is refused. */
  adopt(records: readonly PatchRecord[]): RefusedPatch[] {
    const planned: Planned[] = [];
    const refused: RefusedPatch[] = [];
    for (const record of records) {
      const found = this.#find(record);
      // This may be in the middle of the service's own loading: nothing may stop it, or wait for it.
      const strategy = 'why' in found ? undefined : this.#atOnce(found.targets);
      if ('why' in found) refused.push(found);
      else if (strategy === undefined) refused.push({ address: record.address, why: 'it has no slot here, so it can not be changed at once' });
      else if (found.targets.some((target) => loadedCode(target) !== record.baseCode)) {
        refused.push({ address: record.address, why: 'the text that was loaded here is not the one that was patched' });
      } else planned.push(this.#planFor(record, found.targets, strategy));
    }
    const { transactions, refused: refusedByStrategy } = prepareAll(planned);
    refused.push(...refusedByStrategy);
    applyProven(transactions.map(({ transaction }) => transaction));
    for (const { id, targets, strategy, wrap } of planned) {
      const record = records.find((each) => each.id === id);
      if (record === undefined || refused.some((refusal) => refusal.address === record.address)) continue;
      this.#live.set(record.address, { record: { ...record, strategy: strategy.name }, targets, wrap });
    }
    return refused;
  }

  #planFor(record: PatchRecord, targets: Planned['targets'], strategy: PatchStrategy): Planned {
    const { id, code, imports } = record;
    return { request: record, id, targets, strategy, code, imports, wrap: this.#wrapOf(record) };
  }

  #wrapOf({ id, address }: PatchRecord): Wrapping | undefined {
    const live = this.#live.get(address);
    return live?.record.id === id ? live.wrap : undefined;
  }

  /** From a live patch to another one of its function, or to the loaded code. */
  #planOf({ record, targets }: LivePatch, to: PatchRecord | null): Planned {
    const strategy = this.#strategies.find((each) => each.name === record.strategy);
    if (strategy === undefined) throw new KeyholeError('INTERNAL', `the strategy ${record.strategy} is gone`);
    return { request: record, id: to?.id ?? record.id, targets, strategy, code: to?.code ?? null, imports: to?.imports };
  }

  #byId(id: string): LivePatch {
    for (const live of this.#live.values()) if (live.record.id === id) return live;
    throw noSuchPatch(id, this.records());
  }

  /** Which strategy would make each change; changes nothing. */
  plan(
    requests: readonly PatchRequest[],
    ids: Readonly<Record<string, string>>,
    maxPauseMs: number,
    wrap?: Wrapping,
  ): { planned: Planned[]; refused: RefusedPatch[] } {
    const planned: Planned[] = [];
    const refused: RefusedPatch[] = [];
    for (const [index, request] of requests.entries()) {
      if (requests.findIndex((each) => each.address === request.address) !== index) {
        throw new KeyholeError('BAD_REQUEST', `${request.address} is there twice`);
      }
      const found = this.#find(request);
      if ('why' in found) {
        refused.push(found);
        continue;
      }
      const { targets } = found;
      this.#checkBase(request, targets);
      const id = ids[request.address] ?? request.address;
      const live = this.#live.get(request.address)?.record ?? this.#liveBeside(targets);
      // What one strategy changed only the same one can change again.
      const strategies = live === undefined ? this.#strategies : this.#strategies.filter((each) => each.name === live.strategy);
      const changes = targets.map((target) => ({ id, target, code: request.code }));
      const choice = chooseStrategy(strategies, changes, maxPauseMs);
      if ('why' in choice) {
        const beside = live === undefined || live.address === request.address ? '' : `; ${goesOneWay(live)}`;
        refused.push({ address: request.address, why: choice.why + beside });
      } else planned.push({ request, id, targets, strategy: choice.strategy, code: request.code, imports: request.imports, wrap });
    }
    const ways = oneWayPerFile(planned, this.#strategies, maxPauseMs);
    const able = ways.planned.filter(({ request, targets: [target], strategy }) => {
      const why = (wrap === undefined ? null : withoutSlot(strategy, target)) ?? withoutImports(strategy, request, target);
      if (why !== null) refused.push({ address: request.address, why });
      return why === null;
    });
    return { planned: able, refused: [...refused, ...ways.refused] };
  }

  /** A live patch of another function of a file that has no slots. */
  #liveBeside(targets: readonly FunctionTarget[]): PatchRecord | undefined {
    const modules = new Set(targets.map(({ module }) => module));
    return [...this.#live.values()].find((live) => live.targets.some(({ module }) => !module.instrumented && modules.has(module)))?.record;
  }

  #find({ address }: Pick<PatchRequest, 'address'>): { targets: Planned['targets'] } | RefusedPatch {
    try {
      return { targets: this.#modules.at(address) };
    } catch (thrown) {
      if (!(thrown instanceof KeyholeError)) throw thrown;
      return { address, why: thrown.message };
    }
  }

  #atOnce(targets: readonly FunctionTarget[]): PatchStrategy | undefined {
    return this.#strategies.find((each) => each.wraps === true && targets.every((target) => each.assess(target).possible));
  }

  #checkBase(request: PatchRequest, targets: readonly FunctionTarget[]): void {
    const target = targets[0];
    if (target === undefined) return;
    const actual = this.#live.get(request.address)?.record.code ?? loadedCode(target);
    if (actual !== request.baseCode) throw staleBase(request.address, request.baseCode, actual);
  }
}
