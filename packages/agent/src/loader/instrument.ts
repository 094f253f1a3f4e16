/** From what Node loaded to what it should run: text in, instrumented text and its record out. */
import { later } from '../platform/later.ts';
import type { TransformCache, Transformed } from './cache.ts';
import { withEdits } from './edits.ts';
import { nameLoad } from './load-id.ts';
import type { LoadRecord } from './slot-table.ts';

const making = later<typeof import('./make.ts')>(import.meta.url, './make.js');

/**
 * Instruments one file.
 * @param format as Node's load hook names it; null where Node would find out from the text.
 * @throws where the text does not parse or its types can not be removed; the file is then loaded as it is.
 */
export function instrumentText(url: string, source: string, format: string | null, sourceMaps: boolean, cache: TransformCache): LoadRecord {
  const { id, first } = nameLoad(url, source);
  const key = [url, format, sourceMaps].join('\n');
  const loadedAtMs = Date.now();
  const record = (running: string, { edits, functions, without, types, format: found }: Transformed): LoadRecord => {
    const { numbers, removed } = edits;
    return { id, url, format: found, text: withEdits(running, edits), edits: { numbers, removed }, types, functions, without, loadedAtMs };
  };
  // A map that is composed lies in another file, which may have changed.
  const kept = first && !sourceMaps ? cache.get(key, source) : null;
  if (kept !== null) return record(kept.types === null ? source : withoutTypesAs(source, kept), kept);
  const { running, transformed } = making().make({ url, source, format, id, sourceMaps });
  if (first && !sourceMaps) cache.put(key, source, transformed);
  return record(running, transformed);
}

/** The text without its types, as it was when the entry was made: the differences turned round. */
function withoutTypesAs(source: string, { types }: Transformed): string {
  if (types === null) return source;
  const { numbers, removed, inserted } = types;
  return withEdits(source, { numbers, removed: inserted, inserted: removed });
}
