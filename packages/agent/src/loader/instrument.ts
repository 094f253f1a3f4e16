/** From what Node loaded to what it should run: text in, instrumented text and its record out. */
import { later } from '../platform/later.ts';
import type { TransformCache } from './cache.ts';
import { countLoad, loadName, loadsBefore, nameLoad } from './load-id.ts';
import { isWrapper } from './selection.ts';
import type { LoadRecord } from './slot-table.ts';

const making = later<typeof import('./make.ts')>(import.meta.url, './make.js');

/** A file as it was loaded. */
export interface Loaded {
  url: string;
  source: string | ArrayBuffer | NodeJS.TypedArray;
  /** As Node's load hook names it; null where Node would find out from the text. */
  format: string | null;
}

/**
 * Instruments one file.
 * @returns null where it stays as it is: a wrapper that somebody made of a file.
 * @throws where the text does not parse or its types can not be removed; the file is then loaded as it is.
 */
export function instrumentText({ url, source: loaded, format }: Loaded, sourceMaps: boolean, cache: TransformCache): LoadRecord | null {
  const source = typeof loaded === 'string' ? loaded : bytesOf(loaded);
  const loadedAtMs = Date.now();
  const name = loadName(url);
  // Only the first load has the name that every process gives this file. A map that is composed lies in another file, which may have changed.
  const isKept = loadsBefore(name) === 0 && !sourceMaps;
  const kept = isKept ? cache.get({ url, format }, source) : null;
  if (kept !== null) {
    // What follows was asked of this text when it was kept.
    countLoad(name);
    return { ...kept, url, loadedAtMs };
  }
  const text = textOf(source);
  if (isWrapper(url, text)) return null;
  const made = making().make({ url, source: text, format, id: nameLoad(name, text), sourceMaps });
  if (isKept) cache.put({ url, format }, source, made);
  return { ...made, url, loadedAtMs };
}

const textOf = (source: string | Uint8Array): string => (typeof source === 'string' ? source : new TextDecoder().decode(source));

function bytesOf(source: ArrayBuffer | NodeJS.TypedArray): Uint8Array {
  return ArrayBuffer.isView(source) ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength) : new Uint8Array(source);
}
