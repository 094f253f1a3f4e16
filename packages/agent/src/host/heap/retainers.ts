/**
 * Who holds an object: the shortest ways to it, from a snapshot of the heap. V8 stops the process while it takes and writes one, and needs many times the heap for it, so both are predicted first, and
 * refused where whoever asks has not allowed it. Reading it is done in a thread of its own.
 */
import { availableMemory, memoryUsage } from 'node:process';
import { getHeapSnapshot, getHeapStatistics } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { nodeClock } from '../../platform/clock.ts';
import { KeyholeError } from '../../protocol/index.ts';
import type { FoundRetainers } from '../bridge.ts';
import { predictPauseMs } from '../patch/pauses.ts';
import { refuseFullHeap } from '../process/heap.ts';
import type { RetainersFound, RetainersOrder } from './thread.ts';

/** In the snapshot it is found by its name. */
class KeyholeSoughtObject {
  readonly sought: object;
  readonly ours: readonly object[];
  readonly shown: readonly object[];

  constructor(sought: object, ours: readonly object[], shown: readonly object[]) {
    this.sought = sought;
    this.ours = ours;
    this.shown = shown;
  }
}

export interface RetainersOptions {
  count: number;
  maxPauseMs: number;
  insist: boolean;
  /** What keeps values for sessions, and what they show. */
  ours: readonly object[];
  shown: readonly object[];
  /** A thread of ours is none of the service's. */
  leaveOut: (thread: number) => void;
}

/** Of memory, for each byte of heap: measured with small objects, 18 and its text. */
const memoryPerHeap = 20;
const megabyte = 1_048_576;
/** The typed arrays are outside of it; of the snapshot's strings few are read. */
const threadHeapMegabytes = 512;

/** What taking a snapshot would stop the process for, now. */
export function expectedSnapshotMs(): number {
  return predictPauseMs('graph');
}

/** @throws {KeyholeError} PAUSE_BUDGET, HEAP_FULL, both with the figures and what allows it. */
function refuseCostly({ maxPauseMs, insist }: RetainersOptions): void {
  const pauseMs = expectedSnapshotMs();
  if (pauseMs > maxPauseMs)
    throw new KeyholeError(
      'PAUSE_BUDGET',
      `finding who holds it takes a snapshot of the heap, which would stop the process for about ${pauseMs} ms, and ${maxPauseMs} are allowed`,
      `--max-pause ${pauseMs} allows it, as long as the heap does not grow.`,
    );
  if (insist) return;
  const used = memoryUsage().heapUsed;
  refuseFullHeap('a snapshot', { used, limit: getHeapStatistics().heap_size_limit });
  const needed = used * memoryPerHeap;
  if (needed > availableMemory())
    throw new KeyholeError(
      'HEAP_FULL',
      `a snapshot of the heap may take ${Math.round(needed / megabyte)} MB of memory while it is taken, and the process may have ${Math.round(availableMemory() / megabyte)} MB more`,
      '--insist takes it all the same.',
    );
}

export async function retainersOf(object: object, options: RetainersOptions): Promise<Omit<FoundRetainers, 'of'>> {
  refuseCostly(options);
  const expectedMs = expectedSnapshotMs();
  const marked = new KeyholeSoughtObject(object, options.ours, options.shown);
  const fromMs = nodeClock.now();
  const pieces: Uint8Array[] = [];
  const stream = getHeapSnapshot();
  // All of it comes in one turn, when it is first asked for.
  const ended = new Promise<void>((resolve, reject) => stream.once('end', resolve).once('error', reject));
  let pauseMs = 0;
  stream.on('data', (piece: Uint8Array) => {
    pieces.push(piece);
    pauseMs = Math.round(nodeClock.now() - fromMs);
  });
  await ended;
  const found = await readElsewhere({ pieces, marker: marked.constructor.name, count: options.count }, options.leaveOut);
  if (!found.ok) throw new KeyholeError('INTERNAL', `the snapshot could not be read: ${found.why}`, 'The process goes on as before.');
  const { ways, holders, held } = found;
  return { ways, holders, held, expectedMs, pauseMs };
}

function readElsewhere(order: RetainersOrder, leaveOut: (thread: number) => void): Promise<RetainersFound> {
  return new Promise((resolve, reject) => {
    const { NODE_OPTIONS: _, ...env } = process.env;
    const worker = new Worker(new URL('./thread.js', import.meta.url), {
      workerData: order,
      transferList: [...new Set(order.pieces.map(({ buffer }) => buffer as ArrayBuffer))],
      execArgv: [],
      env,
      name: 'keyhole heap',
      resourceLimits: { maxOldGenerationSizeMb: threadHeapMegabytes },
    });
    leaveOut(worker.threadId);
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new KeyholeError('INTERNAL', 'the thread that reads the snapshot has ended', 'The process goes on as before.')));
    worker.unref();
  });
}
