/** Counts all calls of functions, those that fail, and how long they take, and says it for each interval. Percentiles are those of a histogram with three digits. */
import { createHistogram } from 'node:perf_hooks';
import { nodeClock } from '../../platform/clock.ts';
import { stringify, wallClockMs } from '../../platform/originals.ts';
import { limits } from '../../protocol/index.ts';
import type { MonitorInterval, MonitorResult, MonitoredCalls, Params } from '../../protocol/index.ts';
import type { HostContext } from '../bridge.ts';
import type { FunctionTarget } from '../patch/modules.ts';
import { lookOut } from './lookout.ts';
import type { Lookout, WatchParts } from './lookout.ts';
import type { CallEnd, CallObserver } from './observing.ts';

const { now } = nodeClock;

/** What counting one call takes, against one that is only passed on. */
const weight = 4;
const nsPerMs = 1_000_000;

interface Begun {
  startedMs: number;
}

/** Counts of a while. */
class Counts {
  readonly #histogram = createHistogram();
  calls = 0;
  failed = 0;
  /** The mean of the histogram is that of its buckets. */
  #totalMs = 0;

  add(ms: number, failed: boolean): void {
    this.calls += 1;
    if (failed) this.failed += 1;
    this.#totalMs += ms;
    // It takes whole numbers from 1 on.
    this.#histogram.record(Math.max(1, Math.round(ms * nsPerMs)));
  }

  get ms(): MonitoredCalls['ms'] {
    if (this.calls === 0) return null;
    const at = (percent: number): number => rounded(this.#histogram.percentile(percent) / nsPerMs);
    return { p50: at(50), p90: at(90), p99: at(99), max: rounded(this.#histogram.max / nsPerMs), mean: rounded(this.#totalMs / this.calls) };
  }
}

class MonitoredFunction implements CallObserver<Begun> {
  readonly target: FunctionTarget;
  readonly #lookout: Lookout;
  #interval = new Counts();
  readonly #all = new Counts();
  #open = 0;

  constructor(target: FunctionTarget, lookout: Lookout) {
    this.target = target;
    this.#lookout = lookout;
  }

  begin(): Begun | null {
    if (this.#lookout.over) return null;
    const startedMs = now();
    if (this.#lookout.meter.pass(weight)) this.#lookout.check(startedMs);
    this.#open += 1;
    return { startedMs };
  }

  left(): void {
    // Its time is that until its promise settles.
  }

  end({ startedMs }: Begun, how: CallEnd): void {
    this.#open -= 1;
    if (this.#lookout.over) return;
    const ms = now() - startedMs;
    const failed = how === 'threw' || how === 'rejected';
    this.#interval.add(ms, failed);
    this.#all.add(ms, failed);
  }

  /** What came since it was asked before. */
  take(): MonitoredCalls {
    const taken = this.#described(this.#interval);
    this.#interval = new Counts();
    return taken;
  }

  total(): MonitoredCalls {
    return this.#described(this.#all);
  }

  #described({ calls, failed, ms }: Counts): MonitoredCalls {
    return { address: this.target.address, calls, failed, open: this.#open, ms };
  }
}

/** @throws {KeyholeError} as {@link lookOut}. */
export async function monitor(parts: WatchParts, params: Params<'monitor'>, { stream }: HostContext): Promise<MonitorResult> {
  const { everyMs = limits.defaultMonitorMs, count = Infinity } = params;
  const { clock } = parts;
  const functions: MonitoredFunction[] = [];
  let said = 0;
  let lastMs = clock.now();
  const options = { rate: 1, most: limits.maxWatchedFunctions, inTurns: false, everyMs };
  const say = ({ speaker }: Lookout): void => {
    const atMs = clock.now();
    const item: MonitorInterval = {
      t: 'interval',
      at: wallClockMs(),
      forMs: Math.round(atMs - lastMs),
      functions: functions.map((each) => each.take()),
    };
    lastMs = atMs;
    speaker.say(stringify(item));
  };
  const every = (lookout: Lookout): void => {
    say(lookout);
    said += 1;
    if (said >= count) lookout.end('limit');
  };
  const { ended, lookout } = await lookOut(parts, params, stream, { ...options, every }, (target, lookout) => {
    const monitored = new MonitoredFunction(target, lookout);
    functions.push(monitored);
    return monitored;
  });
  // What the last, shorter interval has is in the total.
  lookout.speaker.flush();
  return { ...ended, functions: functions.map((each) => each.total()) };
}

function rounded(ms: number): number {
  return Math.round(ms * 10_000) / 10_000;
}
