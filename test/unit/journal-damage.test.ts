/**
 * A journal of a hundred entries, cut, flipped and rearranged many thousand times: recovery keeps every whole line and nothing else, and no change goes unseen. Each run begins at another place.
 * `KEYHOLE_DAMAGE=all` does it at every byte and in every bit.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { verifyJournal } from '../../packages/agent/dist/journal/index.js';
import { recoverJournal } from '../../packages/agent/dist/journal/recover.js';
import { memoryFolder, writtenJournal } from '../helpers/journal.ts';

const isAll = process.env['KEYHOLE_DAMAGE'] === 'all';
const cuts = 2_000;
const flips = 3_000;
const edits = isAll ? 100_000 : 1_500;
const firstSegment = '00000001.ndjson';
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

let whole: Buffer;
/** Where lines end, behind their newlines. */
let ends: number[];
let lines: string[];
let hashes: string[];
let dir: string;
let file: string;

beforeAll(async () => {
  const written = await writtenJournal(100);
  whole = readFileSync(path.join(written.dir, firstSegment));
  ends = [...whole.entries()].filter(([, byte]) => byte === 0x0a).map(([at]) => at + 1);
  lines = whole.toString('utf8').trimEnd().split('\n');
  hashes = lines.map((line) => sha256(Buffer.from(line)));
  expect(lines.length).toBeGreaterThanOrEqual(100);
  dir = path.join(memoryFolder(), 'journal');
  mkdirSync(dir);
  file = path.join(dir, firstSegment);
});

/** Places all over the journal, as many as are wanted, the first of them by chance. */
function places(wanted: number): number[] {
  const step = isAll ? 1 : Math.max(1, Math.floor(whole.length / wanted));
  const from = Math.floor(Math.random() * step);
  return Array.from({ length: Math.floor((whole.length - from) / step) }, (_, index) => from + index * step);
}

test('cut anywhere: whole lines stay, the rest is kept aside', { timeout: 600_000 }, () => {
  let complete = 0;
  for (const length of places(cuts)) {
    while ((ends[complete] ?? Infinity) <= length) complete += 1;
    const kept = ends[complete - 1] ?? 0;
    writeFileSync(file, whole.subarray(0, length));
    const { seq, head, size, torn } = recoverJournal(dir);
    const found = [seq, size, head, torn?.bytes ?? 0].join();
    const meant = [complete, kept, hashes[complete - 1] ?? '0'.repeat(64), length - kept].join();
    // An assertion for each would take longer than all the rest.
    if (found !== meant) expect([length, found]).toEqual([length, meant]);
    if (kept > 0 && !readFileSync(file).equals(whole.subarray(0, kept))) expect.fail(`cut at ${length}: a whole line was changed`);
    if (torn === null) continue;
    const aside = path.join(dir, torn.file);
    if (!readFileSync(aside).equals(whole.subarray(kept, length))) expect.fail(`cut at ${length}: what was kept aside is not what was there`);
    unlinkSync(aside);
  }
});

const isSound = async (bytes: Buffer | string, against?: { seq: number; hash: string }): Promise<boolean> => {
  writeFileSync(file, bytes);
  return (await verifyJournal(dir, { signatures: false, ...(against && { against }) })).ok;
};

test('a bit flipped anywhere: seen', { timeout: 6_000_000 }, async () => {
  const changed = Buffer.from(whole);
  for (const at of places(flips)) {
    const before = whole[at] ?? 0;
    for (const bit of isAll ? [0, 1, 2, 3, 4, 5, 6, 7] : [Math.floor(Math.random() * 8)]) {
      changed[at] = before ^ (1 << bit);
      if (await isSound(changed)) expect.fail(`bit ${bit} of byte ${at} was flipped, and nobody saw it`);
    }
    changed[at] = before;
  }
  expect(await isSound(changed)).toBe(true);
});

test('lines swapped, removed, doubled or moved: seen by whoever remembers the head', { timeout: 600_000 }, async () => {
  const against = { seq: lines.length, hash: hashes.at(-1) ?? '' };
  const below = (count: number): number => Math.floor(Math.random() * count);
  const kinds = {
    swapped: (all: string[], at: number, other: number) => ([all[at], all[other]] = [all[other] ?? '', all[at] ?? '']),
    removed: (all: string[], at: number) => all.splice(at, 1),
    'some removed': (all: string[], at: number, other: number) => all.splice(at, 1 + (other % 5)),
    doubled: (all: string[], at: number, other: number) => all.splice(other, 0, all[at] ?? ''),
    moved: (all: string[], at: number, other: number) => all.splice(other, 0, ...all.splice(at, 1)),
  };
  for (let count = 0; count < edits; count += 1) {
    const [name, edit] = Object.entries(kinds)[count % 5] ?? ['', () => undefined];
    const at = below(lines.length);
    const other = (at + 1 + below(lines.length - 1)) % lines.length;
    const all = [...lines];
    edit(all, at, other);
    if (await isSound(`${all.join('\n')}\n`, against)) expect.fail(`line ${at} was ${name} (${other}), and nobody saw it`);
  }
  expect(await isSound(`${lines.join('\n')}\n`, against)).toBe(true);
});
