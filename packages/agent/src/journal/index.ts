/** Stand-in for the door's journal until it is merged: the chain alone. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JournalReport } from '../protocol/journal.ts';

export function verifyJournal(dir: string): JournalReport {
  let prev = '0'.repeat(64);
  let seq = 0;
  for (const file of readdirSync(dir).sort()) {
    const lines = readFileSync(join(dir, file), 'utf8').split('\n').slice(0, -1);
    for (const [index, line] of lines.entries()) {
      seq += 1;
      let entry: { seq?: unknown; prev?: unknown };
      try {
        entry = JSON.parse(line) as typeof entry;
      } catch {
        entry = {};
      }
      if (entry.seq !== seq || entry.prev !== prev) {
        return { ok: false, entries: seq - 1, head: seq === 1 ? null : prev, firstBroken: { seq, file, line: index + 1, why: 'chain' } };
      }
      prev = createHash('sha256').update(line).digest('hex');
    }
  }
  return { ok: true, entries: seq, head: seq === 0 ? null : prev };
}
