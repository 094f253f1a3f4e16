/** The chain: how a line follows from the one before it. Shared by writer, recovery and verification. */
import { createHash } from 'node:crypto';
import type { JournalDraft, JournalEntry } from '../protocol/index.ts';

export const firstPrev = '0'.repeat(64);

export function hashOf(line: string | Buffer): string {
  return createHash('sha256').update(line).digest('hex');
}

/** One line without its newline. `JSON.stringify` escapes every newline inside. */
export function lineOf(seq: number, time: string, prev: string, draft: JournalDraft): string {
  return JSON.stringify({ seq, time, prev, ...draft });
}

/** A line's entry, or why it is none. */
export function parseLine(line: string): JournalEntry | { why: string } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { why: 'it is not JSON' };
  }
  const entry = value as Partial<JournalEntry> | null;
  if (
    typeof entry !== 'object' ||
    entry === null ||
    typeof entry.seq !== 'number' ||
    typeof entry.prev !== 'string' ||
    typeof entry.kind !== 'string'
  ) {
    return { why: 'it lacks seq, prev or kind' };
  }
  return value as JournalEntry;
}
