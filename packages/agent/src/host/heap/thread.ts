/** A thread of its own, for as long as one snapshot of the heap is read: neither the service's thread nor the door's waits for it. */
import { parentPort, workerData } from 'node:worker_threads';
import { HeapGraph } from './graph.ts';
import { marksIn, waysTo } from './ways.ts';
import { stepsOf } from './words.ts';
import type { HeldStep } from './words.ts';

export interface RetainersOrder {
  /** The snapshot's JSON. */
  pieces: Uint8Array[];
  /** The class of the object that marks what is sought. */
  marker: string;
  count: number;
}

export type RetainersFound = { ok: true; ways: HeldStep[][]; holders: number; held: boolean } | { ok: false; why: string };

function find({ pieces, marker, count }: RetainersOrder): RetainersFound {
  try {
    const graph = new HeapGraph(pieces);
    const { ways, holders, held } = waysTo(graph, marksIn(graph, marker), count);
    return { ok: true, ways: ways.map((way) => stepsOf(graph, way)), holders, held };
  } catch (thrown) {
    return { ok: false, why: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

parentPort?.postMessage(find(workerData as RetainersOrder));
