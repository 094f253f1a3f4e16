/**
 * The one writer of a journal: where it stands, how a batch becomes durable, when a new segment begins, and how it goes on after a failure. `commit` returns when all lines of
 * the batch are on disk, or throws, and then none of them is in the journal.
 */
import * as path from 'node:path';
import { KeyholeError } from '../protocol/index.ts';
import type { JournalDraft, JournalEntry, SegmentEntry } from '../protocol/index.ts';
import { hashOf, lineOf, firstPrev } from './chain.ts';
import type { Disk } from './disk.ts';
import { lockDirectory } from './lock.ts';
import type { Lock } from './lock.ts';
import { DamagedJournal, follow, keep, recoverJournal } from './recover.ts';
import type { OpenIntents } from './recover.ts';
import { Segment } from './segment.ts';
import { segmentFor } from './segments.ts';

export interface Appended {
  seq: number;
  hash: string;
  time: string;
}

export interface WriterOptions {
  /** The directory that is wanted; where another process writes to it, a subdirectory of it is taken. */
  dir: string;
  start: JournalDraft;
  maxSegmentBytes: number;
  disk: Disk;
}

/** More agents than this on one directory is a mistake. */
const maxAgents = 64;
/** Entries that are still to be written when the journal can be written again. */
const maxOwed = 1_000;

