/**
 * Where entries go besides the journal. A sink reads the journal's own files from where it stands, at its own pace: it may lag for days, holds nothing in memory, and no change
 * ever waits for it.
 */
import { rename, writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import type { JournalHead, SinkState } from '../protocol/index.ts';
import { hashOf, parseLine } from './chain.ts';
import type { SinkOptions } from './options.ts';
import { firstSeqOf, linesOf, segmentsIn } from './segments.ts';
import { openTarget } from './sink-targets.ts';
import type { SinkTarget } from './sink-targets.ts';

const maxLinesAtOnce = 200;
const maxBytesAtOnce = 262_144;
const firstRetryMs = 1_000;
const longestRetryMs = 60_000;

/** What a sink may know of the journal. */
export interface SinkSource {
  service: string;
  dir: () => string;
  head: () => JournalHead | null;
}

interface Place {
  file: string;
  offset: number;
}

export class Sink {
  readonly #source: SinkSource;
  readonly #target: SinkTarget;
  /** The last entry it has taken; null until it is known. */
  #taken: number | null = null;
  /** Where the next one starts. */
  #place: Place | null = null;
  #why: string | undefined;
  #running = false;
  #retry: NodeJS.Timeout | null = null;
  #retryMs = firstRetryMs;
  #closed = false;

  constructor(options: SinkOptions, source: SinkSource) {
    this.#source = source;
    this.#target = openTarget(options, source.service);
  }

  get taken(): number {
    return this.#taken ?? 0;
  }

  state(): SinkState {
    const lag = Math.max(0, (this.#source.head()?.seq ?? 0) - this.taken);
    return { name: this.#target.name, lag, ...(this.#why !== undefined && { why: this.#why }) };
  }

  /** There is something new. Returns at once. */
  wake(): void {
    if (this.#running || this.#retry !== null || this.#closed) return;
    this.#running = true;
    this.#deliver().then(
      () => {
        this.#running = false;
        this.#why = undefined;
        this.#retryMs = firstRetryMs;
        // What came while the last of it was under way.
        if (this.#taken !== (this.#source.head()?.seq ?? 0)) this.#again(this.#target.pauseMs);
      },
      (thrown: unknown) => {
        this.#running = false;
        this.#why = thrown instanceof Error ? thrown.message : String(thrown);
        this.#again(this.#retryMs);
        this.#retryMs = Math.min(2 * this.#retryMs, longestRetryMs);
      },
    );
  }

  close(): void {
    this.#closed = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
  }

  #again(afterMs: number): void {
    if (this.#closed) return;
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.wake();
    }, afterMs);
    this.#retry.unref();
  }

  async #deliver(): Promise<void> {
    const head = this.#source.head();
    if (head === null) return;
    if (this.#target.kind === 'head') {
      await this.#target.deliver(head);
      this.#taken = head.seq;
      return;
    }
    const dir = this.#source.dir();
    this.#taken ??= await this.#target.resume(this.#cursorFile(dir));
    if (this.#taken > head.seq)
      throw new Error(`it has entry ${this.#taken} already, and the journal ends with ${head.seq}: it belongs to another journal`);
    while (this.#taken < (this.#source.head()?.seq ?? 0) && !this.#closed) {
      const { lines, last, place } = this.#next(dir, this.#taken);
      if (lines.length === 0) throw new Error(`entry ${this.#taken + 1} is not in the journal any more`);
      await this.#target.deliver(lines);
      this.#taken = last;
      this.#place = place;
      await this.#remember(dir, last);
    }
  }

  #next(dir: string, after: number): { lines: Buffer[]; last: number; place: Place | null } {
    const lines: Buffer[] = [];
    let bytes = 0;
    let last = after;
    let place = this.#place;
    const durable = this.#source.head()?.seq ?? 0;
    const segments = segmentsIn(dir);
    let index = segments.findLastIndex((name) => firstSeqOf(name) <= after + 1);
    // What was removed before the sink could take it is the gap that its receiver sees.
    if (index === -1) index = 0;
    for (const name of segments.slice(index)) {
      const offset = place?.file === name ? place.offset : 0;
      const following = segments[segments.indexOf(name) + 1];
      for (const line of linesOf(path.join(dir, name), undefined, offset)) {
        const seq = parseLine(line.bytes)?.seq ?? 0;
        if (!line.ended || seq > durable || (following !== undefined && seq >= firstSeqOf(following))) break;
        place = { file: name, offset: line.start + line.bytes.length + 1 };
        if (seq <= after) continue;
        lines.push(Buffer.from(line.bytes));
        bytes += line.bytes.length;
        last = seq;
        if (lines.length >= maxLinesAtOnce || bytes >= maxBytesAtOnce) return { lines, last, place };
      }
    }
    return { lines, last, place };
  }

  #cursorFile(dir: string): string {
    return path.join(dir, `sink-${hashOf(this.#target.name).slice(0, 16)}.cursor`);
  }

  async #remember(dir: string, seq: number): Promise<void> {
    if (this.#target.kind === 'head' || !this.#target.needsCursor) return;
    const file = this.#cursorFile(dir);
    await writeFile(`${file}.new`, String(seq), { mode: 0o600 });
    await rename(`${file}.new`, file);
  }
}
