/** Watches calls of functions: each is said as it ends, with what was there when it began. */
import { limits } from '../../protocol/index.ts';
import type { Params, WatchResult } from '../../protocol/index.ts';
import type { HostContext } from '../bridge.ts';
import { conditionFor } from './condition.ts';
import { defaultGlimpse } from './glimpse.ts';
import { lookOut } from './lookout.ts';
import type { WatchParts } from './lookout.ts';
import type { KeptCall, Recordings } from './recordings.ts';
import { WatchedFunction } from './watched-function.ts';
import type { Watching } from './watched-function.ts';

/** @throws {KeyholeError} as {@link lookOut}; NOT_ALLOWED, NOT_FOUND and SYNTAX for the condition. */
export async function watch(
  parts: WatchParts & { recordings: Recordings },
  params: Params<'watch'>,
  { session, stream, mayEval = false }: HostContext,
): Promise<WatchResult> {
  const { limit = limits.defaultWatchedCalls, rate = limits.defaultWatchRate } = params;
  const watching: Watching = {
    root: parts.root,
    limit,
    busy: false,
    open: 0,
    seen: 0,
    shown: 0,
    missedSince: 0,
    missed: { rate: 0, failed: 0 },
    conditionErrors: { calls: 0 },
  };
  const { recordings } = parts;
  const recorder = params.record === true ? { next: () => recordings.next(session), keep: (call: KeptCall) => recordings.keep(session, call) } : null;
  const functions: WatchedFunction[] = [];
  const { ended, lookout } = await lookOut(parts, params, stream, { rate, most: limits.maxWatchedFunctions, inTurns: false }, (target, lookout) => {
    const condition = params.if === undefined ? null : conditionFor(target, params.if, mayEval);
    const glimpse = { ...defaultGlimpse, ...(params.depth !== undefined && { depth: params.depth }) };
    const wanted = { condition, slowerMs: params.slowerMs ?? null, throws: params.throws === true, glimpse, stack: params.stack ?? 0, recorder };
    const watched = new WatchedFunction(target, wanted, watching, lookout);
    functions.push(watched);
    return watched;
  });
  const atMs = parts.clock.now();
  const open = functions.reduce((sum, each) => sum + each.close(atMs, ended.ended === 'time' || ended.ended === 'stopped'), 0);
  lookout.speaker.flush();
  const { missed, conditionErrors } = watching;
  return { ...ended, functions: countsOf(functions), missed: { ...missed, unread: lookout.speaker.unread }, conditionErrors, open };
}

/** One row for each address: a file may have been loaded twice. */
function countsOf(functions: readonly WatchedFunction[]): WatchResult['functions'] {
  const rows = new Map<string, WatchResult['functions'][number]>();
  for (const { target, seen, shown } of functions) {
    const row = rows.get(target.address) ?? { address: target.address, seen: 0, shown: 0 };
    rows.set(target.address, { ...row, seen: row.seen + seen, shown: row.shown + shown });
  }
  return [...rows.values()];
}
