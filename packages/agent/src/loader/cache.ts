/**
 * What the transform made of files, kept on disk between starts: a pack for each application. It is code that will run, so a folder that anybody else could write to is not used; whatever is missing,
 * broken or of another text is made again. It never makes a load fail.
 */
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { required } from '../platform/later.ts';
import type { ModuleFormat } from '../source/index.ts';
import type { PackedEdits } from './edits.ts';
import { hashOf } from './load-id.ts';
import { Pack, isOwn } from './pack.ts';

const { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync } = required<typeof import('node:fs')>('node:fs');

/** What the transform says of one text; see {@link LoadRecord}. */
export interface Transformed {
  id: string;
  format: ModuleFormat;
  text: string;
  edits: Omit<PackedEdits, 'inserted'>;
  types: PackedEdits | null;
  functions: number;
  without: [number, string][];
}

/** What besides the text decides the result. */
export interface CacheKey {
  url: string;
  format: string | null;
}

/** Kept beside the numbers of the edits and then of the types, and the text. */
interface Entry extends Pick<Transformed, 'id' | 'format' | 'functions' | 'without'> {
  removed: string;
  /** How many of the numbers are of the edits. */
  numbers: number;
  types: { removed: string; inserted: string } | null;
}

/** Packs that nobody has read for so long are removed by whoever makes a new one. */
const maxAgeMs = 60 * 86_400_000;

/** Of the code that makes what is kept: another build of it may make something else of the same text, and what the engine knows of slots would not fit. */
function makers(): string {
  const parts = [process.version, process.arch];
  for (const folder of ['.', '../source']) {
    const dir = path.join(import.meta.dirname, folder);
    for (const name of readdirSync(dir).sort()) {
      if (!/\.[jt]s$/.test(name) || name.endsWith('.d.ts')) continue;
      const { size, mtimeMs } = statSync(path.join(dir, name));
      parts.push(`${name} ${size} ${mtimeMs}`);
    }
  }
  return [...parts, readFileSync(path.join(import.meta.dirname, '../../package.json'), 'utf8')].join('\n');
}

export class TransformCache {
  /** null: not used. */
  #pack: Pack | null;

  /** @param root of the application whose files it keeps. */
  constructor(dir: string | null, root: string) {
    this.#pack = dir === null ? null : packIn(dir, root);
  }

  /** @param source as it was loaded: what was kept of bytes does not hold for a string of the same characters. */
  get(key: CacheKey, source: string | Uint8Array): Transformed | null {
    const bytes = bytesOf(source);
    const record = this.#pack === null || bytes === null ? null : find(this.#pack, nameOf(key, source), bytes);
    if (record === null) return null;
    const { removed, numbers, types, ...rest } = JSON.parse(record.json) as Entry;
    return {
      ...rest,
      text: record.text,
      edits: { numbers: types === null ? record.numbers : record.numbers.subarray(0, numbers), removed },
      types: types === null ? null : { ...types, numbers: record.numbers.subarray(numbers) },
    };
  }

  put(key: CacheKey, source: string | Uint8Array, { id, format, text, edits, types, functions, without }: Transformed): void {
    const bytes = bytesOf(source);
    if (this.#pack === null || bytes === null) return;
    const entry: Entry = {
      id,
      format,
      functions,
      without,
      removed: edits.removed,
      numbers: edits.numbers.length,
      types: types === null ? null : { removed: types.removed, inserted: types.inserted },
    };
    try {
      const numbers = new Int32Array(edits.numbers.length + (types?.numbers.length ?? 0));
      numbers.set(edits.numbers);
      if (types !== null) numbers.set(types.numbers, edits.numbers.length);
      this.#pack.add({ key: nameOf(key, source), json: JSON.stringify(entry), numbers, text, source: bytes });
    } catch {
      // A disk that is full costs the next start some time, and nothing else.
      this.#pack = null;
    }
  }
}

function find(pack: Pack, name: string, bytes: Uint8Array): ReturnType<Pack['find']> {
  // Another process may have replaced the pack; the second time it is the new one.
  for (let tries = 0; tries < 2; tries += 1) {
    try {
      return pack.find(name, bytes);
    } catch {
      pack.forget();
    }
  }
  return null;
}

const nameOf = ({ url, format }: CacheKey, source: string | Uint8Array): string => [typeof source === 'string' ? 's' : 'b', format, url].join('\n');

/** The url of a name, or null where its file is gone. Loads that differ in their query alone stand for the same: a development server makes a new one at each change. */
function subjectOf(name: string): string | null {
  const plain = name.replace(/[?#].*$/, '');
  try {
    return existsSync(fileURLToPath(plain.slice(plain.lastIndexOf('\n') + 1))) ? plain : null;
  } catch {
    return null;
  }
}

/** A string that has no such bytes (half a pair) has none. */
function bytesOf(source: string | Uint8Array): Uint8Array | null {
  if (typeof source !== 'string') return source;
  const bytes = Buffer.from(source);
  return bytes.byteLength === source.length || bytes.toString() === source ? bytes : null;
}

/** null where somebody else could write to the folder, or it can not be made. */
function packIn(dir: string, root: string): Pack | null {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    if (!isOwn(statSync(dir))) return null;
    const of = `${root}\n${makers()}`;
    const file = path.join(dir, `${hashOf(of)}.pack`);
    if (!existsSync(file)) removeOld(dir);
    return new Pack({ file, of, subjectOf });
  } catch {
    return null;
  }
}

function removeOld(dir: string): void {
  for (const name of readdirSync(dir)) {
    const file = path.join(dir, name);
    if (/^[0-9a-z]{1,7}\.pack/.test(name) && Date.now() - statSync(file).mtimeMs > maxAgeMs) rmSync(file, { force: true });
  }
}
