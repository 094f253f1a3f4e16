/**
 * One segment that is being written. `write` returns when the bytes are on disk, or throws, and then they do not count. The first failed write or fsync is final for the file:
 * the kernel may have dropped the pages, and an fsync that answers well afterwards says nothing about them.
 */
import * as path from 'node:path';
import { syncDirectory } from './disk.ts';
import type { Disk } from './disk.ts';

export class Segment {
  readonly file: string;
  readonly #disk: Disk;
  readonly #fd: number;
  readonly #id: string;
  #size: number;
  /** Bytes of ours may lie behind those that count. */
  #isDirty = false;

  /** @param size bytes that count; whatever lies behind them is not ours. */
  private constructor(disk: Disk, file: string, fd: number, size: number) {
    this.#disk = disk;
    this.file = file;
    this.#fd = fd;
    this.#size = size;
    this.#id = idOf(disk.fstat(fd));
  }

  /** A new one, durable with its first bytes and its name. What is left of an attempt that failed is moved aside. */
  static create(disk: Disk, file: string, bytes: Buffer): Segment {
    if (disk.stat(file, { throwIfNoEntry: false }) !== undefined) disk.rename(file, `${file}.${Date.now()}.torn`);
    const segment = new Segment(disk, file, disk.open(file, 'ax+', 0o600), 0);
    try {
      segment.write(bytes);
      syncDirectory(disk, path.dirname(file));
      return segment;
    } catch (thrown) {
      segment.close();
      // Nothing in it counts; attempts that fail must not fill the directory.
      disk.unlink(file);
      throw thrown;
    }
  }

  static reopen(disk: Disk, file: string, size: number): Segment {
    const segment = new Segment(disk, file, disk.open(file, 'a+', 0o600), size);
    syncDirectory(disk, path.dirname(file));
    return segment;
  }

  get name(): string {
    return path.basename(this.file);
  }

  get size(): number {
    return this.#size;
  }

  /** Whether the file still stands under its name: writing to one that was removed succeeds, and is worth nothing. */
  get isThere(): boolean {
    const there = this.#disk.stat(this.file, { throwIfNoEntry: false });
    return there !== undefined && idOf(there) === this.#id;
  }

  write(bytes: Buffer): void {
    const there = this.#disk.stat(this.file, { throwIfNoEntry: false });
    if (there === undefined || idOf(there) !== this.#id) throw new Error(`${this.file} was removed or replaced`);
    if (there.size !== this.#size) throw new Error(`${this.file} has ${there.size} bytes where ${this.#size} were written: somebody else changed it`);
    if (!this.#holdsFile) throw new Error(`${this.file} was closed by somebody else in this process`);
    this.#isDirty = true;
    const written = this.#disk.write(this.#fd, bytes);
    // A disk that is nearly full takes a part and reports success.
    if (written !== bytes.length) throw new Error(`only ${written} of ${bytes.length} bytes could be written to ${this.file}`);
    this.#disk.datasync(this.#fd);
    this.#size += bytes.length;
    this.#isDirty = false;
  }

  /** What was refused must not be read as done after a restart. What somebody else wrote is not ours to cut. */
  cutBack(): void {
    if (!this.#isDirty || !this.#holdsFile) return;
    this.#disk.truncate(this.#fd, this.#size);
  }

  /** Writes the segment anew from the open file, where somebody has removed its name. */
  restore(): void {
    if (!this.#holdsFile) throw new Error(`${this.file} is gone, and was closed by somebody else in this process`);
    const bytes = Buffer.allocUnsafe(this.#size);
    let at = 0;
    while (at < bytes.length) {
      const count = this.#disk.read(this.#fd, bytes, at, bytes.length - at, at);
      if (count === 0) throw new Error(`only ${at} of ${bytes.length} bytes of ${this.file} can still be read`);
      at += count;
    }
    if (bytes.length > 0) Segment.create(this.#disk, this.file, bytes).close();
  }

  close(): void {
    if (this.#holdsFile) this.#disk.close(this.#fd);
  }

  /** Whoever evaluates in the service may close a file of ours, and the number may be a file of the service's then. */
  get #holdsFile(): boolean {
    try {
      return idOf(this.#disk.fstat(this.#fd)) === this.#id;
    } catch {
      return false;
    }
  }
}

function idOf({ dev, ino }: { dev: number; ino: number }): string {
  return `${dev}:${ino}`;
}
