/** A change, the strategy that will make it, and how a set of them becomes transactions. It never decides whether a change is allowed. */
import { nextTurn, nodeClock } from '../../platform/clock.ts';
import { KeyholeError } from '../../protocol/index.ts';
import type { AppliedPatch, Params, PatchImport, PatchRequest, RefusedPatch } from '../../protocol/index.ts';
import type { HostContext } from '../bridge.ts';
import { inTurns } from './in-turns.ts';
import { howToGetSlots } from './modules.ts';
import type { FunctionTarget } from './modules.ts';
import { applyProven } from './proof.ts';
import type { SlotWrapper } from './slot-watch.ts';
import type { Captured, Change, PatchStrategy, Transaction } from './strategy.ts';

/** What stands around a patch at first, where its calls are to be looked at. */
export type Wrapping = (target: FunctionTarget) => SlotWrapper;

export interface Planned {
  request: PatchRequest;
  id: string;
  targets: [FunctionTarget, ...FunctionTarget[]];
  strategy: PatchStrategy;
  /** The new function, or null for the loaded one. */
  code: string | null;
  imports?: readonly PatchImport[] | undefined;
  wrap?: Wrapping | undefined;
}

/** A set of changes on its way: what may be made of it, and what was waited for. */
export interface Application {
  planned: Planned[];
  refused: RefusedPatch[];
  captured: Map<PatchStrategy, Captured>;
  params: Params<'patch.apply'>;
  dryRun: boolean;
  maxPauseMs: number;
  intent: HostContext['intent'];
}

export interface Prepared {
  transactions: { strategy: PatchStrategy; transaction: Transaction }[];
  refused: RefusedPatch[];
}

export function appliedOf({ request, id, strategy }: Planned, pauseMs: number, verified: boolean): AppliedPatch {
  return { id, address: request.address, strategy: strategy.name, pauseMs, verified };
}

/** What {@link prepareAll} can find done: a little in each turn of the event loop. */
export async function beginAll(planned: readonly Planned[]): Promise<void> {
  for (const strategy of new Set(planned.map((each) => each.strategy))) {
    if (strategy.begin === undefined) continue;
    await nextTurn(nodeClock);
    const changes = changesFor(planned, strategy);
    await inTurns(strategy.begin(changes), nodeClock);
    // Once for nothing: V8 compiles what runs for the first time, which takes longer than running it, and so the turn of the change finds it compiled.
    await nextTurn(nodeClock);
    strategy.prepare(changes);
  }
  await nextTurn(nodeClock);
}

export function prepareAll(planned: readonly Planned[], captured: ReadonlyMap<PatchStrategy, Captured> = new Map()): Prepared {
  const prepared: Prepared = { transactions: [], refused: [] };
  for (const strategy of new Set(planned.map((each) => each.strategy))) {
    const { transaction, refused } = strategy.prepare(changesFor(planned, strategy), captured.get(strategy));
    prepared.transactions.push({ strategy, transaction });
    prepared.refused.push(...refused);
  }
  // What may fail comes first, so that little has to be taken back: filling slots hardly ever does.
  prepared.transactions.sort((a, b) => b.transaction.expectedPauseMs - a.transaction.expectedPauseMs);
  return prepared;
}

export function changesFor(planned: readonly Planned[], strategy: PatchStrategy): Change[] {
  return planned
    .filter((each) => each.strategy === strategy)
    .flatMap(({ id, targets, code, imports, wrap }) => targets.map((target) => ({ id, target, code, imports, wrap: wrap?.(target) })));
}

/** Whether it needs something of the service first. */
export function hasToWait(planned: Planned): boolean {
  const { strategy } = planned;
  return changesFor([planned], strategy).some((change) => (strategy.waitsFor?.(change) ?? []).length > 0);
}

/** @throws {KeyholeError} where not all of it can be made; then nothing was changed. */
export function applyAll({ transactions, refused }: Prepared): void {
  if (refused.length > 0) throw new KeyholeError('PATCH_FAILED', refused.map(({ address, why }) => `${address}: ${why}`).join('; '));
  applyProven(transactions.map(({ transaction }) => transaction));
}

/** Why a patch that imports can not be made by it. */
export function withoutImports({ name, wraps }: PatchStrategy, { imports = [] }: PatchRequest, { module }: FunctionTarget): string | null {
  if (wraps === true || imports.length === 0) return null;
  const names = imports.map(({ local, specifier }) => `${local} from ${specifier}`).join(', ');
  return `it imports ${names}, and ${name} can give it no new name; its file has no slots: ${howToGetSlots(module)}`;
}

/** Why its calls can not be looked at while it runs. */
export function withoutSlot({ name, wraps }: PatchStrategy, { module }: FunctionTarget): string | null {
  if (wraps === true) return null;
  return `its calls can not be looked at: that takes a slot, and it would be patched by ${name}; its file has no slots: ${howToGetSlots(module)}`;
}
