/**
 * What the transform made of files, kept on disk between starts. It is code that will run, so a folder that anybody else could write to is not used; whatever is missing,
 * broken or of another text is made again. It never makes a load fail.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { deserialize, serialize } from 'node:v8';
import type { ModuleFormat } from '../source/index.ts';
import type { PackedEdits } from './edits.ts';

/** What the transform says of one text; see {@link LoadRecord}. */
export interface Transformed {
  format: ModuleFormat;
  edits: PackedEdits;
  types: PackedEdits | null;
  functions: number;
  without: [number, string][];
}

interface Entry extends Transformed {
  /** SHA-256 of the text that was loaded. */
  of: string;
}

/** Of the code that makes what is kept: another build of it may make something else of the same text, and what the engine knows of slots would not fit. */
function makers(): string {
  const hash = createHash('sha256').update(process.version);
  for (const folder of ['.', '../source']) {
    const dir = path.join(import.meta.dirname, folder);
    for (const name of readdirSync(dir).sort()) {
      if (!/\.[jt]s$/.test(name) || name.endsWith('.d.ts')) continue;
      const { size, mtimeMs } = statSync(path.join(dir, name));
      hash.update(`\n${name} ${size} ${mtimeMs}`);
    }
  }
  return hash
    .update(readFileSync(path.join(import.meta.dirname, '../../package.json')))
    .digest('hex')
    .slice(0, 16);
}

export class TransformCache {
  /** null: not used. */
  readonly #dir: string | null;

  constructor(dir: string | null) {
    this.#dir = dir === null ? null : ownFolder(dir);
  }

  /** @param key what besides the text decides the result: url and options. One entry is kept for each. */
  get(key: string, source: string): Transformed | null {
    if (this.#dir === null) return null;
    try {
      const entry = deserialize(readFileSync(this.#file(this.#dir, key))) as Entry;
      return entry.of === hashOf(source) ? entry : null;
    } catch {
      // Not there, or not whole: it is made again.
      return null;
    }
  }

  put(key: string, source: string, transformed: Transformed): void {
    if (this.#dir === null) return;
    const file = this.#file(this.#dir, key);
    const draft = `${file}.${process.pid}`;
    const entry: Entry = { of: hashOf(source), ...transformed };
    try {
      // At once: a program that ends early would leave nothing for its next start. It is little beside the transform.
      writeFileSync(draft, serialize(entry), { mode: 0o600 });
      renameSync(draft, file);
    } catch {
      // A disk that is full costs the next start some time, and nothing else.
      try {
        rmSync(draft, { force: true });
      } catch {
        // A folder that takes nothing does not give anything up either.
      }
    }
  }

  #file(dir: string, key: string): string {
    return path.join(dir, hashOf(key).slice(0, 32));
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The folder for what this code makes, made where it is missing; null where somebody else could write to it or to the one it lies in, or it can not be made. */
function ownFolder(parent: string): string | null {
  try {
    const dir = path.join(parent, makers());
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const own = [parent, dir].every((each) => {
      const { uid, mode } = statSync(each);
      return process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0);
    });
    return own ? dir : null;
  } catch {
    return null;
  }
}
