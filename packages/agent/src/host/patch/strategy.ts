/**
 * One interface, several ways to replace a function. A strategy judges, prepares (which changes nothing), and then applies, proves and undoes a set
 * of changes as one transaction inside one turn of the event loop. It never decides whether a change is allowed: that is the engine's.
 */
import type { StrategyName, StrategyVerdict } from '../../protocol/index.ts';
import type { FunctionTarget } from './modules.ts';

export interface Change {
  /** The patch this belongs to; names it in stack traces. */
  id: string;
  target: FunctionTarget;
  /** The new function in terms of the running module, or null to put the loaded code back. */
  code: string | null;
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
}

export interface PatchStrategy {
  readonly name: StrategyName;
  /** Whether it could change this function at all, and how long the process would stop. */
  assess(target: FunctionTarget): StrategyVerdict;
  /** Enclosing functions' variables that a patch of this function can use. */
  reachable(target: FunctionTarget): string[];
  /**
   * Compiles a set of changes. What it can not do is refused by address with the reason; the transaction holds the rest.
   * @throws {KeyholeError} SYNTAX with file, line and caret.
   */
  prepare(changes: readonly Change[]): { transaction: Transaction; refused: Refusal[] };
}
