/**
 * The journal of one agent. It fails closed: where it can not be opened or written, it says so, and every append is refused; reading goes on.
 */
import { mkdirSync } from 'node:fs';
import * as path from 'node:path';
import { KeyholeError } from '../protocol/index.ts';
import type { JournalDraft, JournalEntry, JournalReport, JournalState } from '../protocol/index.ts';
import { hashOf, parseLine } from './chain.ts';
import { lockDirectory } from './lock.ts';
import { recoverJournal } from './recover.ts';
import { linesIn } from './segments.ts';
import { verifyJournal } from './verify.ts';
import { JournalWriter, journalError } from './writer.ts';
import type { Appended } from './writer.ts';

export type HashedEntry = JournalEntry & { hash: string };

export class Journal {
  readonly #dir: string;
  readonly #writer: JournalWriter | null;
  readonly #why: string | null;
  readonly #unlock: () => void;

  private constructor(dir: string, writer: JournalWriter | null, why: string | null, unlock: () => void) {
    this.#dir = dir;
    this.#writer = writer;
    this.#why = why;
    this.#unlock = unlock;
  }

  /** Opens or creates the journal of a directory, recovers it, and writes that the agent has started. Never throws: see {@link state}. */
  static open(wanted: string, start: JournalDraft): Journal {
    let dir = wanted;
    let unlock: (() => void) | null = null;
    try {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      unlock = lockDirectory(dir);
      if (unlock === null) {
        dir = path.join(wanted, String(process.pid));
        mkdirSync(dir, { recursive: true, mode: 0o700 });
        unlock = lockDirectory(dir);
      }
      if (unlock === null) throw new Error(`${dir} is held by another process`);
      const { file, size, seq, head, torn, open } = recoverJournal(dir);
      const writer = new JournalWriter(path.join(dir, file), size, seq, head);
      if (torn !== null) writer.append(torn);
      for (const intent of open) writer.append({ kind: intent.kind, phase: 'outcome', intent: intent.seq, status: 'lost with the process' });
      writer.append(start);
      return new Journal(dir, writer, null, unlock);
    } catch (thrown) {
      unlock?.();
      return new Journal(dir, null, thrown instanceof Error ? thrown.message : String(thrown), () => undefined);
    }
  }

  /** @throws {KeyholeError} JOURNAL; then the line is not in the journal. */
  append(draft: JournalDraft): Appended {
    if (this.#writer === null) throw journalError(this.#why ?? '');
    return this.#writer.append(draft);
  }

  state(): JournalState {
    const why = this.#writer === null ? this.#why : this.#writer.broken;
    const entries = this.#writer?.seq ?? 0;
    const state: JournalState = { writable: why === null, dir: this.#dir, entries, head: entries === 0 ? null : (this.#writer?.head ?? null) };
    return why === null ? state : { ...state, why };
  }

  /** Newest first. Lines that are no entries are left out: `verify` names them. */
  async read({ before = Number.MAX_SAFE_INTEGER, count = 100 }: { before?: number; count?: number }): Promise<HashedEntry[]> {
    const page: HashedEntry[] = [];
    try {
      for await (const { text } of linesIn(this.#dir)) {
        const entry = parseLine(text);
        if (!('seq' in entry) || entry.seq >= before) continue;
        page.push({ ...entry, hash: hashOf(text) });
        if (page.length > count) page.shift();
      }
    } catch (thrown) {
      throw new KeyholeError('JOURNAL', `the journal can not be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    }
    return page.reverse();
  }

  verify(): JournalReport {
    return verifyJournal(this.#dir);
  }

  close(): void {
    this.#writer?.close();
    this.#unlock();
  }
}
