/**
 * A record of a pack: eight words, then numbers, key, JSON, text and source, each filled up to whole words. Words are in the order of this machine. The sum is of everything but the source:
 * that one is compared with what was loaded.
 */

export interface PackRecord {
  key: string;
  json: string;
  numbers: Int32Array;
  text: string;
  source: Uint8Array;
}

/** Where the parts of a record are, in bytes of the buffer that holds it. */
export interface RecordPlace {
  at: number;
  numbers: number;
  key: number;
  json: number;
  text: number;
  source: number;
  end: number;
}

const wordBytes = 4;
const headWords = 8;
export const headBytes = headWords * wordBytes;
const sumWord = 1;
const encodings = ['latin1', 'utf16le'] as const;

export function encodeRecord({ key, json, numbers, text, source }: PackRecord): Buffer {
  const encoding = /[^\0-\xFF]/.test(text) ? 1 : 0;
  const sizes = [
    numbers.byteLength,
    Buffer.byteLength(key),
    Buffer.byteLength(json),
    Buffer.byteLength(text, encodings[encoding]),
    source.byteLength,
  ] as const;
  const bytes = Buffer.alloc(sizes.reduce((sum, size) => sum + filled(size), headBytes));
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / wordBytes);
  words.set([bytes.byteLength, 0, ...sizes, encoding]);
  const place = placeOf(words, 0);
  words.set(numbers, place.numbers / wordBytes);
  bytes.write(key, place.key);
  bytes.write(json, place.json);
  bytes.write(text, place.text, encodings[encoding]);
  bytes.set(source, place.source);
  words[sumWord] = sumOf(words, place);
  return bytes;
}

/** How many bytes the record takes that begins there; 0 where none can. */
export function lengthOf(words: Int32Array, at: number): number {
  const length = words[at / wordBytes] ?? 0;
  return length >= headBytes && length % wordBytes === 0 ? length : 0;
}

/** Where the parts of a whole record are; null where it is torn. */
export function wholeRecord(words: Int32Array, at: number): RecordPlace | null {
  const place = placeOf(words, at);
  if (place.end !== at + lengthOf(words, at)) return null;
  const { numbers, key, json, text, source, end } = place;
  const inOrder = numbers <= key && key <= json && json <= text && text <= source && source <= end;
  return inOrder && words[at / wordBytes + sumWord] === sumOf(words, place) ? place : null;
}

export function textOfRecord(bytes: Buffer, words: Int32Array, { at, text }: RecordPlace): string {
  const head = at / wordBytes;
  return bytes.toString(encodings[words[head + 7] ?? 0], text, text + (words[head + 5] ?? 0));
}

export function partOfRecord(bytes: Buffer, words: Int32Array, place: RecordPlace, part: 'key' | 'json'): string {
  const length = words[place.at / wordBytes + (part === 'key' ? 3 : 4)] ?? 0;
  return bytes.toString('utf8', place[part], place[part] + length);
}

export function isOfSource(bytes: Buffer, words: Int32Array, { at, source }: RecordPlace, wanted: Uint8Array): boolean {
  const length = words[at / wordBytes + 6] ?? 0;
  return length === wanted.byteLength && bytes.compare(wanted, 0, length, source, source + length) === 0;
}

/** A copy. */
export function numbersOf(words: Int32Array, { numbers, at }: RecordPlace): Int32Array {
  const from = numbers / wordBytes;
  return words.slice(from, from + (words[at / wordBytes + 2] ?? 0) / wordBytes);
}

function placeOf(words: Int32Array, at: number): RecordPlace {
  const head = at / wordBytes;
  const numbers = at + headBytes;
  const key = numbers + filled(words[head + 2] ?? 0);
  const json = key + filled(words[head + 3] ?? 0);
  const text = json + filled(words[head + 4] ?? 0);
  const source = text + filled(words[head + 5] ?? 0);
  return { at, numbers, key, json, text, source, end: source + filled(words[head + 6] ?? 0) };
}

const filled = (bytes: number): number => Math.ceil(bytes / wordBytes) * wordBytes;

/** Two sums, of the words and of that sum after each (Fletcher's): what is left out, zero or in another place shows. Additions alone, since it runs before V8 has optimized it. */
function sumOf(words: Int32Array, { numbers, source }: RecordPlace): number {
  const end = source / wordBytes;
  let sum = 0;
  let sums = 0;
  // With the lengths of the parts before them.
  for (let index = numbers / wordBytes - headWords + sumWord + 1; index < end; index += 1) {
    sum = (sum + (words[index] ?? 0)) | 0;
    sums = (sums + sum) | 0;
  }
  return sum ^ (sums << 1);
}
