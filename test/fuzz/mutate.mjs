/** Changes of bytes, by a generator of numbers that starts where it is told: a run can be repeated. */
export class Mutator {
  #state;
  #words;

  constructor(seed, words) {
    this.#state = seed >>> 0 || 1;
    this.#words = words.map((word) => Buffer.from(word));
  }

  /** A whole number below `below`. */
  below(below) {
    // xorshift32
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % below;
  }

  /** One to eight changes, some of them taken from another input. */
  mutate(input, other, maxBytes) {
    let bytes = Buffer.from(input);
    for (let changes = 1 << this.below(4); changes > 0; changes -= 1) bytes = this.#once(bytes, other);
    return bytes.subarray(0, maxBytes);
  }

  #once(bytes, other) {
    const at = this.below(bytes.length + 1);
    const length = 1 + this.below(16);
    const set = (value) => {
      if (bytes.length > 0) bytes[at % bytes.length] = value;
      return bytes;
    };
    const put = (piece, over = 0) => Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + over)]);
    switch (this.below(9)) {
      case 0:
        return set((bytes[at % (bytes.length || 1)] ?? 0) ^ (1 << this.below(8)));
      case 1:
        return set(this.below(256));
      case 2:
        return set([0, 1, 0x7f, 0x80, 0xff, 0x90, 0xc1, 0xdb, 0xdd, 0xdf, 10, 34, 92][this.below(13)]);
      case 3:
        return put(Buffer.from(Array.from({ length }, () => this.below(256))));
      case 4:
        return put(Buffer.alloc(0), length);
      case 5:
        return put(bytes.subarray(at, at + length));
      case 6:
        return this.#words.length === 0 ? bytes : put(this.#words[this.below(this.#words.length)], this.below(2) * length);
      case 7: {
        const from = this.below(other.length + 1);
        return put(other.subarray(from, from + length * 4), this.below(2) * length * 4);
      }
      default:
        return Buffer.concat([bytes.subarray(0, at), other.subarray(this.below(other.length + 1))]);
    }
  }
}
