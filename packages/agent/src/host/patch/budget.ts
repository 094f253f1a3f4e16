/** How long a change may stop the process, against how long it would. */
import { KeyholeError } from '../../protocol/index.ts';
import type { FunctionTarget } from './modules.ts';
import type { PatchStrategy } from './strategy.ts';

/** Before anything is waited for: a strategy stops the process once, however many functions it changes. */
export function foreseenPauseMs(planned: readonly { strategy: PatchStrategy; targets: readonly FunctionTarget[] }[]): number {
  const longest = new Map<PatchStrategy, number>();
  for (const { strategy, targets } of planned) {
    for (const target of targets) longest.set(strategy, Math.max(longest.get(strategy) ?? 0, strategy.assess(target).pauseMs));
  }
  return sumOf(longest.values());
}

export function sumOf(numbers: Iterable<number>): number {
  let sum = 0;
  for (const each of numbers) sum += each;
  return sum;
}

/** @throws {KeyholeError} PAUSE_BUDGET */
export function checkBudget(expectedPauseMs: number, maxPauseMs: number): void {
  if (expectedPauseMs <= maxPauseMs) return;
  throw new KeyholeError(
    'PAUSE_BUDGET',
    `the process would stop for about ${Math.round(expectedPauseMs)} ms, and ${maxPauseMs} ms are allowed`,
    `--max-pause ${Math.ceil(expectedPauseMs * 1.5)} allows it; code that was instrumented at load time needs no pause.`,
  );
}
