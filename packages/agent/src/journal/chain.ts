/** The chain: how a line is built, how it follows from the one before it, and how it shows damage to itself. Shared by writer, recovery and verification. */
import { createHash, hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { JournalDraft, JournalEntry } from '../protocol/index.ts';

export const firstPrev = '0'.repeat(64);

export function hashOf(bytes: string | Buffer): string {
  return hash('sha256', bytes);
}

/** A hash of what does not fit into memory at once. */
export function startHash(): { update(bytes: Buffer): void; hex(): string } {
  const running = createHash('sha256');
  return { update: (bytes) => void running.update(bytes), hex: () => running.digest('hex') };
}

const crcBytes = ',"crc":"01234567"}'.length;
const crcField = ',"crc":"';

/**
 * One line without its newline. `JSON.stringify` escapes every newline inside. The CRC tells of damage to the last line, which has no successor to tell of it; against
 * intent it is worth nothing.
 */
export function lineOf(seq: number, time: string, prev: string, draft: JournalDraft): string {
  const body = JSON.stringify({ seq, time, prev, ...draft }).slice(0, -1);
  return `${body}${crcField}${crcOf(body)}"}`;
}

function crcOf(bytes: string | Buffer): string {
  return crc32(bytes).toString(16).padStart(8, '0');
}

/** `{"seq":12,"time":"2026-01-01T00:00:00.000Z","prev":"...","kind":"eval"`: every line starts so, in this order. */
const longestStart = 200;
const timeLength = 24;
const kindField = /^,"kind":"([^"]{1,40})"/;

/** Whether a line has a CRC at all; the first journals had none. */
export function hasCrc(line: Buffer): boolean {
  return /,"crc":"[0-9a-f]{8}"\}$/.test(line.toString('latin1', Math.max(0, line.length - crcBytes)));
}

/**
 * What kind of entry a line (without its newline) is, or why it is not the one that has to stand here. Only what is said about its form and place: not what it means. A line need not be
 * parsed for it.
 * @param withCrc whether the lines of this journal have one: either all or none.
 */
export function kindOf(line: Buffer, seq: number, prev: string, withCrc = true): { kind: string } | { why: string } {
  const bodyEnd = Math.max(0, line.length - crcBytes);
  const crc = line.toString('latin1', bodyEnd);
  if (withCrc ? crc !== `${crcField}${crcOf(line.subarray(0, bodyEnd))}"}` : hasCrc(line)) return { why: 'it is damaged: its crc does not fit' };
  const start = line.toString('latin1', 0, longestStart);
  const number = `{"seq":${seq},"time":"`;
  if (!start.startsWith(number)) return { why: start.startsWith('{"seq":') ? `its seq is not ${seq}` : 'it does not start with seq, time and prev' };
  const after = number.length + timeLength;
  const link = `","prev":"${prev}"`;
  if (!start.startsWith(link, after)) return { why: 'its prev is not the hash of the line before it' };
  const kind = kindField.exec(start.slice(after + link.length))?.[1];
  return kind === undefined ? { why: 'it names no kind' } : { kind };
}

/** A line's entry, or null where it is none. */
export function parseLine(line: Buffer | string): JournalEntry | null {
  let value: unknown;
  try {
    value = JSON.parse(line.toString('utf8'));
  } catch {
    return null;
  }
  const entry = value as Partial<JournalEntry> | null;
  const whole = typeof entry === 'object' && entry !== null && typeof entry.seq === 'number' && typeof entry.kind === 'string';
  return whole ? (entry as JournalEntry) : null;
}
