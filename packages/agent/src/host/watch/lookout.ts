/**
 * What all ways of looking at calls have in common: which functions, what it may take, to whom it is said, and how it ends. Then the functions are as they were, proven for each, and it says
 * why it ended. What is looked for, and what is said of it, is the caller's.
 */
import { nextTurn, rounded } from '../../platform/clock.ts';
import type { Clock } from '../../platform/clock.ts';
import { stringify } from '../../platform/originals.ts';
import { KeyholeError, limits } from '../../protocol/index.ts';
import type { Params, WatchEnd, WatchEnded, WatchStarted } from '../../protocol/index.ts';
import type { CallStream } from '../call-stream.ts';
import type { FunctionTarget, ModuleIndex } from '../patch/modules.ts';
import type { SlotsStrategy } from '../patch/slots.ts';
import { Meter } from './meter.ts';
import { observing } from './observing.ts';
import type { CallObserver } from './observing.ts';
import { selectFunctions } from './select.ts';
import { Speaker } from './speaker.ts';

export interface WatchParts {
  slots: SlotsStrategy;
  modules: ModuleIndex;
  clock: Clock;
  /** Files are named relative to it. */
  root: string;
  /** Other threads that have loaded the function too, or do not say whether they have. */
  loadedElsewhere(address: string): Promise<{ id: number; name: string }[]>;
  /** Other threads that have functions whose addresses begin so. */
  foundElsewhere(prefix: string): Promise<{ id: number; name: string }[]>;
}

/** What an observer has to know of all this. */
export interface Lookout {
  readonly meter: Meter;
  readonly speaker: Speaker;
  /** Nothing is looked at any more. */
  over: boolean;
  /** It ends, in a turn of its own; from now on nothing is looked at. */
  end(why: WatchEnd): void;
  /** The budget may be used up. */
  check(nowMs: number): void;
}

interface LookoutOptions {
  rate: number;
  /** Functions that are looked at together. */
  most: number;
  /** They are compiled in a turn each: there may be many. */
  inTurns: boolean;
  /** Called again and again while it lasts. */
  everyMs?: number;
  every?(lookout: Lookout): void;
}

/** Of one function. */
type Observing<Call extends object> = (target: FunctionTarget, lookout: Lookout) => CallObserver<Call>;

/** Between two refills of the meter. */
const tickMs = 100;

/**
 * @param observe makes the observer of each function, in their order.
 * @returns when it has ended. What is said from then on is said by {@link Speaker.flush}.
 * @throws {KeyholeError} NOT_FOUND, TOO_LARGE, NOT_PATCHABLE where a function has no slot, UNPROVEN, and what `observe` throws.
 */
export async function lookOut<Call extends object>(
  parts: WatchParts,
  params: Pick<Params<'watch'>, 'addresses' | 'forMs' | 'budgetPercent'>,
  stream: CallStream | undefined,
  { rate, most, inTurns, everyMs, every }: LookoutOptions,
  observe: Observing<Call>,
): Promise<{ ended: WatchEnded; lookout: Lookout }> {
  const { slots, modules, clock } = parts;
  const { targets, skipped } = await orElsewhere(parts, params.addresses, async () => {
    for (const address of params.addresses) await modules.read(address);
    return selectFunctions(modules, slots, params.addresses, most);
  });
  const otherThreads = await threadsBesides(parts, targets);
  const { lookout, until } = openLookout(clock, params, stream, rate);
  const stops = await observeAll(parts, targets, inTurns, (target) => observe(target, lookout));
  const functions = [...new Set(targets.map(({ address }) => address))];
  lookout.speaker.say(stringify({ t: 'started', functions, skipped, otherThreads } satisfies WatchStarted));
  const ended = await until(everyMs, every);
  prove(ended.ended, targets, stops);
  return { ended, lookout };
}

/**
 * For whatever looks. Until it is waited for, nothing is to be looked at.
 * @returns `until`: begins, and waits for the end; calls back each so many milliseconds.
 */
