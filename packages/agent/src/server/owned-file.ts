/** A file that says who may do what: it has to be ours or root's, nobody else may write to it, and it is read anew when it has changed. */
import { readFileSync, statSync } from 'node:fs';

/** Larger than any list of people and rules. */
const maxFileBytes = 1_048_576;

export class OwnedFile<T> {
  readonly path: string;
  readonly #parse: (text: string) => T;
  #stamp = '';
  #parsed: { value: T } | null = null;

  constructor(path: string, parse: (text: string) => T) {
    this.path = path;
    this.#parse = parse;
  }

  /** @throws {Error} where it is missing, can be changed by others, or is not understood. */
  read(): T {
    const { uid, mode, size, mtimeNs, ctimeNs, ino } = statSync(this.path, { bigint: true });
    const own = process.getuid?.();
    if (uid !== 0n && own !== undefined && uid !== BigInt(own)) throw new Error('it belongs to another user');
    if ((mode & 0o022n) !== 0n) throw new Error('others may write to it: chmod go-w');
    if (size > maxFileBytes) throw new Error(`it has more than ${maxFileBytes} bytes`);
    const stamp = [ino, size, mtimeNs, ctimeNs].join(' ');
    if (this.#parsed !== null && stamp === this.#stamp) return this.#parsed.value;
    this.#parsed = null;
    this.#parsed = { value: this.#parse(readFileSync(this.path, 'utf8')) };
    this.#stamp = stamp;
    return this.#parsed.value;
  }
}
