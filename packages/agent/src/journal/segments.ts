/** The files of a journal directory: segments named by the seq of their first line, and their lines in either direction, whatever their number. */
import { closeSync, fstatSync, openSync, readSync, readdirSync } from 'node:fs';

const segmentName = /^\d{8,}\.ndjson$/;
const chunkBytes = 1_048_576;
const newline = 0x0a;

export function segmentFor(firstSeq: number): string {
  return `${String(firstSeq).padStart(8, '0')}.ndjson`;
}

/** The seq of a segment's first line, as its name says it. */
export function firstSeqOf(name: string): number {
  return Number.parseInt(name, 10);
}

/** Segments in order, as names. */
export function segmentsIn(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => segmentName.test(name))
    .sort((a, b) => firstSeqOf(a) - firstSeqOf(b));
}

export interface Line {
  /** Without its newline. Its bytes are valid until the next line is taken. */
  bytes: Buffer;
  /** Where it starts in the file. */
  start: number;
  /** False for what stands behind the last newline. */
  ended: boolean;
}

/** The lines of a file in order, from `offset` (where a line starts) up to `end` bytes of it. */
export function* linesOf(file: string, end = Number.MAX_SAFE_INTEGER, offset = 0): Generator<Line> {
  const fd = openSync(file, 'r');
  try {
    let rest: Buffer = Buffer.alloc(0);
    let start = offset;
    let at = offset;
    for (;;) {
      const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, Math.max(0, end - at)));
      const count = chunk.length === 0 ? 0 : readSync(fd, chunk, 0, chunk.length, at);
      if (count === 0) break;
      at += count;
      const bytes = rest.length === 0 ? chunk.subarray(0, count) : Buffer.concat([rest, chunk.subarray(0, count)]);
      let from = 0;
      for (let to = bytes.indexOf(newline, rest.length); to !== -1; to = bytes.indexOf(newline, from)) {
        yield { bytes: bytes.subarray(from, to), start, ended: true };
        start += to + 1 - from;
        from = to + 1;
      }
      rest = bytes.subarray(from);
    }
    if (rest.length > 0) yield { bytes: rest, start, ended: false };
  } finally {
    closeSync(fd);
  }
}

/** The whole lines of a file, last one first; what stands behind the last newline is left out. */
export function* linesBackward(file: string, end = Number.MAX_SAFE_INTEGER): Generator<Buffer> {
  const fd = openSync(file, 'r');
  try {
    let at = Math.min(end, fstatSync(fd).size);
    let rest: Buffer = Buffer.alloc(0);
    let whole = false;
    while (at > 0) {
      const length = Math.min(chunkBytes, at);
      const chunk = Buffer.allocUnsafe(length);
      at -= length;
      if (readSync(fd, chunk, 0, length, at) !== length) return;
      const bytes: Buffer = rest.length === 0 ? chunk : Buffer.concat([chunk, rest]);
      let to = bytes.length;
      for (let from = bytes.lastIndexOf(newline, to - 1); from !== -1; from = to === 0 ? -1 : bytes.lastIndexOf(newline, to - 1)) {
        if (whole) yield bytes.subarray(from + 1, to);
        whole = true;
        to = from;
      }
      rest = bytes.subarray(0, to);
    }
    if (whole) yield rest;
  } finally {
    closeSync(fd);
  }
}
