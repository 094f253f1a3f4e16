/** Who calls functions: the frames above some of their calls, equal ones counted together. Nothing of the calls themselves is looked at. */
import { nodeClock } from '../../platform/clock.ts';
import { limits } from '../../protocol/index.ts';
import type { Params, StackResult } from '../../protocol/index.ts';
import type { HostContext } from '../bridge.ts';
import { callers } from './caller.ts';
import { lookOut } from './lookout.ts';
import type { Lookout, WatchParts } from './lookout.ts';
import type { CallObserver } from './observing.ts';

const { now } = nodeClock;

interface Callers {
  stacks: Map<string, { frames: string[]; calls: number }>;
  seen: number;
  looked: number;
  others: number;
}

/** @throws {KeyholeError} as {@link lookOut}. */
export async function stack(parts: WatchParts, params: Params<'stack'>, { stream }: HostContext): Promise<StackResult> {
  const { calls = limits.defaultStackCalls, frames = limits.defaultStackFrames, rate = limits.defaultWatchRate } = params;
  const found: Callers = { stacks: new Map(), seen: 0, looked: 0, others: 0 };
  const observer = (lookout: Lookout): CallObserver<never> => ({
    begin() {
      if (lookout.over) return null;
      found.seen += 1;
      if (!lookout.meter.mayShow) {
        if (lookout.meter.pass()) lookout.check(now());
        return null;
      }
      const startedMs = now();
      lookout.meter.showing();
      count(found, callers(parts.root, frames));
      if (found.looked >= calls) lookout.end('limit');
      const endedMs = now();
      lookout.meter.spend(endedMs - startedMs);
      if (lookout.meter.exhausted) lookout.check(endedMs);
      return null;
    },
    left: () => undefined,
    end: () => undefined,
  });
  const options = { rate, most: limits.maxWatchedFunctions, inTurns: false };
  const { ended, lookout } = await lookOut(parts, params, stream, options, (_, lookout) => observer(lookout));
  lookout.speaker.flush();
  const stacks = [...found.stacks.values()].sort((a, b) => b.calls - a.calls);
  return { ...ended, seen: found.seen, looked: found.looked, stacks, others: found.others };
}

function count(found: Callers, frames: string[]): void {
  found.looked += 1;
  const key = frames.join('\n');
  const known = found.stacks.get(key);
  if (known !== undefined) known.calls += 1;
  else if (found.stacks.size < limits.maxStacks) found.stacks.set(key, { frames, calls: 1 });
  else found.others += 1;
}
