/**
 * Reads a journal when the agent starts. A last line that is not whole is cut off and kept aside; damage before the last line is not repaired: such a journal is
 * not written any more.
 */
import { closeSync, fsyncSync, openSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import type { ChangeKind, JournalEntry, RecoveredEntry } from '../protocol/index.ts';
import { firstPrev, hashOf, parseLine } from './chain.ts';
import { segmentFor, segmentsIn } from './segments.ts';
import { syncDirectory } from './writer.ts';

export interface Recovered {
  /** The segment to go on with, and how many bytes of it are good. */
  file: string;
  size: number;
  seq: number;
  head: string;
  torn: RecoveredEntry | null;
  /** Intents that nothing ended. */
  open: { seq: number; kind: ChangeKind }[];
}

/** @throws {Error} where a line inside does not fit the chain. */
export function recoverJournal(dir: string): Recovered {
  const segments = segmentsIn(dir);
  const open = new Map<number, ChangeKind>();
  let seq = 0;
  let head = firstPrev;
  let size = 0;
  let torn: RecoveredEntry | null = null;
  for (const [index, name] of segments.entries()) {
    const bytes = readFileSync(path.join(dir, name));
    size = 0;
    while (size < bytes.length) {
      const end = bytes.indexOf(0x0a, size);
      const text = bytes.subarray(size, end === -1 ? bytes.length : end);
      const entry = parseLine(text.toString('utf8'));
      const fits = 'seq' in entry && entry.seq === seq + 1 && entry.prev === head;
      if (!fits || end === -1) {
        const last = index === segments.length - 1 && (end === -1 || end === bytes.length - 1);
        // Only a line that was never finished is cut off: one that ends and does not fit was changed by somebody.
        if (!last || (end !== -1 && 'seq' in entry)) throw new Error(`line ${seq + 1} in ${name} does not fit the chain`);
        torn = setAside(dir, name, size, bytes);
        break;
      }
      follow(entry, open);
      seq += 1;
      head = hashOf(text);
      size = end + 1;
    }
  }
  return { file: segments.at(-1) ?? segmentFor(1), size, seq, head, torn, open: [...open].map(([at, kind]) => ({ seq: at, kind })) };
}

function follow(entry: JournalEntry, open: Map<number, ChangeKind>): void {
  if (!('phase' in entry)) return;
  if (entry.phase === 'intent') open.set(entry.seq, entry.kind);
  else open.delete(entry.intent);
}

/** Keeps the unfinished bytes in a file of their own, durable before they are cut off. */
function setAside(dir: string, name: string, from: number, bytes: Buffer): RecoveredEntry {
  const rest = bytes.subarray(from);
  const file = `${name}.${Date.now()}.torn`;
  writeFileSync(path.join(dir, file), rest, { mode: 0o600, flush: true });
  syncDirectory(dir);
  truncateSync(path.join(dir, name), from);
  const fd = openSync(path.join(dir, name), 'r+');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  return { kind: 'recovered', bytes: rest.length, sha256: hashOf(rest), file };
}
