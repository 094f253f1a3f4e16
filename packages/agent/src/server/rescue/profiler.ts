/**
 * CPU profiles and samples of allocations, taken by the door: the main thread only starts and stops them. Functions are named as their author knows them, in the door's thread. One at a time, and
 * for as long as whoever asked is there.
 */
import { refuseFullHeap } from '../../host/process/heap.ts';
import type { HeapUse } from '../../host/process/heap.ts';
import { KeyholeError, limits } from '../../protocol/index.ts';
import type { Params, Result } from '../../protocol/index.ts';
import { allocationsOf } from './allocations.ts';
import type { AllocationNode } from './allocations.ts';
import type { AuthorNames } from './author-names.ts';
import { MainThread } from './main-thread.ts';
import { hottestOf, placeOf } from './samples.ts';
import type { CallFrame, CpuProfile } from './samples.ts';

export interface ProfilerParts {
  root: string;
  /** ISO 8601. */
  startedAt: string;
}

/** Starting walks the heap, and a busy thread answers at its next interrupt. */
const answerMs = 30_000;
const lookMs = 100;
const leastIntervalUs = 1_000;
/** More make a file that no viewer likes. */
const maxSamples = 50_000;
/** Bytes between two sampled allocations, on average. */
const allocationIntervalBytes = 32_768;

export class Profiler {
  readonly #parts: ProfilerParts;
  #isBusy = false;

  constructor(parts: ProfilerParts) {
    this.#parts = parts;
  }

  /** @param isWanted whether there still is somebody who waits for it. @throws {KeyholeError} BUSY, TIMEOUT, HEAP_FULL */
  async take({ durationMs, heap = false, insist = false, brief = false }: Params<'profile'>, isWanted: () => boolean): Promise<Result<'profile'>> {
    if (this.#isBusy) throw new KeyholeError('BUSY', 'another profile is being taken', 'There is one at a time: it would show in the other.');
    this.#isBusy = true;
    const main = new MainThread();
    try {
      const { AuthorNames } = await import('./author-names.ts');
      const names = new AuthorNames(main, this.#parts.root, Date.parse(this.#parts.startedAt));
      const during = async (): Promise<void> => {
        for (const until = performance.now() + durationMs; performance.now() < until && isWanted();)
          await new Promise((resolve) => setTimeout(resolve, Math.min(lookMs, Math.max(1, until - performance.now()))));
      };
      return heap ? await takeHeap(main, names, during, insist) : await takeCpu(main, names, during, { durationMs, brief });
    } finally {
      // Whatever was started ends with the session.
      main.leave();
      this.#isBusy = false;
    }
  }
}

async function takeCpu(
  main: MainThread,
  names: AuthorNames,
  during: () => Promise<void>,
  { durationMs, brief }: { durationMs: number; brief: boolean },
): Promise<Result<'profile'>> {
  const interval = Math.max(leastIntervalUs, Math.ceil((durationMs * 1_000) / maxSamples));
  await must(main, 'Profiler.enable', {});
  await must(main, 'Profiler.setSamplingInterval', { interval });
  const startedMs = await timed(() => must(main, 'Profiler.start', {}));
  await during();
  const { profile } = await must<{ profile: CpuProfile }>(main, 'Profiler.stop', {});
  const hottest = await hottestOf(profile, names);
  if (brief) return { kind: 'cpu', profile: '', hottest, startMs: startedMs };
  const named = await namedBy(names);
  for (const node of profile.nodes) node.callFrame = await named(node.callFrame);
  return { kind: 'cpu', profile: bounded(JSON.stringify(profile)), hottest, startMs: startedMs };
}

async function takeHeap(main: MainThread, names: AuthorNames, during: () => Promise<void>, insist: boolean): Promise<Result<'profile'>> {
  if (!insist) refuseFullHeap('sampling its allocations', await heapOf(main), 'keyhole profile without --heap takes none.');
  await must(main, 'HeapProfiler.enable', {});
  const startedMs = await timed(() =>
    must(main, 'HeapProfiler.startSampling', {
      samplingInterval: allocationIntervalBytes,
      // What was collected meanwhile counts too: it was allocated.
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    }),
  );
  await during();
  const { profile } = await must<{ profile: { head: AllocationNode } }>(main, 'HeapProfiler.stopSampling', {});
  const { head, hottest } = await allocationsOf(profile.head, names, await namedBy(names));
  return { kind: 'heap', profile: bounded(JSON.stringify({ ...profile, head })), hottest, startMs: startedMs };
}

/** As viewers of profiles read it: the author's name, file and line. */
async function namedBy(names: AuthorNames): Promise<(frame: CallFrame) => Promise<CallFrame>> {
  const known = new Map<string, CallFrame>();
  return async (frame) => {
    const key = `${frame.functionName} ${frame.url}:${frame.lineNumber}:${frame.columnNumber}`;
    let named = known.get(key);
    if (named === undefined) {
      const place = await names.of(placeOf(frame));
      named = frame.url === '' ? frame : { ...frame, functionName: place.function, url: place.file, lineNumber: place.line - 1 };
      known.set(key, named);
    }
    return named;
  };
}

async function heapOf(main: MainThread): Promise<HeapUse> {
  const expression = `(({ used_heap_size: used, heap_size_limit: limit }) => ({ used, limit }))(process.getBuiltinModule('node:v8').getHeapStatistics())`;
  const { result } = await must<{ result: { value: HeapUse } }>(main, 'Runtime.evaluate', {
    expression,
    returnByValue: true,
  });
  return result.value;
}

async function must<T>(main: MainThread, method: string, params: object): Promise<T> {
  const answer = await main.within<T>(answerMs, method, params);
  if (answer === null) throw new KeyholeError('TIMEOUT', `the main thread does not answer (${method})`, 'keyhole rescue shows where it is.');
  return answer;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return Math.round(performance.now() - from);
}

function bounded(json: string): string {
  if (Buffer.byteLength(json) <= limits.maxFrameBytes * 0.9) return json;
  throw new KeyholeError('TOO_LARGE', `the profile has ${megabytes(json.length)} MB`, 'A shorter one is smaller: --seconds.');
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1_048_576);
}
