/** Which strategy makes a change: the first that can do all of it within the pause that is allowed; else the first that can at all, so that the refusal says what it would cost. */
import type { PatchRecord, RefusedPatch, StrategyVerdict } from '../../protocol/index.ts';
import type { FunctionTarget } from './modules.ts';
import type { Planned } from './planned.ts';
import type { Change, PatchStrategy } from './strategy.ts';

/** One verdict on all copies of a function: where one of them can not be changed, none is. */
export function assessAll(strategy: PatchStrategy, targets: readonly FunctionTarget[]): StrategyVerdict {
  const verdicts = targets.map((target) => strategy.assess(target));
  const against = verdicts.find(({ possible }) => !possible);
  return against ?? { name: strategy.name, possible: true, pauseMs: 0, why: '', ...verdicts.toSorted((a, b) => b.pauseMs - a.pauseMs)[0] };
}

export function chooseStrategy(
  strategies: readonly PatchStrategy[],
  changes: readonly Change[],
  maxPauseMs: number,
): { strategy: PatchStrategy } | { why: string } {
  const able: { strategy: PatchStrategy; pauseMs: number }[] = [];
  const reasons: string[] = [];
  for (const strategy of strategies) {
    const verdict = assessAll(
      strategy,
      changes.map(({ target }) => target),
    );
    const why = verdict.possible ? objectionTo(strategy, changes) : verdict.why;
    if (why === null) able.push({ strategy, pauseMs: verdict.pauseMs });
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

/**
 * Functions of a file without slots are all changed in one way: live edit puts another text in the place of the file's, and rebind needs the one that was loaded, to find its way in and to
 * throw away code that was optimized with the old function in it.
 */
export function oneWayPerFile(
  planned: readonly Planned[],
  strategies: readonly PatchStrategy[],
  maxPauseMs: number,
): { planned: Planned[]; refused: RefusedPatch[] } {
  const refused: RefusedPatch[] = [];
  let kept = [...planned];
  for (const module of new Set(planned.flatMap(({ targets }) => targets.map((target) => target.module)))) {
    const here = kept.filter(({ targets }) => targets.some((target) => target.module === module));
    if (new Set(here.map(({ strategy }) => strategy)).size < 2) continue;
    const changes = here.flatMap(({ id, targets, code }) => targets.map((target) => ({ id, target, code })));
    const choice = chooseStrategy(strategies, changes, maxPauseMs);
    if ('why' in choice) {
      const why = `all functions of a file without slots are changed in one way, and no way does for all of these: ${choice.why}`;
      refused.push(...here.map(({ request: { address } }) => ({ address, why })));
      kept = kept.filter((each) => !here.includes(each));
    } else kept = kept.map((each) => (here.includes(each) ? { ...each, strategy: choice.strategy } : each));
  }
  return { planned: kept, refused };
}

/** Said where a patch that is live leaves another function of its file one way only. */
export function goesOneWay({ address, id, strategy }: PatchRecord): string {
  return `${address} of the same file is patched by ${strategy} (${id}), and all functions of a file without slots are changed in one way: revert that first`;
}
