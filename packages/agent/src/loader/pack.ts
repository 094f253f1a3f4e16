/**
 * A file of records that is only appended to. They are read in the order in which they were written, as far as somebody asks, through a window: a process that loads the files of an
 * application in the order of the one before it reads each record once and holds none of it. What is torn ends the pack for its readers, and who
 * adds to it then writes it anew beside itself, unless it was a write that another process had not finished.
 */
import { nodeClock } from '../platform/clock.ts';
import { required } from '../platform/later.ts';
import { encodeRecord, headBytes, isOfSource, lengthOf, numbersOf, partOfRecord, textOfRecord, wholeRecord } from './pack-record.ts';
import type { PackRecord, RecordPlace } from './pack-record.ts';

// Taken at the start: the service may replace them.
const { closeSync, constants, fstatSync, openSync, readSync, renameSync, rmSync, statSync, utimesSync, writeSync } =
  required<typeof import('node:fs')>('node:fs');

export interface PackOptions {
  file: string;
  /** What its records hold for: a pack of something else is not read, and replaced. */
  of: string;
  /** What a key stands for, null where nobody can ask for it any more: of each only the last record is taken along when the pack is written anew. */
  subjectOf(key: string): string | null;
}

/** Its first record's JSON. */
interface PackHead {
  of: string;
  /** Its size when it was last written anew. */
  bytes: number;
}

/** A piece of the file, and where it is there. */
interface Window {
  bytes: Buffer;
  words: Int32Array;
  from: number;
  to: number;
}

const windowBytes = 256 * 1_024;
/** A window that nobody has asked anything for so long is given back. */
const windowMs = 1_000;
/** A pack is written anew when it is twice as large as it was then, and at least so large. */
const tidyFromBytes = 1_048_576;
const maxBytes = 64 * 1_048_576;
/** Who reads a pack says so, at most this often: packs that nobody reads are removed by their age. */
const touchMs = 86_400_000;

export class Pack {
  readonly #options: PackOptions;
  /** Where the last record of a key that was passed begins. */
  readonly #index = new Map<string, number>();
  #begun = false;
  /** Up to where it was read, up to where it can be, and up to where it was good when it was written anew. */
  #at = 0;
  #end = 0;
  #tidiedBytes = 0;
  #inode = 0;
  /** There is none, or it is somebody else's, or of something else. */
  #isUnusable = false;
  /** What was read ends in the middle of a record. */
  #isTorn = false;
  #window: Window | null = null;
  #used = false;

  constructor(options: PackOptions) {
    this.#options = options;
  }

