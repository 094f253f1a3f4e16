/** The shapes of all operations on the wire, by name: what each takes and what it answers. Types only; what they mean is said in the catalogue. */
import type { FollowResult, ListedActor } from './actors.ts';
import type { AskedChange, AttachedOperator, WaitingChange } from './approvals.ts';
import type { DoctorCheck } from './doctor.ts';
import type { HistoricPatch, PatchState } from './history.ts';
import type { Hotfix } from './hotfix.ts';
import type { JournalEntry, JournalFilter, JournalReport, JournalState } from './journal.ts';
import type {
  FunctionDetail,
  FunctionSummary,
  ModuleDetail,
  PatchRecord,
  PatchRequest,
  PatchResult,
  ShadowResult,
  ThreadSummary,
  WaitingPatch,
} from './patches.ts';
import type { ProfileTaken, Rescue, RescueEnd } from './process.ts';
import type { Vitals } from './vitals.ts';
import type { RemoteValue, Retainers, StateValue, Thrown, ValuePage } from './values.ts';
import type { LogpointResult, MonitorResult, ReplayedCall, StackResult, TraceResult, WatchResult, WatchedCall } from './watch.ts';

/** Shapes and results of the operations, by name. */
export interface Operations {
  info: {
    params: { build?: boolean };
    result: {
      service: string;
      pid: number;
      node: string;
      startedAt: string;
      root: string;
      commit: string | null;
      instrumented: boolean;
      /** Files that were left untouched by instrumentation, with the reason. */
      untouched: { file: string; why: string }[];
      patches: number;
      /** Where the commit was said, and a digest of all sources that are loaded so far; `sources` is null where the code is not instrumented. Only where it was asked for. */
      build?: { from: string | null; sources: { files: number; sha256: string } | null };
      journal: JournalState;
    };
  };
  /** `time`: the service's clock, ISO 8601, when the answer was made. */
  doctor: { params: Record<never, never>; result: { time: string; checks: DoctorCheck[] } };
  'actors.list': {
    params: { type?: string; from?: string };
    /** `left`: adapters of which some actors may be missing, and why. */
    result: { actors: ListedActor[]; left?: { from: string; why: string }[] };
  };
  /** Those that `where` holds for, and those that it could not be asked of. */
  'actors.find': {
    params: { type?: string; from?: string; where: string };
    result: Result<'actors.list'> & { unjudged: { id: string; why: string }[] };
  };
  /**
   * The first of them; `classes`: how many are of each class, subclasses included. `pauseMs`: how long the process stood still, as measured. Where they are EventEmitters, those with most
   * listeners come first, and `listeners` says of each which events have how many.
   */
  instances: {
    params: { of: string; in?: string; count?: number; maxPauseMs?: number; insist?: boolean };
    result: {
      class: string;
      count: number;
      classes: { name: string; count: number; listeners?: number }[];
      instances: RemoteValue[];
      listeners?: { event: string; count: number }[][];
      expectedMs: number;
      pauseMs: number;
    };
  };
  /** Exactly one of `actor`, `handle`, `expression`. */
  retainers: {
    params: { actor?: string; handle?: string; expression?: string; in?: string; count?: number; maxPauseMs?: number; insist?: boolean };
    result: Retainers;
  };
  /** `id`: what undoes it. `entry`: the seq of its intent in the journal. A dry run has no intent: its `id` is `dry-run`, its `entry` 0; so with the others. */
  'actor.set': {
    params: { actor: string; path: string; value: string; reason: string; dryRun?: boolean; breakGlass?: boolean };
    result: { ok: true; id: string; actor: string; path: string; before: StateValue; after: StateValue; entry: number };
  };
  /** `path`: of a change of state; `resumed`: it was suspended. */
  'actor.restore': { params: { id: string; reason: string }; result: { ok: true; id: string; actor: string; path?: string; resumed?: true } };
  /** `mailbox`: how many messages wait, where it can say. */
  'actor.suspend': {
    params: { actor: string; forMs?: number; reason: string; dryRun?: boolean; breakGlass?: boolean };
    result: { ok: true; id: string; actor: string; forMs: number; mailbox: number | null; entry: number };
  };
  /** `mailbox`: how many messages waited. */
  'actor.resume': {
    params: { actor: string; reason: string; dryRun?: boolean; breakGlass?: boolean };
    result: { ok: true; id: string; actor: string; mailbox: number | null; entry: number };
  };
  /** It was handed over; what the actor does with it is not known. */
  'actor.send': {
    params: { actor: string; message: string; reason: string; dryRun?: boolean; breakGlass?: boolean };
    result: { ok: true; id: string; actor: string; mailbox: number | null; suspended: boolean; entry: number };
  };
  /** Events `items` hold {@link FollowStarted} and {@link FollowChange}s. */
  'actor.follow': {
    params: { actor: string; everyMs?: number; limit?: number; depth?: number; forMs?: number; budgetPercent?: number };
    result: FollowResult;
  };
  evaluate: {
    params: { expression: string; in?: string; safe?: boolean; depth?: number; keep?: boolean; timeoutMs?: number; thread?: number };
    /** `name`: what later expressions may call it, where it was kept and is an object. */
    result: { ok: true; value: RemoteValue; json?: unknown; name?: string } | { ok: false; error: Thrown };
  };
  inspect: {
    /** Exactly one of `actor`, `handle`, `expression`; `expression` is evaluated under the side-effect guard. */
    params: {
      actor?: string;
      handle?: string;
      expression?: string;
      in?: string;
      depth?: number;
      start?: number;
      count?: number;
      maxPauseMs?: number;
      thread?: number;
    };
    /** `actor`: what an actor says of itself, where one was asked for. */
    result: ValuePage & { actor?: ListedActor };
  };
  /** A piece of a long string. */
  text: { params: { handle: string; start: number; count: number; thread?: number }; result: { text: string; length: number } };
  /** Names that could follow `expression.`, or global and module names where `expression` is empty. Runs no getter. */
  complete: { params: { expression: string; in?: string; thread?: number }; result: { names: string[] } };
  /** The threads of the service. */
  'threads.list': { params: Record<never, never>; result: { threads: ThreadSummary[] } };
  /**
   * `silent`: threads that did not answer, so that functions may be missing. `leftOut`: files that run without slots in an instrumented process; their functions are listed where the
   * prefix names the file, for reading it pauses the process.
   */
  'fn.list': { params: { prefix: string }; result: { functions: FunctionSummary[]; silent?: { id: number; name: string }[]; leftOut?: string[] } };
  'fn.get': { params: { address: string; thread?: number; maxPauseMs?: number }; result: FunctionDetail };
  'module.get': { params: { file: string; thread?: number; maxPauseMs?: number }; result: ModuleDetail };
  'patch.apply': {
    params: {
      patches: PatchRequest[];
      reason: string;
      dryRun?: boolean;
      partial?: boolean;
      maxPauseMs?: number;
      waitMs?: number;
      thread?: number;
      confirmMs?: number;
      ifErrors?: number;
      breakGlass?: boolean;
      commits?: string[];
    };
    result: PatchResult;
  };
  /** Events `items` of the request hold {@link WatchItem}s. */
  watch: {
    params: {
      addresses: string[];
      limit?: number;
      rate?: number;
      forMs?: number;
      if?: string;
      slowerMs?: number;
      throws?: boolean;
      depth?: number;
      stack?: number;
      record?: boolean;
      budgetPercent?: number;
    };
    result: WatchResult;
  };
  'recording.list': { params: Record<never, never>; result: { calls: WatchedCall[] } };
  /** An object of `this`, `args`, and how it ended. */
  'recording.open': { params: { number: number; depth?: number }; result: ValuePage };
  'recording.replay': { params: { number: number; patch?: PatchRequest; timeoutMs?: number }; result: ReplayedCall };
  /** Events `items` hold {@link MonitorInterval}s. */
  monitor: { params: { addresses: string[]; everyMs?: number; count?: number; forMs?: number; budgetPercent?: number }; result: MonitorResult };
  stack: {
    params: { addresses: string[]; calls?: number; frames?: number; rate?: number; forMs?: number; budgetPercent?: number };
    result: StackResult;
  };
  /** Events `items` hold {@link CallTree}s. */
  trace: {
    params: { address: string; below?: string[]; limit?: number; rate?: number; forMs?: number; budgetPercent?: number };
    result: TraceResult;
  };
  /** Events `items` hold {@link LogpointStarted} and {@link LogpointHit}s. */
  logpoint: {
    params: {
      file: string;
      line: number;
      expression: string;
      limit?: number;
      rate?: number;
      depth?: number;
      stack?: number;
      maxPauseMs?: number;
      forMs?: number;
      budgetPercent?: number;
    };
    result: LogpointResult;
  };
  'patch.revert': { params: { ids: string[]; all?: boolean; earlier?: boolean; reason: string; thread?: number }; result: PatchResult };
  /** Ends the probation of the push that `id` belongs to: all its patches stay. */
  'patch.confirm': { params: { id: string }; result: { ok: true; id: string; patches: string[] } };
  'patch.shadow': {
    params: { patches: PatchRequest[]; reason: string; calls: number; timeoutMs?: number; thread?: number; dryRun?: boolean; breakGlass?: boolean };
    result: ShadowResult;
  };
  /** `threads`: where it is in effect, as far as they answer. */
  'patch.list': { params: Record<never, never>; result: { patches: (PatchRecord & { threads: number[] })[] } };
  /** Changes that wait for the service to call a function. */
  'patch.waiting': { params: Record<never, never>; result: { patches: WaitingPatch[] } };
  /** The records an export is made of; the export itself is journaled. Without ids all live patches. */
  'patch.export': {
    params: { ids: string[]; past?: string[] };
    /** `past`: those that were asked for and are not live, with what became of each. */
    result: { service: string; root: string; commit: string | null; patches: PatchRecord[]; past?: HistoricPatch[] };
  };
  /**
   * Every patch that the journal knows, newest first, also those of earlier processes. `next` is the `before` of the next page: an id; null at the end. `ids`: these alone, on one page, or TOO_LARGE.
   */
  'patch.history': {
    params: { before?: string; count?: number; ids?: string[]; states?: PatchState[] };
    result: { service: string; root: string; commit: string | null; patches: HistoricPatch[]; next: string | null };
  };
  /** What a hotfix file holds for these patches, live or not. */
  'patch.hotfix': { params: { ids: string[] }; result: { hotfix: Hotfix; sha256: string } };
  /**
   * Changes that wait for other operators. With `id`, and to those who may approve, also all that its author signed, and what a `set` found in the place.
   */
  'approval.list': { params: { id?: string }; result: { waiting: WaitingChange[]; asked: AskedChange | null; before: StateValue | null } };
  /** `missing`: how many more must approve; 0: it is being done. */
  'approval.give': { params: { id: string; digest: string }; result: { ok: true; id: string; missing: number } };
  'sessions.list': { params: Record<never, never>; result: { sessions: AttachedOperator[] } };
  'journal.read': {
    params: { before?: number; count?: number } & JournalFilter;
    /** `next` is the `before` of the next page; null at the end of the journal. */
    result: { entries: (JournalEntry & { hash: string })[]; next: number | null };
  };
  /** One entry's line, byte for byte, and that of the login its signature rests on; null where there is none. `removed`: retention has taken it. */
  'journal.line': { params: { seq: number }; result: { line: string | null; login: string | null; removed: boolean } };
  'journal.verify': { params: { seq?: number; hash?: string; signatures?: boolean }; result: JournalReport };
  vitals: { params: Record<never, never>; result: Vitals };
  profile: { params: { durationMs: number; heap?: boolean; insist?: boolean; brief?: boolean }; result: ProfileTaken };
  rescue: { params: Record<never, never>; result: Rescue };
  'rescue.end': { params: { reason: string }; result: RescueEnd };
  /** Ends the evaluation that request `request` of the same session runs; does nothing where it has ended. */
  interrupt: { params: { request: number }; result: { interrupted: boolean } };
}
export type OperationName = keyof Operations;
export type Params<O extends OperationName> = Operations[O]['params'];
export type Result<O extends OperationName> = Operations[O]['result'];
