/** Checks a journal: every line's form, the chain through all segments, and what operators signed. Needs no agent: the files are enough. */
import * as path from 'node:path';
import { KeyholeError } from '../protocol/index.ts';
import type { JournalEntry, JournalReport, SegmentEntry } from '../protocol/index.ts';
import { firstPrev, hasCrc, hashOf, kindOf, parseLine } from './chain.ts';
import { HashList } from './hash-list.ts';
import { firstSeqOf, linesOf, segmentsIn } from './segments.ts';
import { SignatureCheck } from './verify-signatures.ts';

export interface VerifyOptions {
  /** Also operators' signatures, which take about 0.2 ms each. Default: true. */
  signatures?: boolean;
  /** An entry that the journal must hold: a head that somebody remembered. Without a seq any entry with that hash will do. */
  against?: { seq?: number; hash: string };
}

/** Others are served in between. */
const linesInOneTurn = 1_000;

/**
 * Checks every line of the journal in a directory.
 * @throws {KeyholeError} NOT_FOUND where the directory holds no journal.
 * @example
 * const { ok, entries, head, firstBroken } = await verifyJournal('.keyhole/journal');
 */
export async function verifyJournal(dir: string, options: VerifyOptions = {}): Promise<JournalReport> {
  const check = new JournalCheck(dir, options);
  let lines = 0;
  try {
    for (const _ of check.run()) {
      lines += 1;
      if (lines % linesInOneTurn === 0) await new Promise(setImmediate);
    }
  } catch (thrown) {
    if (thrown instanceof KeyholeError || !(thrown instanceof Error)) throw thrown;
    throw new KeyholeError('JOURNAL', `${dir} can not be read: ${thrown.message}`);
  }
  return check.report();
}

class JournalCheck {
  readonly #dir: string;
  readonly #options: VerifyOptions;
  readonly #signatures: SignatureCheck | null;
  readonly #hashes = new HashList();
  #first = 1;
  #seq = 0;
  #prev = firstPrev;
  /** The last entries of segments that were removed, by seq, as checkpoints say. */
  readonly #removed = new Map<number, string>();
  #broken: JournalReport['firstBroken'];
  #removedHead = firstPrev;
  #withCrc: boolean | undefined;

  constructor(dir: string, options: VerifyOptions) {
    this.#dir = dir;
    this.#options = options;
    this.#signatures = options.signatures === false ? null : new SignatureCheck();
  }

  report(): JournalReport {
    const entries = this.#seq - this.#first + 1;
    const report: JournalReport = {
      ok: this.#broken === undefined,
      entries,
      first: this.#first,
      head: entries === 0 ? null : this.#prev,
      signatures: this.#signatures?.counts() ?? null,
    };
    return this.#broken === undefined ? report : { ...report, firstBroken: this.#broken };
  }

  /** Line by line, until the first that does not fit. */
  *run(): Generator<void> {
    const names = this.#segments();
    for (const [index, name] of names.entries()) {
      const end = this.#endOf(name, names[index + 1]);
      if (index > 0 && firstSeqOf(name) !== this.#seq + 1) {
        this.#fail(name, 1, `it should begin with entry ${firstSeqOf(name)}: a segment is missing`);
        return;
      }
      let line = 0;
      let last: JournalEntry | null = null;
      for (const { bytes, ended } of linesOf(path.join(this.#dir, name), end)) {
        line += 1;
        const form = ended
          ? kindOf(bytes, this.#seq + 1, this.#prevOf(bytes), (this.#withCrc ??= hasCrc(bytes)))
          : { why: 'the last line has no end' };
        if ('why' in form) {
          this.#fail(name, line, form.why);
          return;
        }
        this.#seq += 1;
        this.#prev = hashOf(bytes);
        this.#hashes.push(this.#prev);
        if (this.#signatures === null && form.kind !== 'checkpoint' && form.kind !== 'rotated') {
          last = null;
          yield;
          continue;
        }
        last = parseLine(bytes);
        if (last === null) {
          this.#fail(name, line, 'it is not an entry', this.#seq);
          return;
        }
        if (last.kind === 'checkpoint') for (const each of last.removed) this.#removed.set(each.last.seq, each.last.hash);
        const wrong = this.#signatures?.check(last, this.#hashes, this.#first) ?? null;
        if (wrong !== null) {
          this.#fail(name, line, wrong, this.#seq);
          return;
        }
        yield;
      }
      if (last?.kind === 'rotated' && names[index + 1] === undefined) {
        this.#fail(name, line, `the segment ${last.next} that followed is missing`);
        return;
      }
    }
    this.#judgeStart(names[0] ?? '');
    this.#judgeMemory(names.at(-1) ?? '');
  }

  #segments(): string[] {
    let names: string[];
    try {
      names = segmentsIn(this.#dir);
    } catch (thrown) {
      throw new KeyholeError('NOT_FOUND', `${this.#dir} can not be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    }
    if (names[0] === undefined) throw new KeyholeError('NOT_FOUND', `${this.#dir} holds no journal`);
    this.#first = firstSeqOf(names[0]);
    this.#seq = this.#first - 1;
    this.#hashes.startAt(this.#first);
    return names;
  }

  /** How many bytes of a segment count: the next one says so where this one could not be written any more. */
  #endOf(name: string, next: string | undefined): number | undefined {
    if (next === undefined) return undefined;
    for (const { bytes } of linesOf(path.join(this.#dir, next))) {
      const entry = parseLine(bytes) as Partial<SegmentEntry> | null;
      return entry?.kind === 'segment' && entry.gap?.file === name ? entry.gap.size : undefined;
    }
    return undefined;
  }

  /** What the next line has to name as the one before it. The first of a journal whose start was removed is believed, until its checkpoint has been read. */
  #prevOf(line: Buffer): string {
    if (this.#seq >= this.#first || this.#first === 1) return this.#prev;
    this.#prev = parseLine(line)?.prev ?? '';
    this.#removedHead = this.#prev;
    return this.#prev;
  }

  #judgeStart(file: string): void {
    if (this.#first === 1 || this.#broken !== undefined) return;
    if (this.#removed.get(this.#first - 1) === this.#removedHead) return;
    this.#fail(file, 1, `entries 1 to ${this.#first - 1} are missing, and no checkpoint says that they were removed`, 1);
  }

  #judgeMemory(file: string): void {
    const { against } = this.#options;
    if (against === undefined || this.#broken !== undefined) return;
    const { seq, hash } = against;
    const place = seq === undefined ? hash : `${seq}:${hash}`;
    if (
      seq === undefined
        ? this.#hashes.has(hash) || [...this.#removed.values()].includes(hash)
        : (this.#hashes.at(seq) ?? this.#removed.get(seq)) === hash
    )
      return;
    if (seq !== undefined && seq < this.#first)
      return this.#fail(file, 1, `${place} lies in what was removed: it has to be looked up in the archived segments`, seq);
    const has = seq === undefined ? undefined : this.#hashes.at(seq);
    const found = has === undefined ? `it ends with entry ${this.#seq}` : `its entry ${seq} has the hash ${has}`;
    this.#fail(file, 1, `it does not hold ${place}, and ${found}: it was cut, rolled back or replaced`, seq ?? this.#seq + 1);
  }

  #fail(file: string, line: number, why: string, seq = this.#seq + 1): void {
    this.#broken = { seq, file, line, why };
  }
}
