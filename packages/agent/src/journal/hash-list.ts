/** The hashes of a journal's lines by seq, 32 bytes each: what a signed head is held against. */
const hashBytes = 32;

export class HashList {
  #bytes: Buffer = Buffer.alloc(hashBytes * 1_024);
  #first = 1;
  #count = 0;

  /** The seq of the first hash. */
  startAt(seq: number): void {
    this.#first = seq;
  }

  push(hex: string): void {
    if ((this.#count + 1) * hashBytes > this.#bytes.length) {
      const larger = Buffer.alloc(this.#bytes.length * 2);
      this.#bytes.copy(larger);
      this.#bytes = larger;
    }
    this.#bytes.write(hex, this.#count * hashBytes, 'hex');
    this.#count += 1;
  }

  at(seq: number): string | undefined {
    const index = seq - this.#first;
    return index < 0 || index >= this.#count ? undefined : this.#bytes.toString('hex', index * hashBytes, (index + 1) * hashBytes);
  }

  has(hex: string): boolean {
    const wanted = Buffer.from(hex, 'hex');
    const used = this.#bytes.subarray(0, this.#count * hashBytes);
    for (let at = used.indexOf(wanted); at !== -1; at = used.indexOf(wanted, at + 1)) if (at % hashBytes === 0) return true;
    return false;
  }
}
