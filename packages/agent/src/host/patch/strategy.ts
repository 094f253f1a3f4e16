/**
 * One interface, several ways to replace a function. A strategy judges, prepares (which changes nothing), and then applies, proves and undoes a set
 * of changes as one transaction inside one turn of the event loop. It never decides whether a change is allowed: that is the engine's.
 */
import type { PatchImport, StrategyName, StrategyVerdict, Unreached } from '../../protocol/index.ts';
import type { Pieces } from '../../source/index.ts';
import type { FunctionTarget } from './modules.ts';
import type { SlotWrapper } from './slot-watch.ts';

export interface Change {
  /** The patch this belongs to; names it in stack traces. */
  id: string;
  target: FunctionTarget;
  /** The new function in terms of the running module, or null to put the loaded code back. */
  code: string | null;
  /** What the new function uses of modules that its file does not import. Only for a strategy that {@link PatchStrategy.wraps}. */
  imports?: readonly PatchImport[] | undefined;
  /** Stands around the new function. Only for a strategy that {@link PatchStrategy.wraps}. */
  wrap?: SlotWrapper | undefined;
}

export interface Refusal {
  address: string;
  why: string;
}

/** Changes that are ready: compiled, judged, not yet visible to the service. */
export interface Transaction {
  expectedPauseMs: number;
  /** Makes all changes visible. Synchronous; may throw half-way, then {@link undo} is called. */
  apply(): void;
  /** Looks at the process, not at what apply meant to do: the addresses whose effect is proven, and why the others are not. */
  verify(): { proven: Set<string>; doubts: Refusal[] };
  /** Puts back what was there before apply. */
  undo(): void;
  /** Who goes on with the old code, by address, where a strategy can not reach all. Called after the proof, in the same turn; what it returns may come later. */
  survey?(): Promise<Map<string, Unreached[]>>;
}

/** What a strategy needed from the process beforehand, and waited for. */
export interface Captured {
  /** What did not come in time, and what was waited for. */
  refused: Refusal[];
  /** How long the process stood still for it, in milliseconds. */
  pauseMs: number;
  release(): void;
}

export interface CaptureOptions {
  timeoutMs: number;
  maxPauseMs: number;
  /** Nobody waits any more. */
  signal: AbortSignal;
}

/** What is waited for: a call of one of these functions. */
export interface Waiting {
  address: string;
  calls: string[];
}

export interface PatchStrategy {
  readonly name: StrategyName;
  /** Whether a function can stand around a patch, to look at its calls. */
  readonly wraps?: boolean;
  /** Whether it could change this function at all, and how long the process would stop. */
  assess(target: FunctionTarget): StrategyVerdict;
  /** What speaks against this very text, known without touching the process; {@link prepare} may still refuse. */
  objection?(change: Change): string | null;
  /**
   * Does beforehand and in pieces what {@link prepare} would do in one go; prepare takes what of it still holds. Nothing is visible to the service.
   * @throws {KeyholeError} SYNTAX as prepare does.
   */
  begin?(changes: readonly Change[]): Pieces<void>;
  /** Waits for what {@link prepare} needs. Only where something is said by {@link waitsFor}. */
  capture?(changes: readonly Change[], options: CaptureOptions): Promise<Captured>;
  waitsFor?(change: Change): string[];
  /** Enclosing functions' variables that a patch of this function can use. */
  reachable(target: FunctionTarget): string[];
  /**
   * Compiles a set of changes. What it can not do is refused by address with the reason; the transaction holds the rest.
   * @throws {KeyholeError} SYNTAX with file, line and caret.
   */
  prepare(changes: readonly Change[], captured?: Captured): { transaction: Transaction; refused: Refusal[] };
}
