/** Pages of a journal, newest first, by filter. Lines stream past from the end; a call looks at a bounded number of bytes and says where to go on. */
import * as path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { KeyholeError } from '../protocol/index.ts';
import type { JournalEntry, JournalFilter } from '../protocol/index.ts';
import { hashOf, parseLine } from './chain.ts';
import { firstSeqOf, linesBackward, segmentsIn } from './segments.ts';

export type HashedEntry = JournalEntry & { hash: string };

export interface JournalPage {
  /** Newest first. Lines that are no entries are left out: `verify` names them. */
  entries: HashedEntry[];
  /** Where the next page starts (its `before`), or null at the end of the journal. */
  next: number | null;
}

export interface JournalQuery extends JournalFilter {
  before?: number;
  count?: number;
}

/** Others are served in between. */
const linesInOneTurn = 2_000;
const maxBytesOfOneCall = 67_108_864;

/** @throws {KeyholeError} JOURNAL where the files can not be read. */
export async function readPage(
  dir: string,
  { before = Number.MAX_SAFE_INTEGER, count = 100, ...filter }: JournalQuery,
  maxBytes = maxBytesOfOneCall,
): Promise<JournalPage> {
  const entries: HashedEntry[] = [];
  const mayMatch = createSieve(filter);
  let bytes = 0;
  let lines = 0;
  try {
    // Lines that a failure left behind those that count have numbers that the next segment gave to others.
    let ceiling = before;
    for (const name of segmentsIn(dir).reverse()) {
      if (firstSeqOf(name) >= before) continue;
      for (const line of linesBackward(path.join(dir, name))) {
        lines += 1;
        if (lines % linesInOneTurn === 0) await setImmediate();
        bytes += line.length;
        const seq = seqOf(line);
        if (seq === null || seq >= ceiling) continue;
        if (mayMatch(line)) {
          const entry = parseLine(line);
          if (entry !== null && matches(entry, filter)) entries.push({ ...entry, hash: hashOf(line) });
        }
        if (entries.length >= count || bytes >= maxBytes) return { entries, next: seq > 1 ? seq : null };
      }
      ceiling = firstSeqOf(name);
    }
  } catch (thrown) {
    throw new KeyholeError('JOURNAL', `the journal can not be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
  return { entries, next: null };
}

/** One line as it stands in its file, or null where there is none (any more). */
export function findLine(dir: string, seq: number): Buffer | null {
  const name = segmentsIn(dir).findLast((each) => firstSeqOf(each) <= seq);
  if (name === undefined) return null;
  for (const line of linesBackward(path.join(dir, name))) if (seqOf(line) === seq) return line;
  return null;
}

/** The line of the login that an entry's signature rests on: the last one before it of the same session. */
export function findLogin(dir: string, seq: number, entry: JournalEntry): Buffer | null {
  if (!('phase' in entry) || !('session' in entry)) return null;
  const marks = ['"kind":"session"', `"session":${JSON.stringify(entry.session)}`, '"login":{'];
  for (const name of segmentsIn(dir).reverse()) {
    if (firstSeqOf(name) >= seq) continue;
    for (const line of linesBackward(path.join(dir, name))) if ((seqOf(line) ?? seq) < seq && marks.every((mark) => line.includes(mark))) return line;
  }
  return null;
}

function seqOf(line: Buffer): number | null {
  const digits = /^\{"seq":(\d{1,16}),/.exec(line.toString('latin1', 0, 32))?.[1];
  return digits === undefined ? null : Number(digits);
}

/** Lines that hold the words at all: most need not be parsed. */
function createSieve({ operator, address, kind }: JournalFilter): (line: Buffer) => boolean {
  const needles = [
    ...(operator === undefined ? [] : [`"operator":${JSON.stringify(operator)}`]),
    ...(kind === undefined ? [] : [`"kind":${JSON.stringify(kind)}`]),
    ...(address === undefined ? [] : [`"address":${JSON.stringify(address).slice(0, -1)}`]),
  ].map((text) => Buffer.from(text));
  return (line) => needles.every((needle) => line.includes(needle));
}

/** Filters on entries; an outcome names no operator, so it is found by its kind and address only. */
function matches(entry: JournalEntry, { operator, address, kind, since, until }: JournalFilter): boolean {
  if (operator !== undefined && !('operator' in entry && entry.operator === operator)) return false;
  if (kind !== undefined && entry.kind !== kind) return false;
  const at = Date.parse(entry.time);
  if (since !== undefined && !(at >= Date.parse(since))) return false;
  if (until !== undefined && !(at <= Date.parse(until))) return false;
  return address === undefined || addressesOf(entry).some((each) => each.startsWith(address));
}

function addressesOf(entry: JournalEntry): string[] {
  const request = 'request' in entry ? entry.request : undefined;
  const result = 'result' in entry ? entry.result : undefined;
  const lists = [request?.['patches'], result?.['patches'], [request, result]];
  return lists
    .flatMap((list) => (Array.isArray(list) ? list : []))
    .flatMap((each: { address?: unknown } | null | undefined) => {
      const address = each?.address;
      return typeof address === 'string' ? [address] : [];
    });
}
