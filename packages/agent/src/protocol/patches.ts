/** What the engine says about functions and patches. */
import type { RemoteValue } from './values.ts';

export type StrategyName = 'slots' | 'live-edit' | 'rebind';

/** Whether one strategy could change one function, with the expected pause in milliseconds and the reason in plain words. */
export interface StrategyVerdict {
  name: StrategyName;
  possible: boolean;
  pauseMs: number;
  why: string;
}

/** One function, as listed. `file` is named as its author knows it, relative to the source root, with forward slashes. */
export interface FunctionSummary {
  address: string;
  file: string;
  line: number;
  kind: string;
  patched: boolean;
  /** Threads that have loaded it; absent while the service has no other thread than its main one (0). */
  threads?: number[];
}

/** A thread of the service; the main thread is number 0. */
export interface ThreadSummary {
  id: number;
  name: string;
  /** The thread that started it; null for the main thread. */
  parent: number | null;
  state: 'ready' | 'not answering' | 'not instrumented';
  /** Ids of the patches that are in effect there. */
  patches: string[];
}

/** One function in one of the threads that have loaded it. */
export interface FunctionInThread {
  id: number;
  name: string;
  /** null where the thread does not answer. */
  patched: boolean | null;
  patch?: string;
  /** Why a patch that is live in the process is not in effect there. */
  why?: string;
}

/** One function, opened. All texts are of the code that runs (JavaScript), not of the author's source. */
export interface FunctionDetail extends Omit<FunctionSummary, 'threads'> {
  /** What runs now: the patch's text where it is patched. */
  code: string;
  /** What was loaded. */
  originalCode: string;
  /** Where that stands in {@link ModuleDetail.running}. */
  start: number;
  /** The author's text that runs now: from the patch, else from the loaded source; null where the process does not know it. */
  source: string | null;
  /** The author's text that was loaded, or null. */
  original: string | null;
  strategies: StrategyVerdict[];
  /** Outer variables a patch of this function can use (module variables and globals are always reachable). */
  reachable: string[];
  patches: string[];
  threads: FunctionInThread[];
  /** What can still undo the live patch by itself. */
  trial?: TrialState;
}

/** A module of the process, for the console to compare and translate against. */
export interface ModuleDetail {
  file: string;
  url: string;
  format: 'module' | 'commonjs';
  instrumented: boolean;
  /** The JavaScript that was loaded, before instrumentation. */
  running: string;
  /** The author's own text of `file`: null where only the operator's repository can tell. */
  author: string | null;
  /** The source map from `running` to the author's files, as JSON text, or null where `running` is what the author wrote or types were only blanked out. */
  map: string | null;
}

/**
 * A name that the running file has no import for. The module has to be in the process already, and the name stands for what it exports as an import would: what the exporter assigns
 * later is seen. `local`, `specifier` and `imported` say the import as the author's file does, for git.
 */
export interface PatchImport {
  /** How the patch's code says it. */
  name: string;
  local: string;
  specifier: string;
  /** The exported name; `default`, or `*` for the namespace. */
  imported: string;
  /** The module as the running file would name it. */
  from: string;
}

/** One change of one function, as the console sends it. */
export interface PatchRequest {
  address: string;
  /** The new function, as JavaScript in terms of the running module. */
  code: string;
  /** The running text that was edited: what `FunctionDetail.code` said. The engine refuses when it is no longer so. */
  baseCode: string;
  /** The new and the old text in the author's language; they go to the journal and into the git patch. */
  source: string;
  baseSource: string;
  /** What the new code uses of other modules, and the running file does not import. */
  imports?: PatchImport[];
}

/** Somebody who goes on with the old function. `count` is null where it is not known. */
export interface Unreached {
  holder: string;
  count: number | null;
}

/** A change that waits for the service to call one of these functions. */
export interface WaitingPatch {
  address: string;
  calls: string[];
  /** How long it is still waited, in milliseconds. */
  leftMs: number;
}

/** A patch that was applied (or, in a dry run, would be). */
export interface AppliedPatch {
  id: string;
  address: string;
  strategy: StrategyName;
  pauseMs: number;
  verified: boolean;
  /** Where the strategy does not reach every holder of the old function. */
  unreached?: Unreached[];
  /** Threads where it was done; absent while the service has no other thread than its main one (0). */
  threads?: number[];
  trial?: TrialState;
  /** Of a patch that was taken back: the one that is live there again, where it is not the loaded code. */
  now?: string;
}

