/** Recomputes a journal's chain. Needs no agent: the files are enough. */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { KeyholeError } from '../protocol/index.ts';
import type { JournalReport } from '../protocol/index.ts';
import { firstPrev, hashOf, parseLine } from './chain.ts';
import { segmentsIn } from './segments.ts';

/**
 * Checks every line of the journal in a directory.
 * @throws {KeyholeError} NOT_FOUND where the directory holds no journal.
 * @example
 * const { ok, entries, head, firstBroken } = verifyJournal('.keyhole/journal');
 */
export function verifyJournal(dir: string): JournalReport {
  let files: string[];
  try {
    files = segmentsIn(dir);
  } catch (thrown) {
    throw new KeyholeError('NOT_FOUND', `${dir} can not be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
  if (files.length === 0) throw new KeyholeError('NOT_FOUND', `${dir} holds no journal`);
  let prev = firstPrev;
  let seq = 0;
  const broken = (file: string, line: number, why: string): JournalReport => ({
    ok: false,
    entries: seq,
    head: seq === 0 ? null : prev,
    firstBroken: { seq: seq + 1, file, line, why },
  });
  for (const file of files) {
    const bytes = readFileSync(path.join(dir, file));
    let line = 0;
    let start = 0;
    while (start < bytes.length) {
      line += 1;
      const end = bytes.indexOf(0x0a, start);
      if (end === -1) return broken(file, line, 'the last line has no end');
      const text = bytes.subarray(start, end);
      const entry = parseLine(text.toString('utf8'));
      if ('why' in entry && !('seq' in entry)) return broken(file, line, entry.why);
      if (!('seq' in entry) || entry.seq !== seq + 1) return broken(file, line, `its seq is not ${seq + 1}`);
      if (entry.prev !== prev) return broken(file, line, 'its prev is not the hash of the line before it');
      seq += 1;
      prev = hashOf(text);
      start = end + 1;
    }
  }
  return { ok: true, entries: seq, head: seq === 0 ? null : prev };
}