export function openLookout(
  clock: Clock,
  params: Pick<Params<'watch'>, 'forMs' | 'budgetPercent'>,
  stream: CallStream | undefined,
  rate: number,
): { lookout: Lookout; until: (everyMs?: number, every?: (lookout: Lookout) => void) => Promise<WatchEnded> } {
  if (stream === undefined) throw new KeyholeError('INTERNAL', 'something is looked at, and nobody listens');
  const openedMs = clock.now();
  const meter = new Meter({ percent: params.budgetPercent ?? limits.defaultWatchBudgetPercent, rate }, openedMs);
  let resolveEnd: (why: WatchEnd) => void = () => undefined;
  const end = new Promise<WatchEnd>((resolve) => {
    resolveEnd = resolve;
  });
  const lookout: Lookout = {
    meter,
    speaker: new Speaker(stream, clock, meter),
    over: true,
    end(why) {
      lookout.over = true;
      resolveEnd(why);
    },
    check(nowMs) {
      meter.refill(nowMs);
      if (meter.exhausted) lookout.end('budget');
    },
  };
  const until = async (everyMs?: number, every?: (lookout: Lookout) => void): Promise<WatchEnded> => {
    const startedMs = clock.now();
    lookout.over = false;
    let callOffTick = (): void => undefined;
    const tick = (): void => {
      lookout.check(clock.now());
      if (!lookout.over) callOffTick = clock.after(tickMs, tick);
    };
    let callOffEvery = (): void => undefined;
    const again = (): void => {
      every?.(lookout);
      if (!lookout.over && everyMs !== undefined) callOffEvery = clock.after(everyMs, again);
    };
    if (everyMs !== undefined) callOffEvery = clock.after(everyMs, again);
    const callOffEnd = clock.after(params.forMs ?? limits.defaultWatchMs, () => lookout.end('time'));
    tick();
    stream.onEnd((why) => lookout.end(why));
    const why = await end;
    for (const callOff of [callOffTick, callOffEvery, callOffEnd]) callOff();
    const endedMs = clock.now();
    meter.refill(endedMs);
    const tookMs = Math.max(1, endedMs - startedMs);
    const spentMs = rounded(meter.spentMs);
    return { ended: why, tookMs: Math.round(tookMs), spentMs, spentPercent: Math.round((spentMs / tookMs) * 10_000) / 100 };
  };
  return { lookout, until };
}

function prove(why: WatchEnd, targets: readonly FunctionTarget[], stops: readonly (() => boolean)[]): void {
  const isGone = (stop: (() => boolean) | undefined): boolean => {
    try {
      return stop?.() === true;
    } catch {
      return false;
    }
  };
  const stuck = targets.filter((_, index) => !isGone(stops[index]));
  if (stuck.length === 0) return;
  throw new KeyholeError(
    'UNPROVEN',
    `it has ended (${why}), and what stood around ${stuck.map(({ address }) => address).join(', ')} COULD NOT be proven to be gone`,
    'It looks at nothing any more and passes every call on; only a restart brings the loaded code back for sure.',
  );
}

/** What the main thread does not have, another one may: that is said, instead of that there is no such thing. @throws {KeyholeError} NOT_PATCHABLE, or what `select` throws. */
export async function orElsewhere<T>({ foundElsewhere }: WatchParts, addresses: readonly string[], select: () => T | Promise<T>): Promise<T> {
  try {
    return await select();
  } catch (thrown) {
    if (!(thrown instanceof KeyholeError) || thrown.code !== 'NOT_FOUND') throw thrown;
    for (const address of addresses) {
      const [thread] = await foundElsewhere(address.replace(/\*$/, ''));
      if (thread === undefined) continue;
      throw new KeyholeError(
        'NOT_PATCHABLE',
        `${address} is not in the main thread, but in thread ${thread.id} (${thread.name}): calls can only be looked at in the main thread`,
        `push, eval and inspect reach that one with --thread ${thread.id}.`,
      );
    }
    throw thrown;
  }
}

/** Threads are asked once for each file. */
async function threadsBesides({ loadedElsewhere }: WatchParts, targets: readonly FunctionTarget[]): Promise<WatchStarted['otherThreads']> {
  const threads = new Map<number, string>();
  const perFile = new Map(targets.map(({ file, address }) => [file, address]));
  for (const address of perFile.values()) for (const { id, name } of await loadedElsewhere(address)) threads.set(id, name);
  return [...threads].map(([id, name]) => ({ id, name }));
}

/** All or none. Until all are there, none looks at anything. */
async function observeAll<Call extends object>(
  { slots, clock }: WatchParts,
  targets: readonly FunctionTarget[],
  inTurns: boolean,
  observe: (target: FunctionTarget) => CallObserver<Call>,
): Promise<(() => boolean)[]> {
  const stops: (() => boolean)[] = [];
  try {
    const observers = targets.map(observe);
    for (const [index, target] of targets.entries()) {
      const observer = observers[index];
      if (observer === undefined) continue;
      if (inTurns) await nextTurn(clock);
      const observed = slots.observe(target, observing(target, observer));
      if ('why' in observed) throw new KeyholeError('NOT_PATCHABLE', `the calls of ${target.address} can not be looked at: ${observed.why}`);
      stops.push(observed.stop);
    }
    return stops;
  } catch (thrown) {
    for (const stop of stops) stop();
    throw thrown;
  }
}
