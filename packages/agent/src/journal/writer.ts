/**
 * The one writer of a journal. `append` returns when the line is on disk, or throws, and then it never was. The first failed write or fsync is final: the kernel may
 * have dropped the pages, and an fsync that answers well afterwards says nothing about them.
 */
import { closeSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import * as path from 'node:path';
import { KeyholeError } from '../protocol/index.ts';
import type { JournalDraft } from '../protocol/index.ts';
import { hashOf, lineOf } from './chain.ts';

export interface Appended {
  seq: number;
  hash: string;
  time: string;
}

export class JournalWriter {
  readonly #fd: number;
  #size: number;
  #seq: number;
  #head: string;
  #broken: string | null = null;

  /** @param size bytes that are good; whatever lies behind them is not ours. */
  constructor(file: string, size: number, seq: number, head: string) {
    this.#fd = openSync(file, 'a', 0o600);
    this.#size = size;
    this.#seq = seq;
    this.#head = head;
    syncDirectory(path.dirname(file));
  }

  get seq(): number {
    return this.#seq;
  }

  get head(): string {
    return this.#head;
  }

  get broken(): string | null {
    return this.#broken;
  }

  /** @throws {KeyholeError} JOURNAL */
  append(draft: JournalDraft): Appended {
    if (this.#broken !== null) throw journalError(this.#broken);
    const time = new Date().toISOString();
    const line = Buffer.from(lineOf(this.#seq + 1, time, this.#head, draft));
    const bytes = Buffer.concat([line, Buffer.from('\n')]);
    try {
      const written = writeSync(this.#fd, bytes);
      // A disk that is nearly full takes a part and reports success.
      if (written !== bytes.length) throw new Error(`only ${written} of ${bytes.length} bytes were written`);
      fsyncSync(this.#fd);
    } catch (thrown) {
      this.#broken = thrown instanceof Error ? thrown.message : String(thrown);
      this.#cutBack();
      throw journalError(this.#broken);
    }
    this.#size += bytes.length;
    this.#seq += 1;
    this.#head = hashOf(line);
    return { seq: this.#seq, hash: this.#head, time };
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** What was refused must not be read as done after a restart. Where even that fails, recovery finds a torn line, or one that nobody was told of. */
  #cutBack(): void {
    try {
      ftruncateSync(this.#fd, this.#size);
    } catch {
      this.#broken = `${this.#broken ?? ''}; the unfinished line could not be cut off either`;
    }
  }
}

export function journalError(why: string): KeyholeError {
  return new KeyholeError(
    'JOURNAL',
    `the journal can not be written: ${why}`,
    'Nothing was changed. Make room or repair the directory, then restart the service; inspection goes on meanwhile.',
  );
}

/** A new file is durable only when its directory is. */
export function syncDirectory(dir: string): void {
  const fd = openSync(dir, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
