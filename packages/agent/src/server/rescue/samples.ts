/** A CPU profile in few words: which functions were on top of the stack. */
import type { HotFunction } from '../../protocol/index.ts';
import type { AuthorNames, RunningPlace } from './author-names.ts';

/** V8's: lines and columns from 0. */
export interface CallFrame {
  functionName: string;
  url: string;
  lineNumber: number;
  columnNumber: number;
}

/** V8's, as far as it is read here. */
export interface CpuProfile {
  nodes: {
    id: number;
    callFrame: CallFrame;
    hitCount?: number;
    children?: number[];
  }[];
  startTime: number;
  endTime: number;
  samples?: number[];
  timeDeltas?: number[];
}

const maxHottest = 20;
/** V8's names for what is no function. */
const noFunction: ReadonlySet<string> = new Set(['(root)', '(idle)']);

export async function hottestOf({ nodes }: CpuProfile, names: AuthorNames): Promise<HotFunction[]> {
  const all = nodes.reduce((sum, { hitCount = 0 }) => sum + hitCount, 0);
  const hits = nodes
    .filter(({ callFrame }) => !noFunction.has(callFrame.functionName))
    .map(({ callFrame, hitCount = 0 }) => ({ callFrame, weight: hitCount }));
  return (await heaviest(hits, all, names)).map(({ weight: _, ...hot }) => hot);
}

/** The functions with most of a weight, each counted once wherever it was called from. @param all what `self` is a part of. */
export async function heaviest(
  frames: Iterable<{ callFrame: CallFrame; weight: number }>,
  all: number,
  names: AuthorNames,
): Promise<(HotFunction & { weight: number })[]> {
  const byFrame = new Map<string, { callFrame: CallFrame; weight: number }>();
  for (const { callFrame, weight } of frames) {
    if (weight === 0) continue;
    const key = JSON.stringify(callFrame);
    const known = byFrame.get(key);
    if (known === undefined) byFrame.set(key, { callFrame, weight });
    else known.weight += weight;
  }
  const hottest: (HotFunction & { weight: number })[] = [];
  for (const { callFrame, weight } of [...byFrame.values()].sort((a, b) => b.weight - a.weight).slice(0, maxHottest))
    hottest.push({ ...(await names.of(placeOf(callFrame))), self: Math.round((weight / all) * 1_000) / 1_000, weight });
  return hottest;
}

/** What has no place of its own has negative numbers. */
export function placeOf({ functionName, url, lineNumber, columnNumber }: CallFrame): RunningPlace {
  return { functionName, url, line: Math.max(0, lineNumber), column: Math.max(0, columnNumber) };
}
