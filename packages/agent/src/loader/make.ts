/** What the transform makes of one text. It brings the parser with it, so it is loaded for the first file that the cache does not know. */
import { newerModule } from '../platform/module-hooks.ts';
import type { ModuleFormat } from '../source/index.ts';
import type { Transformed } from './cache.ts';
import { composedMapComment } from './composed-map.ts';
import { differences, packed, withEdits } from './edits.ts';
import { instrumentModule } from './transform.ts';

export interface Making {
  url: string;
  source: string;
  /** As Node's load hook names it; null where Node would find out from the text. */
  format: string | null;
  /** Of this load. */
  id: string;
  sourceMaps: boolean;
}

/** @throws where the text does not parse or its types can not be removed. */
export function make({ url, source, format, id, sourceMaps }: Making): Transformed {
  const typed = format?.endsWith('typescript') === true;
  const running = typed ? withoutTypes(source) : source;
  const made = transform(url, running, format, id, sourceMaps);
  return { ...made, types: typed ? packed(differences(running, source)) : null };
}

function transform(url: string, running: string, format: string | null, id: string, sourceMaps: boolean): Omit<Transformed, 'types'> {
  const known = format?.replace(/-?typescript$/, '') ?? '';
  const formats: ModuleFormat[] = known === 'module' ? ['module'] : known === 'commonjs' ? ['commonjs'] : ['commonjs', 'module'];
  for (const [index, each] of formats.entries()) {
    try {
      const { edits, functions, without } = instrumentModule(running, each, url, id);
      if (sourceMaps) edits.push({ at: running.length, removed: '', insert: composedMapComment(url, running, edits) });
      const { numbers, removed, inserted } = packed(edits);
      const text = withEdits(running, { numbers, removed, inserted });
      return { id, format: each, text, edits: { numbers, removed }, functions, without: [...without] };
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
