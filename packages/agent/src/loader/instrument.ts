/** From what Node loaded to what it should run: text in, instrumented text and its record out. */
import { newerModule } from '../platform/module-hooks.ts';
import type { ModuleFormat } from '../source/index.ts';
import { differences, withEdits } from './edits.ts';
import { loadId } from './load-id.ts';
import { composedMapComment } from './maps.ts';
import type { LoadRecord } from './slot-table.ts';
import { instrumentModule } from './transform.ts';

/**
 * Instruments one file.
 * @param format as Node's load hook names it; null where Node would find out from the text.
 * @throws where the text does not parse or its types can not be removed; the file is then loaded as it is.
 */
export function instrumentText(url: string, source: string, format: string | null, sourceMaps: boolean): LoadRecord {
  const typed = format?.endsWith('typescript') === true;
  const running = typed ? withoutTypes(source) : source;
  const known = format?.replace(/-?typescript$/, '') ?? '';
  const formats: ModuleFormat[] = known === 'module' ? ['module'] : known === 'commonjs' ? ['commonjs'] : ['commonjs', 'module'];
  const id = loadId(url, running);
  for (const [index, each] of formats.entries()) {
    try {
      const { edits, functions, without } = instrumentModule(running, each, url, id);
      if (sourceMaps) edits.push({ at: running.length, removed: '', insert: composedMapComment(url, running, edits) });
      return {
        id,
        url,
        format: each,
        text: withEdits(running, edits),
        edits,
        types: typed ? differences(running, source) : null,
        functions,
        without: [...without],
        loadedAtMs: Date.now(),
      };
    } catch (thrown) {
      if (index === formats.length - 1) throw thrown;
    }
  }
  throw new Error('unreachable: one format always answers or throws');
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
