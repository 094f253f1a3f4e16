/** A CPU profile in few words: which functions were on top of the stack. */
import type { HotFunction } from '../../protocol/index.ts';
import type { AuthorNames } from './author-names.ts';

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
  const hits = new Map<string, { callFrame: CallFrame; count: number }>();
  let all = 0;
  for (const { callFrame, hitCount = 0 } of nodes) {
    all += hitCount;
    if (hitCount === 0 || noFunction.has(callFrame.functionName)) continue;
    const key = JSON.stringify(callFrame);
    const known = hits.get(key);
    if (known === undefined) hits.set(key, { callFrame, count: hitCount });
    else known.count += hitCount;
  }
  const hottest: HotFunction[] = [];
  for (const { callFrame, count } of [...hits.values()].sort((a, b) => b.count - a.count).slice(0, maxHottest)) {
    const { functionName, url, lineNumber, columnNumber } = callFrame;
    const frame = await names.of({ functionName, url, line: Math.max(0, lineNumber), column: Math.max(0, columnNumber) });
    hottest.push({ ...frame, self: Math.round((count / all) * 1_000) / 1_000 });
  }
  return hottest;
}
