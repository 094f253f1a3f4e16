/**
 * Finds out where a journal ends when the agent starts. A last line that was never finished is moved aside, never deleted; damage before it is not repaired: such a journal
 * is not written any more. Only the last segment is read whole: `verify` reads them all.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import type { JournalEntry, OutcomeEntry, RecoveredEntry } from '../protocol/index.ts';
import { firstPrev, hashOf, kindOf, parseLine } from './chain.ts';
import { realDisk, syncDirectory } from './disk.ts';
import { firstSeqOf, linesBackward, linesOf, segmentFor, segmentsIn } from './segments.ts';

export type OpenIntents = Map<number, OutcomeEntry['kind']>;

export interface Recovered {
  /** The segment to go on with, and how many bytes of it are good. */
  file: string;
  size: number;
  /** It was closed: what follows stands in a new one. */
  full: boolean;
  seq: number;
  head: string;
  torn: RecoveredEntry | null;
  /** Intents that nothing ended. */
  open: OpenIntents;
}

/** A journal that was changed: nothing may be added to it. */
export class DamagedJournal extends Error {}

/** @throws {DamagedJournal} where a line inside does not fit the chain. */
export function recoverJournal(dir: string): Recovered {
  let torn: RecoveredEntry | null = null;
  for (;;) {
    const segments = segmentsIn(dir);
    const name = segments.at(-1);
    if (name === undefined) return { file: segmentFor(1), size: 0, full: false, seq: 0, head: firstPrev, torn, open: new Map() };
    const found = readLast(dir, name, segments.at(-2));
    if (found.badFrom !== null) torn = setAside(dir, name, found.badFrom, found.size === 0);
    // A segment that was begun and holds no line yet: the one before it is the last.
    else if (found.size === 0) renameSync(path.join(dir, name), path.join(dir, `${name}.${Date.now()}.torn`));
    if (found.size > 0) return { ...found, torn };
  }
}

function readLast(dir: string, name: string, before: string | undefined): Omit<Recovered, 'torn'> & { badFrom: number | null } {
  const open: OpenIntents = new Map();
  let seq = firstSeqOf(name) - 1;
  let head = seq === 0 ? firstPrev : null;
  let size = 0;
  let last: JournalEntry | null = null;
  for (const { bytes, start, ended } of linesOf(path.join(dir, name))) {
    const entry = parseLine(bytes);
    head ??= lastHashBefore(dir, before, entry);
    const form = entry === null ? { why: 'it is not an entry' } : kindOf(bytes, seq + 1, head ?? entry.prev);
    if (entry === null || 'why' in form || !ended) {
      if (!wasNeverFinished(path.join(dir, name), start))
        throw new DamagedJournal(`entry ${seq + 1} in ${name} does not fit the chain: ${'why' in form ? form.why : 'it has no end'}`);
      return { file: name, size, full: false, seq, head: head ?? firstPrev, open, badFrom: start };
    }
    follow(entry, open);
    seq += 1;
    head = hashOf(bytes);
    size = start + bytes.length + 1;
    last = entry;
  }
  return { file: name, size, full: last?.kind === 'rotated', seq, head: head ?? firstPrev, open, badFrom: null };
}

/** What the first line of a segment has to name as the one before it; null where that was removed, which only `verify` can judge. */
function lastHashBefore(dir: string, before: string | undefined, first: JournalEntry | null): string | null {
  if (before === undefined) return null;
  const gap = first?.kind === 'segment' ? first.gap : undefined;
  for (const line of linesBackward(path.join(dir, before), gap?.file === before ? gap.size : undefined)) return hashOf(line);
  return null;
}

/** The end of a process or of the power leaves one line without an end, or pages of zeros; a line that ends and does not fit was changed by somebody. */
function wasNeverFinished(file: string, from: number): boolean {
  const rest = readFileSync(file).subarray(from);
  return !rest.includes(0x0a) || rest.includes(0);
}

/** Keeps the open intents up to date. */
export function follow(entry: JournalEntry, open: OpenIntents): void {
  if (entry.kind === 'segment') for (const each of entry.open) open.set(each.seq, each.kind);
  if (!('phase' in entry)) return;
  if (entry.phase === 'intent' || entry.phase === 'due') open.set(entry.seq, entry.kind);
  else if (entry.phase === 'outcome') open.delete(entry.intent);
}

/** Keeps the unfinished bytes in a file of their own, durable before they are cut off. */
function setAside(dir: string, name: string, from: number, whole: boolean): RecoveredEntry {
  const file = path.join(dir, name);
  const rest = readFileSync(file).subarray(from);
  const aside = `${name}.${Date.now()}.torn`;
  if (whole) {
    renameSync(file, path.join(dir, aside));
    syncDirectory(realDisk, dir);
  } else {
    keep(file, from, path.join(dir, aside));
  }
  return { kind: 'recovered', bytes: rest.length, sha256: hashOf(rest), file: aside };
}

/** Moves the bytes of a file from there on into another one. */
export function keep(file: string, from: number, aside: string): void {
  writeFileSync(aside, readFileSync(file).subarray(from), { mode: 0o600, flush: true });
  syncDirectory(realDisk, path.dirname(aside));
  truncateSync(file, from);
  const fd = openSync(file, 'r+');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
