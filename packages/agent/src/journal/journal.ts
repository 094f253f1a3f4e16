/**
 * The journal of one agent. What is appended in one turn becomes durable in one write and one fsync. It fails closed: while nothing can be written every append is refused,
 * reading goes on, and it mends itself on a new segment when the cause is gone.
 */
import { unlinkSync } from 'node:fs';
import * as path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { KeyholeError } from '../protocol/index.ts';
import type { JournalDraft, JournalHead, JournalReport, JournalState, StartEntry } from '../protocol/index.ts';
import { hashOf, parseLine } from './chain.ts';
import { realDisk, syncDirectory } from './disk.ts';
import type { Disk } from './disk.ts';
import type { JournalConfig } from './options.ts';
import { readHistory } from './history.ts';
import type { PatchHistory } from './history.ts';
import { findLine, findLogin, readPage } from './read.ts';
import type { Redact } from './redact.ts';
import { planRemoval } from './retention.ts';
import { Sink } from './sinks.ts';
import type { JournalPage, JournalQuery } from './read.ts';
import { firstSeqOf, segmentsIn } from './segments.ts';
import { verifyJournal } from './verify.ts';
import type { VerifyOptions } from './verify.ts';
import { JournalWriter, journalError } from './writer.ts';
import type { Appended } from './writer.ts';

/** A journal that can not be written is tried again this often, and whenever something is to be written. */
const mendEveryMs = 1_000;
const mendAtMostEveryMs = 100;
const rememberedHashes = 1_024;
/** Age alone makes segments go, without anything being written. */
const sweepEveryMs = 3_600_000;
/** Others are served in between. */
const linesInOneTurn = 1_000;

export interface JournalParts {
  /** Cuts secrets out of entries; see createRedaction. */
  redact?: Redact;
  disk?: Disk;
  /** Patches are replayed at the next start, so an export does not make them dispensable. */
  replays?: boolean;
}

/** Lines that stand together in one segment; a function gets the first seq of the segment they will stand in. */
export type Drafts = JournalDraft[] | ((segmentStart: number) => JournalDraft[]);

interface Waiting {
  drafts: Drafts;
  resolve: (appended: Appended[]) => void;
  reject: (error: unknown) => void;
}

export class Journal {
  readonly #writer: JournalWriter;
  /** Hashes of the last entries by seq: consoles say with each request what they saw last. */
  readonly #recent = new Map<number, string>();
  readonly #redact: Redact;
  readonly #replays: boolean;
  readonly #retention: JournalConfig['retention'];
  readonly #sinks: Sink[];
  #sweepTimer: NodeJS.Timeout | null = null;
  #sweeping = false;
  /** The segment that was written when retention was last looked at. */
  #swept: string | null;
  #waiting: Waiting[] = [];
  #mendTimer: NodeJS.Timeout | null = null;
  #lastAttempt = 0;
  #closed = false;

  /** Opens or creates the journal of a directory, recovers it, and writes that the agent has started. Never throws: see {@link state}. */
  static open(config: JournalConfig, start: StartEntry, { redact, disk = realDisk, replays = false }: JournalParts = {}): Journal {
    return new Journal(
      config,
      new JournalWriter({ dir: config.dir, start, maxSegmentBytes: config.maxSegmentBytes, disk }),
      start.service,
      replays,
      redact,
    );
  }

  private constructor(config: JournalConfig, writer: JournalWriter, service: string, replays: boolean, redact: Redact = (draft) => draft) {
    this.#writer = writer;
    this.#redact = redact;
    this.#replays = replays;
    this.#retention = config.retention;
    this.#sinks = config.sinks.map((sink) => new Sink(sink, { service, dir: () => writer.dir, head: () => this.head }));
    this.#swept = writer.segmentName;
    this.#watch();
    this.#news();
    if (config.retention.maxBytes === null && config.retention.maxAgeDays === null) return;
    void this.#sweep();
    this.#sweepTimer = setInterval(() => void this.#sweep(), sweepEveryMs);
    this.#sweepTimer.unref();
  }

  /**
   * Resolves when the line is on disk.
   * @throws {KeyholeError} JOURNAL; then it is not in the journal.
   */
  async append(draft: JournalDraft): Promise<Appended> {
    const [appended] = await this.appendAll([draft]);
    if (appended === undefined) throw new KeyholeError('INTERNAL', 'nothing was appended');
    return appended;
  }