/** What can undo a patch without anybody's doing; absent on one that stays. */
export interface TrialState {
  /** Milliseconds left to confirm it; then it is undone. */
  confirmWithinMs?: number;
  /** It is undone when more than `allowed` of its calls fail within the next `forMs` milliseconds. */
  errors?: { allowed: number; seen: number; forMs: number };
}

/** The agent took a push back by itself: all of its patches that were still live, together. */
export interface Undone {
  /** Counts the agent's own undoings since the process started. */
  number: number;
  /** The journal entry of the push. */
  entry: number;
  /** ISO 8601: when it was done. The journal may learn of it later. */
  at: string;
  cause: 'not confirmed' | 'errors';
  /** `now`: the patch that is live again, or null where the loaded code is. */
  patches: { id: string; address: string; now: string | null }[];
  /** Milliseconds after it was due: the main thread was busy. */
  lateMs: number;
  /** Which patch failed, how often, and how at last, without values of the service. */
  errors?: { id: string; allowed: number; seen: number; name: string; message: string };
  /** Other threads where it is not undone yet, or could not be: one sentence each. */
  elsewhere?: string[];
  /** Where it could not be undone: why. The patches are then live still, and it is tried again. */
  failed?: string;
}

/** One call whose outcome differs. Values are previews of copies. */
export interface ShadowDifference {
  args: RemoteValue[];
  old: ShadowOutcome;
  new: ShadowOutcome;
}
export interface ShadowOutcome {
  threw: boolean;
  value: RemoteValue;
}

/** What a shadow run saw of one function. Each observed call is in exactly one of equal, different, skipped and incomparable. */
export interface ShadowReport {
  address: string;
  calls: number;
  equal: number;
  different: number;
  /** Of the different ones: the new function threw and the old one did not. */
  threw: number;
  /** The new function was not run. */
  skipped: number;
  /** It was run, and the outcomes could not be held against each other. */
  incomparable: number;
  /** Why calls were skipped or could not be compared, and how many. */
  reasons: { why: string; calls: number }[];
  /** The first few. */
  differences: ShadowDifference[];
  /** Milliseconds, of the old function, the new one, and of copying before the real call. */
  oldMs: Percentiles;
  newMs: Percentiles;
  copyMs: Percentiles;
}
export interface Percentiles {
  p50: number;
  p99: number;
}

export interface ShadowResult {
  /** False: nothing was run; `refused` says why. */
  ok: boolean;
  ended: 'enough calls' | 'time is up' | 'stopped' | 'not started';
  tookMs: number;
  functions: ShadowReport[];
  refused: RefusedPatch[];
}

export interface RefusedPatch {
  address: string;
  why: string;
}

export interface PatchResult {
  ok: boolean;
  dryRun: boolean;
  patches: AppliedPatch[];
  refused: RefusedPatch[];
}

/** Who approved a change. */
export interface Approval {
  operator: string;
  fingerprint: string;
  /** The seq of the journal's entry that holds the signature. */
  entry: number;
}

/** A patch that is or was live, with all that git needs. Its base texts are those that were loaded, also where it replaced an earlier patch. */
export interface PatchRecord extends PatchRequest {
  id: string;
  file: string;
  strategy: StrategyName;
  operator: string;
  email: string;
  fingerprint: string;
  reason: string;
  /** ISO 8601, when its intent was journaled. */
  at: string;
  /** Sequence number and SHA-256 of the journal line that holds the intent. */
  entry: number;
  entryHash: string;
  /** Who approved it, where the service asks for that. */
  approvals?: Approval[];
  /** It did not wait for the approval that the service asks for. */
  breakGlass?: true;
  /** The commits that the push was made of, where it was one of commits; oldest first. */
  commits?: string[];
  trial?: TrialState;
  /** It was put into effect again after a restart. */
  replayed?: ReplayMark;
}

/** The journal entry of a replay, and the hotfix file that the patch came from, where it came from one. */
export interface ReplayMark {
  entry: number;
  /** ISO 8601. */
  at: string;
  file?: string;
}
