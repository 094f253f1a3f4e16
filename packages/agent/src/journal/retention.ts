/**
 * Which segments may go. Only whole ones, oldest first, and only when every patch in them was exported or reverted, or a later patch of the same function was: until then the
 * journal is the only place that knows how to make the git patch.
 */
import { statSync } from 'node:fs';
import * as path from 'node:path';
import type { CheckpointEntry, JournalEntry } from '../protocol/index.ts';
import { hashOf, parseLine, startHash } from './chain.ts';
import type { JournalConfig } from './options.ts';
import { firstSeqOf, linesBackward, linesOf, segmentsIn } from './segments.ts';

const dayMs = 86_400_000;

export interface RetentionLimits {
  retention: JournalConfig['retention'];
  /** The segment that is written. */
  current: string;
  /** Entries after this one have not reached every sink. */
  delivered: number;
  /** Patches are replayed at the next start: an export is not enough, for until they land the journal is needed. */
  replays: boolean;
}

/** Steps through the journal, so that others are served in between; returns the checkpoint of what may go, or null. */
export function* planRemoval(dir: string, { retention, current, delivered, replays }: RetentionLimits): Generator<void, CheckpointEntry | null> {
  const segments = segmentsIn(dir);
  const closed = segments.filter((name) => name !== current && firstSeqOf(name) < firstSeqOf(current));
  const wanted = tooMany(dir, segments, closed, retention);
  if (wanted === 0) return null;
  const needed = yield* firstNeeded(dir, segments, replays);
  const removed: CheckpointEntry['removed'] = [];
  for (const [index, file] of closed.slice(0, wanted).entries()) {
    const last = (segments[index + 1] === undefined ? 0 : firstSeqOf(segments[index + 1] ?? '')) - 1;
    if (last >= needed || last > delivered) break;
    const head = [...firstOf(linesBackward(path.join(dir, file)))].map((line) => ({ seq: parseLine(line)?.seq ?? 0, hash: hashOf(line) }))[0];
    if (head === undefined || head.seq !== last) break;
    const sum = startHash();
    for (const { bytes, ended } of linesOf(path.join(dir, file))) {
      sum.update(bytes);
      if (ended) sum.update(lineEnd);
      yield;
    }
    removed.push({ file, bytes: statSync(path.join(dir, file)).size, sha256: sum.hex(), last: head });
  }
  return removed.length === 0 ? null : { kind: 'checkpoint', removed };
}

const lineEnd = Buffer.from('\n');

function* firstOf(lines: Iterable<Buffer>): Generator<Buffer> {
  for (const line of lines) {
    yield line;
    return;
  }
}

/** How many of the closed segments are past a limit. */
function tooMany(dir: string, segments: string[], closed: string[], { maxBytes, maxAgeDays }: JournalConfig['retention']): number {
  const stats = new Map(segments.map((name) => [name, statSync(path.join(dir, name))]));
  let bytes = [...stats.values()].reduce((sum, { size }) => sum + size, 0);
  let count = 0;
  for (const name of closed) {
    const { size = 0, mtimeMs = 0 } = stats.get(name) ?? {};
    const isTooOld = maxAgeDays !== null && Date.now() - mtimeMs > maxAgeDays * dayMs;
    if (!isTooOld && (maxBytes === null || bytes <= maxBytes)) break;
    bytes -= size;
    count += 1;
  }
  return count;
}

/** The first entry that is still needed: the intent of a patch that lives nowhere but here and in the process. */
function* firstNeeded(dir: string, segments: string[], replays: boolean): Generator<void, number> {
  /** Intents of patches by id, in the order of the journal, and what they changed. */
  const patches = new Map<string, { intent: number; address: string }>();
  const open = new Set<number>();
  /** @param back what is live there again: that went nowhere yet. */
  const settle = (id: string, back?: string | null): void => {
    const settled = patches.get(id);
    if (settled === undefined) return;
    for (const [other, { intent, address }] of patches)
      if (other !== back && address === settled.address && intent <= settled.intent) patches.delete(other);
  };
  for (const name of segments) {
    for (const { bytes } of linesOf(path.join(dir, name))) {
      yield;
      if (!bytes.includes('"phase":')) continue;
      const entry = parseLine(bytes);
      if (entry === null || !('phase' in entry)) continue;
      if (entry.phase === 'refused' || entry.phase === 'stood') continue;
      if (entry.phase === 'intent' || entry.phase === 'due') open.add(entry.seq);
      else if (entry.phase === 'outcome') open.delete(entry.intent);
      if (entry.phase === 'undone') {
        if (entry.failed === undefined) for (const { id, now } of entry.patches) settle(id, now);
        continue;
      }
      if (entry.phase === 'intent' || entry.phase === 'due' || entry.status !== 'done') continue;
      if (entry.kind === 'replay' && entry.result?.['became'] === 'landed') settle(String(entry.result['id']));
      for (const { id, address, now } of patchesOf(entry)) {
        if (entry.kind === 'patch' && entry.phase === 'outcome') patches.set(id, { intent: entry.intent, address });
        if (entry.kind === 'revert' || (entry.kind === 'export' && !replays)) settle(id, now);
      }
    }
  }
  return Math.min(Number.MAX_SAFE_INTEGER, ...open, ...[...patches.values()].map((each) => each.intent));
}

/** The patches an outcome speaks of; an export names only their ids. */
function patchesOf(entry: Extract<JournalEntry, { phase: 'outcome' | 'late' }>): { id: string; address: string; now?: string }[] {
  const list = entry.result?.['patches'];
  if (!Array.isArray(list)) return [];
  return list.map((each: string | { id?: unknown; address?: unknown; now?: unknown }) =>
    typeof each === 'string'
      ? { id: each, address: '' }
      : { id: String(each.id), address: String(each.address), ...(typeof each.now === 'string' && { now: each.now }) },
  );
}
