/** OpenSSH's binary encoding (RFC 4251, section 5), read strictly: what is cut short or has something behind it is nothing. */

export class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** How many bytes were read. */
  get position(): number {
    return this.#at;
  }

  byte(): number | null {
    if (this.atEnd) return null;
    this.#at += 1;
    return this.#bytes.readUInt8(this.#at - 1);
  }

  uint32(): number | null {
    if (this.#bytes.length - this.#at < 4) return null;
    this.#at += 4;
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  uint64(): bigint | null {
    if (this.#bytes.length - this.#at < 8) return null;
    this.#at += 8;
    return this.#bytes.readBigUInt64BE(this.#at - 8);
  }

  string(): Buffer | null {
    const length = this.uint32();
    if (length === null || length > this.#bytes.length - this.#at) return null;
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  text(): string | null {
    return this.string()?.toString('utf8') ?? null;
  }

  /** A positive number as `length` bytes; null where it is negative, longer, or not in its shortest form. */
  positive(length: number): Buffer | null {
    const bytes = this.string();
    const first = bytes?.[0];
    if (bytes === null || first === undefined || first >= 0x80) return null;
    const digits = first === 0 ? bytes.subarray(1) : bytes;
    if (digits.length > length || (first === 0 && (digits[0] ?? 0) < 0x80)) return null;
    return Buffer.concat([Buffer.alloc(length - digits.length), digits]);
  }
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function sshString(value: Buffer | string): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
  return Buffer.concat([uint32(bytes.length), bytes]);
}