export class JournalWriter {
  readonly #options: WriterOptions;
  readonly #open: OpenIntents = new Map();
  readonly #owed: JournalDraft[] = [];
  #dir: string;
  #lock: Lock | null = null;
  /** The segment that is written, or was written last. Null before the journal was opened. */
  #segment: Segment | null = null;
  #seq = 0;
  #head = firstPrev;
  #broken: string | null = 'it was not opened yet';
  #damaged = false;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#dir = options.dir;
    this.mend();
  }

  get dir(): string {
    return this.#dir;
  }
  get seq(): number {
    return this.#seq;
  }
  get head(): string {
    return this.#head;
  }
  /** Why nothing can be written, or null. */
  get broken(): string | null {
    return this.#broken;
  }
  /** Somebody changed the journal: it is not mended. */
  get damaged(): boolean {
    return this.#damaged;
  }
  /** The first seq of the segment that is written. */
  get segmentStart(): number {
    return this.#segment === null ? 1 : Number.parseInt(this.#segment.name, 10);
  }
  /** The segment that is written: no other may be removed while it is. */
  get segmentName(): string | null {
    return this.#segment?.name ?? null;
  }

  /**
   * All drafts, in one write and one fsync.
   * @throws {KeyholeError} JOURNAL
   */
  commit(drafts: readonly JournalDraft[]): Appended[] {
    if (this.#broken !== null) throw journalError(this.#broken, this.#damaged);
    try {
      const segment = this.#segment;
      if (segment === null) throw new Error('there is no segment');
      const batch = this.#linesOf(drafts);
      segment.write(batch.bytes);
      this.#adopt(batch);
      return batch.appended;
    } catch (thrown) {
      this.#seal(thrown);
      throw journalError(this.#broken);
    }
  }

  /**
   * Begins a new segment where the one that is written is full.
   * @throws {KeyholeError} JOURNAL
   */
  makeRoom(): void {
    const segment = this.#segment;
    if (this.#broken !== null || segment === null || segment.size < this.#options.maxSegmentBytes) return;
    try {
      const batch = this.#linesOf([{ kind: 'rotated', next: segmentFor(this.#seq + 2) }]);
      segment.write(batch.bytes);
      this.#adopt(batch);
      this.#segment = this.#begin([this.#segmentEntry()]);
      segment.close();
    } catch (thrown) {
      this.#seal(thrown);
      throw journalError(this.#broken);
    }
  }

  /** What has happened and could not be written down: the first entries of the next segment. */
  owe(draft: JournalDraft): void {
    if (this.#owed.length < maxOwed) this.#owed.push(draft);
  }

  /** Tries again, on a new segment, where nothing could be written. */
  mend(): void {
    if (this.#broken === null || this.#damaged) return;
    try {
      if (this.#segment === null) this.#openDirectory();
      else this.#beginAfterFailure(this.#segment);
      this.#broken = null;
    } catch (thrown) {
      if (thrown instanceof DamagedJournal) this.#damaged = true;
      this.#broken = messageOf(thrown);
      // Nothing was opened: whoever comes next may have it.
      if (this.#segment === null) this.#unlock();
    }
  }

  close(): void {
    this.#segment?.close();
    this.#unlock();
  }

  #unlock(): void {
    this.#lock?.release();
    this.#lock = null;
  }

  #openDirectory(): void {
    const { disk, start } = this.#options;
    this.#takeDirectory();
    const { file, size, full, seq, head, torn, open } = recoverJournal(this.#dir);
    this.#seq = seq;
    this.#head = head;
    this.#open.clear();
    for (const [intent, kind] of open) this.#open.set(intent, kind);
    const drafts: JournalDraft[] = [
      ...(torn === null ? [] : [torn]),
      ...[...open].map(([intent, kind]): JournalDraft => ({ kind, phase: 'outcome', intent, status: 'lost with the process' })),
      start,
    ];
    if (size === 0 || full) {
      this.#segment = this.#begin(size === 0 ? drafts : [this.#segmentEntry(), ...drafts]);
      return;
    }
    const segment = Segment.reopen(disk, path.join(this.#dir, file), size);
    const batch = this.#linesOf(drafts);
    try {
      segment.write(batch.bytes);
    } catch (thrown) {
      // Nothing of it counts, and the next attempt finds it as it was, or torn.
      attempt(() => segment.cutBack());
      segment.close();
      throw thrown;
    }
    this.#adopt(batch);
    this.#segment = segment;
  }

  /** The directory that was asked for, or the first numbered one below it that no other agent has. */
  #takeDirectory(): void {
    const { dir, disk } = this.#options;
    for (let number = 1; number <= maxAgents; number += 1) {
      this.#dir = number === 1 ? dir : path.join(dir, `agent-${number}`);
      disk.mkdir(this.#dir, { recursive: true, mode: 0o700 });
      this.#lock = lockDirectory(this.#dir);
      if (this.#lock !== null) return;
    }
    throw new Error(`${dir} is held by ${maxAgents} other processes`);
  }

  #beginAfterFailure(last: Segment): void {
    const { disk } = this.#options;
    const why = this.#broken ?? '';
    disk.mkdir(this.#dir, { recursive: true, mode: 0o700 });
    if (this.#lock?.isOurs() !== true) {
      this.#lock = lockDirectory(this.#dir);
      if (this.#lock === null) throw new Error(`${this.#dir} is held by another process now`);
    }
    if (!last.isThere) last.restore();
    else {
      // Bytes behind those that count must not be taken for entries; where they can not be moved away, the new segment says where the old one ends.
      attempt(() => {
        if (disk.stat(last.file).size > last.size) keep(last.file, last.size, `${last.file}.${Date.now()}.torn`);
      });
    }
    const gap = { why, file: last.name, size: last.size };
    this.#segment = this.#begin([{ ...this.#segmentEntry(), gap }, ...this.#owed]);
    this.#owed.length = 0;
    attempt(() => last.close());
  }

  #begin(drafts: readonly JournalDraft[]): Segment {
    const batch = this.#linesOf(drafts);
    const segment = Segment.create(this.#options.disk, path.join(this.#dir, segmentFor(this.#seq + 1)), batch.bytes);
    this.#adopt(batch);
    return segment;
  }

  #segmentEntry(): SegmentEntry {
    return { kind: 'segment', open: [...this.#open].map(([seq, kind]) => ({ seq, kind })) };
  }

  #linesOf(drafts: readonly JournalDraft[]): Batch {
    const time = new Date().toISOString();
    const lines: string[] = [];
    const appended: Appended[] = [];
    let head = this.#head;
    for (const [index, draft] of drafts.entries()) {
      const line = lineOf(this.#seq + index + 1, time, head, draft);
      head = hashOf(line);
      lines.push(line);
      appended.push({ seq: this.#seq + index + 1, hash: head, time });
    }
    return { bytes: Buffer.from(`${lines.join('\n')}\n`), drafts, appended };
  }

  /** The batch is durable: from here on it counts. */
  #adopt({ drafts, appended }: Batch): void {
    for (const [index, draft] of drafts.entries()) follow({ ...draft, seq: appended[index]?.seq ?? 0 } as JournalEntry, this.#open);
    const last = appended.at(-1);
    if (last === undefined) return;
    this.#seq = last.seq;
    this.#head = last.hash;
  }

  #seal(thrown: unknown): void {
    this.#broken = messageOf(thrown);
    attempt(() => this.#segment?.cutBack());
  }
}

interface Batch {
  bytes: Buffer;
  drafts: readonly JournalDraft[];
  appended: Appended[];
}

/** For what helps and is not relied on: the entry of the next segment says what counts. */
function attempt(work: () => void): void {
  try {
    work();
  } catch {
    // See above.
  }
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** @param damaged somebody changed the journal: then it is not for us to go on. */
export function journalError(why: string | null, damaged = false): KeyholeError {
  return new KeyholeError(
    'JOURNAL',
    `the journal can not be written: ${why ?? 'the reason is not known'}`,
    damaged
      ? 'Changes are refused. Keep the directory as it is, find out who changed it, and start the service with a new one; inspection works meanwhile.'
      : 'Changes are refused until it can. Make room or repair the directory: the journal goes on by itself then. Inspection works meanwhile.',
  );
}
