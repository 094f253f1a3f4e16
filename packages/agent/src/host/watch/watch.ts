/**
 * Watches calls of instrumented functions for an operator, until there were enough of them, the time is up, nobody listens any more, or it took more of the main thread than it may. Then the
 * functions are as they were, and it says why it ended.
 */
import type { Clock } from '../../platform/clock.ts';
import { KeyholeError, limits } from '../../protocol/index.ts';
import type { Params, WatchEnd, WatchResult, WatchStarted } from '../../protocol/index.ts';
import type { HostContext } from '../bridge.ts';
import type { FunctionTarget, ModuleIndex } from '../patch/modules.ts';
import type { SlotsStrategy } from '../patch/slots.ts';
import { conditionFor } from './condition.ts';
import { defaultGlimpse } from './glimpse.ts';
import { Meter } from './meter.ts';
import { observing } from './observing.ts';
import { selectFunctions } from './select.ts';
import { Speaker } from './speaker.ts';
import { WatchedFunction } from './watched-function.ts';
import type { Watching } from './watched-function.ts';

export interface WatchParts {
  slots: SlotsStrategy;
  modules: ModuleIndex;
  clock: Clock;
  /** Files are named relative to it. */
  root: string;
  /** Other threads that have loaded the function too, or do not say whether they have. */
  loadedElsewhere(address: string): Promise<{ id: number; name: string }[]>;
}

/** Between two refills of the meter. */
const tickMs = 100;

/** @throws {KeyholeError} NOT_FOUND, NOT_PATCHABLE where a function has no slot, NOT_ALLOWED and SYNTAX for the condition. */
export async function watch(parts: WatchParts, params: Params<'watch'>, { stream, mayEval = false }: HostContext): Promise<WatchResult> {
  if (stream === undefined) throw new KeyholeError('INTERNAL', 'a watch that nobody listens to');
  const { slots, modules, clock, root } = parts;
  const { limit = limits.defaultWatchedCalls, rate = limits.defaultWatchRate, budgetPercent: percent = limits.defaultWatchBudgetPercent } = params;
  const { targets, skipped } = selectFunctions(modules, slots, params.addresses);
  const otherThreads = await threadsBesides(parts, targets);
  const startedMs = clock.now();
  const meter = new Meter({ percent, rate }, startedMs);
  let end: (why: WatchEnd) => void = () => undefined;
  const ended = new Promise<WatchEnd>((resolve) => {
    end = resolve;
  });
  const speaker = new Speaker(stream, clock, meter);
  let shown = 0;
  const watching: Watching = {
    root,
    meter,
    over: false,
    busy: false,
    open: 0,
    seen: 0,
    missed: 0,
    missedByRate: 0,
    conditionErrors: { calls: 0 },
    show(call) {
      if (!speaker.say(call)) {
        watching.missed += 1 + (call.missed ?? 0);
        return;
      }
      shown += 1;
      if (shown < limit) return;
      watching.over = true;
      end('limit');
    },
    look(nowMs) {
      meter.refill(nowMs);
      if (!meter.exhausted) return;
      watching.over = true;
      end('budget');
    },
  };
  const functions = targets.map((target) => {
    const condition = params.if === undefined ? null : conditionFor(target, params.if, mayEval);
    const glimpse = { ...defaultGlimpse, ...(params.depth !== undefined && { depth: params.depth }) };
    const wanted = { condition, slowerMs: params.slowerMs ?? null, throws: params.throws === true, glimpse, stack: params.stack ?? 0 };
    return new WatchedFunction(target, wanted, watching);
  });
  const stops = observeAll(slots, functions);
  const callOffs = [clock.after(params.forMs ?? limits.defaultWatchMs, () => end('time'))];
  const tick = (): void => {
    watching.look(clock.now());
    if (!watching.over) callOffs[1] = clock.after(tickMs, tick);
  };
  tick();
  stream.onEnd(end);
  const addresses = [...new Set(targets.map(({ address }) => address))];
  speaker.say({ t: 'started', functions: addresses, skipped, otherThreads } satisfies WatchStarted);
  const why = await ended;
  watching.over = true;
  for (const callOff of callOffs) callOff();
  const endedMs = clock.now();
  const stuck = functions.filter((_, index) => stops[index]?.() !== true);
  const open = functions.reduce((sum, each) => sum + each.close(endedMs, why === 'time' || why === 'stopped'), 0);
  speaker.flush();
  if (stuck.length > 0) {
    const addresses = stuck.map(({ target }) => target.address).join(', ');
    throw new KeyholeError(
      'UNPROVEN',
      `the watch has ended (${why}), and what stood around ${addresses} COULD NOT be proven to be gone`,
      'It looks at nothing any more and passes every call on; only a restart brings the loaded code back for sure.',
    );
  }
  meter.refill(endedMs);
  const tookMs = endedMs - startedMs;
  return {
    ended: why,
    tookMs: Math.round(tookMs),
    functions: countsOf(functions),
    missed: { rate: watching.missedByRate, unread: speaker.unread },
    conditionErrors: watching.conditionErrors,
    open,
    spentMs: Math.round(meter.spentMs * 1_000) / 1_000,
    spentPercent: Math.round((meter.spentMs / Math.max(1, tookMs)) * 10_000) / 100,
  };
}

/** Threads are asked once for each file. */
async function threadsBesides({ loadedElsewhere }: WatchParts, targets: readonly FunctionTarget[]): Promise<WatchStarted['otherThreads']> {
  const threads = new Map<number, string>();
  const perFile = new Map(targets.map(({ file, address }) => [file, address]));
  for (const address of perFile.values()) for (const { id, name } of await loadedElsewhere(address)) threads.set(id, name);
  return [...threads].map(([id, name]) => ({ id, name }));
}

/** All, in one turn, or none. */
function observeAll(slots: SlotsStrategy, functions: readonly WatchedFunction[]): (() => boolean)[] {
  const stops: (() => boolean)[] = [];
  try {
    for (const each of functions) {
      const observed = slots.observe(each.target, observing(each.target, each));
      if ('why' in observed) throw new KeyholeError('NOT_PATCHABLE', `${each.target.address} can not be watched: ${observed.why}`);
      stops.push(observed.stop);
    }
    return stops;
  } catch (thrown) {
    for (const stop of stops) stop();
    throw thrown;
  }
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