  /** @returns what was kept under a key for this very source, or null. @throws where the file can not be read. */
  find(key: string, source: Uint8Array): Omit<PackRecord, 'key' | 'source'> | null {
    this.#begin();
    const known = this.#index.get(key);
    let found = known === undefined ? null : this.#recordAt(known, source);
    while (found === null && this.#at < this.#end) {
      const at = this.#at;
      if (this.#pass() === key) found = this.#recordAt(at, source);
    }
    return found;
  }

  /** Appends a record at once: a program that ends early would leave nothing for its next start. @throws where the disk does not take it. */
  add(record: PackRecord): void {
    const bytes = encodeRecord(record);
    this.#passAll();
    if (this.#isTorn) {
      // Or another process is just writing there. Writes to a file wait for each other: when ours is there, the other one is whole.
      this.#append(bytes);
      this.forget();
      this.#passAll();
      if (!this.#isTorn) return;
    }
    if (this.#isTorn || this.#isUnusable || this.#end > Math.max(tidyFromBytes, 2 * this.#tidiedBytes)) this.#tidy();
    this.#append(bytes);
  }

  #append(bytes: Uint8Array): void {
    const fd = openSync(this.#options.file, constants.O_WRONLY | constants.O_APPEND);
    try {
      // In one piece, so that two processes do not write into each other's records.
      write(fd, bytes);
    } finally {
      closeSync(fd);
    }
  }

  /** Another process may have replaced the file: it is looked at anew. */
  forget(): void {
    this.#begun = false;
    this.#window = null;
    this.#index.clear();
  }

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    [this.#at, this.#end, this.#tidiedBytes, this.#isUnusable, this.#isTorn] = [0, 0, 0, true, false];
    const stats = statSync(this.#options.file, { throwIfNoEntry: false });
    if (stats === undefined || !isOwn(stats)) return;
    [this.#end, this.#inode, this.#isUnusable] = [stats.size, stats.ino, false];
    const place = this.#wholeAt(0);
    const head = place === null ? null : (JSON.parse(this.#partOf(place, 'json')) as PackHead);
    if (place === null || head?.of !== this.#options.of) {
      [this.#end, this.#isUnusable] = [0, true];
      return;
    }
    this.#at = lengthOf(this.#windowOf().words, place.at);
    this.#tidiedBytes = head.bytes;
    if (Date.now() - stats.mtimeMs > touchMs) utimesSync(this.#options.file, new Date(), new Date());
  }

  #passAll(): void {
    this.#begin();
    while (this.#at < this.#end) this.#pass();
  }

  /** Goes past the next record. @returns its key; null where it is torn, which is the end. */
  #pass(): string | null {
    const at = this.#at;
    const place = this.#wholeAt(at);
    if (place === null) {
      this.#isTorn = true;
      this.#end = at;
      return null;
    }
    const key = this.#partOf(place, 'key');
    this.#index.set(key, at);
    this.#at = at + place.end - place.at;
    return key;
  }

  #recordAt(at: number, source: Uint8Array): Omit<PackRecord, 'key' | 'source'> | null {
    const place = this.#wholeAt(at);
    if (place === null) return null;
    const { bytes, words } = this.#windowOf();
    if (!isOfSource(bytes, words, place, source)) return null;
    return { json: this.#partOf(place, 'json'), numbers: numbersOf(words, place), text: textOfRecord(bytes, words, place) };
  }

  #partOf(place: RecordPlace, part: 'key' | 'json'): string {
    const { bytes, words } = this.#windowOf();
    return partOfRecord(bytes, words, place, part);
  }

  /** Puts a record into the window. @returns its place there; null where it is torn. */
  #wholeAt(at: number): RecordPlace | null {
    if (!this.#show(at, headBytes)) return null;
    const length = lengthOf(this.#windowOf().words, at - this.#windowOf().from);
    if (length === 0 || !this.#show(at, length)) return null;
    return wholeRecord(this.#windowOf().words, at - this.#windowOf().from);
  }

  #windowOf(): Window {
    if (this.#window === null) throw new Error('nothing was read');
    return this.#window;
  }

  /** @returns whether there is so much. */
  #show(at: number, length: number): boolean {
    if (at + length > this.#end) return false;
    this.#used = true;
    const window = this.#window;
    if (window !== null && window.from <= at && at + length <= window.to) return true;
    const size = Math.max(windowBytes, length);
    const bytes = window !== null && window.bytes.byteLength >= size ? window.bytes : Buffer.allocUnsafeSlow(size);
    // Not held open: the service might close what it does not know.
    const fd = openSync(this.#options.file, 'r');
    try {
      if (fstatSync(fd).ino !== this.#inode) throw new Error('the pack was replaced');
      const read = readSync(fd, bytes, 0, Math.min(bytes.byteLength, this.#end - at), at);
      if (window === null) this.#giveBackLater();
      this.#window = { bytes, words: new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2), from: at, to: at + read };
      return read >= length;
    } finally {
      closeSync(fd);
    }
  }

  #giveBackLater(): void {
    this.#used = false;
    nodeClock.after(windowMs, () => {
      if (this.#used) this.#giveBackLater();
      else this.#window = null;
    });
  }

  /** Writes the pack anew, with the last whole record of everything that can be asked for, as far as there is room for the newest. */
  #tidy(): void {
    const bySubject = new Map<string, number>();
    for (const [key, at] of [...this.#index].toSorted((a, b) => a[1] - b[1])) {
      const subject = this.#options.subjectOf(key);
      if (subject !== null) bySubject.set(subject, at);
    }
    const { file, of } = this.#options;
    const draft = `${file}.${process.pid}.${performance.now()}`;
    try {
      const fd = openSync(draft, 'wx', 0o600);
      try {
        const kept: { at: number; length: number }[] = [];
        let bytes = 0;
        for (const at of [...bySubject.values()].toSorted((a, b) => b - a)) {
          const place = this.#wholeAt(at);
          if (place === null) continue;
          const length = place.end - place.at;
          if (bytes + length > maxBytes) break;
          bytes += length;
          kept.push({ at, length });
        }
        write(
          fd,
          encodeRecord({
            key: '',
            json: JSON.stringify({ of, bytes } satisfies PackHead),
            numbers: new Int32Array(),
            text: '',
            source: new Uint8Array(),
          }),
        );
        // In the order in which they were: the next start reads them so.
        for (const { at, length } of kept.toReversed()) {
          this.#show(at, length);
          const window = this.#windowOf();
          write(fd, window.bytes.subarray(at - window.from, at - window.from + length));
        }
      } finally {
        closeSync(fd);
      }
      renameSync(draft, file);
    } catch (thrown) {
      rmSync(draft, { force: true });
      throw thrown;
    }
    this.forget();
    this.#passAll();
  }
}

function write(fd: number, bytes: Uint8Array): void {
  if (writeSync(fd, bytes) !== bytes.byteLength) throw new Error('the disk is full');
}

/** Whether nobody else can write to a file or a folder. */
export function isOwn({ uid, mode }: { uid: number; mode: number }): boolean {
  return process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0);
}