  appendAll(drafts: Drafts): Promise<Appended[]> {
    if (this.#closed) return Promise.reject(journalError('the agent is closing'));
    return new Promise((resolve, reject) => {
      // After this turn of the loop: all that came in on all connections is one batch.
      if (this.#waiting.length === 0) setImmediate(() => this.#flush());
      this.#waiting.push({ drafts, resolve, reject });
    });
  }

  /** What has happened though it could not be written down: it will be, first of all, when the journal can be written again. */
  owe(draft: JournalDraft): void {
    this.#writer.owe(this.#redact(draft));
    this.#watch();
  }

  get head(): JournalHead | null {
    return this.#writer.seq === 0 ? null : { seq: this.#writer.seq, hash: this.#writer.head };
  }

  state(): JournalState {
    const { broken: why, dir, seq: entries, head } = this.#writer;
    const state: JournalState = {
      writable: why === null,
      dir,
      entries,
      head: entries === 0 ? null : head,
      sinks: this.#sinks.map((sink) => sink.state()),
    };
    return why === null ? state : { ...state, why };
  }

  /** Newest first. */
  read(query: JournalQuery): Promise<JournalPage> {
    return readPage(this.#writer.dir, query);
  }

  /** What became of every patch. @throws {KeyholeError} JOURNAL where the files can not be read. */
  async history(): Promise<PatchHistory> {
    try {
      return await readHistory(this.#writer.dir);
    } catch (thrown) {
      throw new KeyholeError('JOURNAL', `the journal can not be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    }
  }

  /** The first entry that retention has left. */
  get first(): number {
    const [first] = segmentsIn(this.#writer.dir);
    return first === undefined ? 1 : firstSeqOf(first);
  }

  /**
   * One line as it stands in its file, and that of the login its signature rests on; null where there is none. `removed`: retention has taken it.
   * @throws {KeyholeError} JOURNAL where the files can not be read.
   */
  line(seq: number): { line: Buffer | null; login: Buffer | null; removed: boolean } {
    const { dir } = this.#writer;
    try {
      const line = seq > this.#writer.seq ? null : findLine(dir, seq);
      const entry = line === null ? null : parseLine(line);
      return { line, login: entry === null ? null : findLogin(dir, seq, entry), removed: line === null && seq < this.first };
    } catch (thrown) {
      throw new KeyholeError('JOURNAL', `the journal can not be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    }
  }

  /** The hash of the entry with the seq of `known` where it is another one than `known` says, or null where there is none; undefined where nothing is wrong. */
  contradicts({ seq, hash }: JournalHead): string | null | undefined {
    const here = this.#recent.get(seq) ?? this.#hashInFile(seq);
    // What was removed, or can not be read now, says nothing against anybody.
    return here === undefined || here === hash ? undefined : here;
  }

  #hashInFile(seq: number): string | null | undefined {
    if (seq > this.#writer.seq) return null;
    try {
      if (seq < this.first) return undefined;
      const line = findLine(this.#writer.dir, seq);
      return line === null ? null : hashOf(line);
    } catch {
      return undefined;
    }
  }

  verify(options?: VerifyOptions): Promise<JournalReport> {
    return verifyJournal(this.#writer.dir, options);
  }

  /** Writes what waits, and gives the directory back. */
  close(): void {
    this.#flush();
    this.#closed = true;
    for (const timer of [this.#mendTimer, this.#sweepTimer]) if (timer !== null) clearInterval(timer);
    for (const sink of this.#sinks) sink.close();
    this.#writer.close();
  }

  #flush(): void {
    const batch = this.#waiting;
    this.#waiting = [];
    if (batch.length === 0 || this.#closed) return;
    try {
      this.#mend();
      this.#writer.makeRoom();
      const groups = batch.map(({ drafts }) => (typeof drafts === 'function' ? drafts(this.#writer.segmentStart) : drafts).map(this.#redact));
      const appended = this.#writer.commit(groups.flat());
      this.#remember(appended);
      let at = 0;
      for (const [index, { resolve }] of batch.entries()) {
        const count = groups[index]?.length ?? 0;
        resolve(appended.slice(at, at + count));
        at += count;
      }
      this.#news();
    } catch (thrown) {
      for (const { reject } of batch) reject(thrown);
      this.#watch();
    }
  }

  /** Sinks go on by themselves, and a segment that was closed may put an older one past its limit. */
  #news(): void {
    for (const sink of this.#sinks) sink.wake();
    if (this.#swept === this.#writer.segmentName || this.#sweepTimer === null) return;
    this.#swept = this.#writer.segmentName;
    void this.#sweep();
  }

  /** Removes what retention allows. What fails is tried again with the next segment: nothing depends on it. */
  async #sweep(): Promise<void> {
    const current = this.#writer.segmentName;
    if (current === null || this.#sweeping || this.#closed) return;
    this.#sweeping = true;
    try {
      const delivered = Math.min(Number.MAX_SAFE_INTEGER, ...this.#sinks.map((sink) => sink.taken));
      const plan = planRemoval(this.#writer.dir, { retention: this.#retention, current, delivered, replays: this.#replays });
      let step = plan.next();
      for (let steps = 1; step.done !== true; steps += 1) {
        if (steps % linesInOneTurn === 0) await nextTurn();
        if (this.#closed) return;
        step = plan.next();
      }
      if (step.value === null) return;
      await this.append(step.value);
      for (const { file } of step.value.removed) unlinkSync(path.join(this.#writer.dir, file));
      syncDirectory(realDisk, this.#writer.dir);
    } catch {
      // See above.
    } finally {
      this.#sweeping = false;
    }
  }

  #remember(appended: readonly Appended[]): void {
    for (const { seq, hash } of appended) {
      this.#recent.set(seq, hash);
      this.#recent.delete(seq - rememberedHashes);
    }
  }

  #mend(): void {
    if (this.#writer.broken === null || performance.now() - this.#lastAttempt < mendAtMostEveryMs) return;
    this.#lastAttempt = performance.now();
    this.#writer.mend();
  }

  /** Tries again by itself while nothing can be written. */
  #watch(): void {
    if (this.#mendTimer !== null || this.#writer.broken === null || this.#writer.damaged || this.#closed) return;
    this.#mendTimer = setInterval(() => {
      this.#mend();
      if (this.#writer.broken !== null || this.#mendTimer === null) return;
      clearInterval(this.#mendTimer);
      this.#mendTimer = null;
    }, mendEveryMs);
    this.#mendTimer.unref();
  }
}
