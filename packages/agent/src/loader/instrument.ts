/** From what Node loaded to what it should run: text in, instrumented text and its record out. */
import { newerModule } from '../platform/module-hooks.ts';
import type { ModuleFormat } from '../source/index.ts';
import type { TransformCache, Transformed } from './cache.ts';
import { differences, packed, withEdits } from './edits.ts';
import { nameLoad } from './load-id.ts';
import { composedMapComment } from './maps.ts';
import type { LoadRecord } from './slot-table.ts';
import { instrumentModule } from './transform.ts';

/**
 * Instruments one file.
 * @param format as Node's load hook names it; null where Node would find out from the text.
 * @throws where the text does not parse or its types can not be removed; the file is then loaded as it is.
 */
export function instrumentText(url: string, source: string, format: string | null, sourceMaps: boolean, cache: TransformCache): LoadRecord {
  const { id, first } = nameLoad(url, source);
  const key = [url, format, sourceMaps].join('\n');
  const typed = format?.endsWith('typescript') === true;
  const loadedAtMs = Date.now();
  const record = (running: string, { edits, functions, without, types, format: found }: Transformed): LoadRecord => {
    const { numbers, removed } = edits;
    return { id, url, format: found, text: withEdits(running, edits), edits: { numbers, removed }, types, functions, without, loadedAtMs };
  };
  // A map that is composed lies in another file, which may have changed.
  const kept = first && !sourceMaps ? cache.get(key, source) : null;
  if (kept !== null) return record(kept.types === null ? source : withoutTypesAs(source, kept), kept);
  const running = typed ? withoutTypes(source) : source;
  const made = transform(url, running, format, id, sourceMaps);
  const transformed = { ...made, types: typed ? packed(differences(running, source)) : null };
  if (first && !sourceMaps) cache.put(key, source, transformed);
  return record(running, transformed);
}

function transform(url: string, running: string, format: string | null, id: string, sourceMaps: boolean): Omit<Transformed, 'types'> {
  const known = format?.replace(/-?typescript$/, '') ?? '';
  const formats: ModuleFormat[] = known === 'module' ? ['module'] : known === 'commonjs' ? ['commonjs'] : ['commonjs', 'module'];
  for (const [index, each] of formats.entries()) {
    try {
      const { edits, functions, without } = instrumentModule(running, each, url, id);
      if (sourceMaps) edits.push({ at: running.length, removed: '', insert: composedMapComment(url, running, edits) });
      return { format: each, edits: packed(edits), functions, without: [...without] };
    } catch (thrown) {
      if (index === formats.length - 1) throw thrown;
    }
  }
  throw new Error('unreachable: one format always answers or throws');
}

/** The text without its types, as it was when the entry was made: the differences turned round. */
function withoutTypesAs(source: string, { types }: Transformed): string {
  if (types === null) return source;
  const { numbers, removed, inserted } = types;
  return withEdits(source, { numbers, removed: inserted, inserted: removed });
}

/** Node's own type stripping: blanks types out, so that every position stays. */
function withoutTypes(typed: string): string {
  if (newerModule.stripTypeScriptTypes === undefined) throw new Error('this Node can not remove types');
  // The service runs TypeScript by its own choice; the warning about the function we call would be news to it.
  const emitWarning = process.emitWarning;
  process.emitWarning = () => undefined;
  try {
    return newerModule.stripTypeScriptTypes(typed);
  } finally {
    process.emitWarning = emitWarning;
  }
}
