/** Which strategy makes a change: the first that can do all of it within the pause that is allowed; else the first that can at all, so that the refusal says what it would cost. */
import type { Change, PatchStrategy } from './strategy.ts';

export function chooseStrategy(
  strategies: readonly PatchStrategy[],
  changes: readonly Change[],
  maxPauseMs: number,
): { strategy: PatchStrategy } | { why: string } {
  const able: { strategy: PatchStrategy; pauseMs: number }[] = [];
  const reasons: string[] = [];
  for (const strategy of strategies) {
    const verdicts = changes.map(({ target }) => strategy.assess(target));
    const why = verdicts.find((verdict) => !verdict.possible)?.why ?? objectionTo(strategy, changes);
    if (why === null) able.push({ strategy, pauseMs: Math.max(...verdicts.map((verdict) => verdict.pauseMs)) });
    else reasons.push(`${strategy.name}: ${why}`);
  }
  const chosen = able.find(({ pauseMs }) => pauseMs <= maxPauseMs) ?? able.toSorted((a, b) => a.pauseMs - b.pauseMs)[0];
  return chosen === undefined ? { why: reasons.join('; ') } : { strategy: chosen.strategy };
}

function objectionTo(strategy: PatchStrategy, changes: readonly Change[]): string | null {
  for (const change of changes) {
    const why = strategy.objection?.(change) ?? null;
    if (why !== null) return why;
  }
  return null;
}
