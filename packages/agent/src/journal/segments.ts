/** The files of a journal directory: segments named by the seq of their first line. */
import { createReadStream, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { createInterface } from 'node:readline';

const segmentName = /^\d{8,}\.ndjson$/;

export function segmentFor(firstSeq: number): string {
  return `${String(firstSeq).padStart(8, '0')}.ndjson`;
}

/** Segments in order, as names. */
export function segmentsIn(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => segmentName.test(name))
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
}

/** The lines of all segments, one at a time, whatever their number. */
export async function* linesIn(dir: string): AsyncGenerator<{ file: string; line: number; text: string }> {
  for (const file of segmentsIn(dir)) {
    let line = 0;
    for await (const text of createInterface({ input: createReadStream(path.join(dir, file)), crlfDelay: Infinity })) {
      line += 1;
      yield { file, line, text };
    }
  }
}
