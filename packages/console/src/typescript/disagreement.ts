/** Why a text is not what runs, in words. */
import { lineTable, type FunctionEntry } from '@keyhole/agent/source';
import type { Disagreement } from './unify.ts';

const excerptLength = 80;

/** Where the author's plain text and the running code part. */
export function partedWhere(author: string, running: string, { left, right }: Disagreement, entry: FunctionEntry): string {
  if (left === entry.container) return 'it is another kind of function';
  const text = author.slice(left.start, left.end);
  return `line ${lineTable(author)(left.start)}: ${excerpt(text)} runs as ${right === null ? 'nothing' : excerpt(running.slice(right.start, right.end))}`;
}

function excerpt(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length > excerptLength ? `${line.slice(0, excerptLength)}...` : line;
}
