/** From what Node loaded to what it should run: text in, instrumented text and its record out. Reads only a source map beside the file. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import remapping from '@jridgewell/remapping';
import { newerModule } from '../platform/module-hooks.ts';
import { inlineMap, mapCommentOf } from '../source/index.ts';
import type { ModuleFormat } from '../source/index.ts';
import type { LoadRecord } from './slot-table.ts';
import { instrumentModule } from './transform.ts';

export interface InstrumentedText {
  text: string;
  format: ModuleFormat;
  record: LoadRecord;
}

/**
 * Instruments one file.
 * @param format as Node's load hook names it; null where Node would find out from the text.
 * @throws where the text does not parse or its types can not be removed; the file is then loaded as it is.
 */
export function instrumentText(url: string, source: string, format: string | null, sourceMaps: boolean): InstrumentedText {
  const typed = format?.endsWith('typescript') === true ? source : null;
  const running = typed === null ? source : withoutTypes(typed);
  const known = format?.replace(/-?typescript$/, '') ?? '';
  const formats: ModuleFormat[] = known === 'module' ? ['module'] : known === 'commonjs' ? ['commonjs'] : ['commonjs', 'module'];
  for (const [index, each] of formats.entries()) {
    try {
      const { text, prefix, without } = instrumentModule(running, each, url, url);
      const map = mapOf(url, running);
      const record: LoadRecord = { url, format: each, running, typed, map, prefix, without: [...without] };
      return { text: text.toString() + composedMap(text, map, sourceMaps), format: each, record };
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

/** The source map that a text names, as JSON text, or null. Reads the disk where the map is a file. */
export function mapOf(url: string, source: string): string | null {
  const comment = mapCommentOf(source);
  if (comment === null) return null;
  if (comment.startsWith('data:')) return inlineMap(comment);
  try {
    const place = new URL(comment, url);
    if (place.protocol !== 'file:') return null;
    const json = readFileSync(fileURLToPath(place), 'utf8');
    return new URL('.', place).href === new URL('.', url).href ? json : rebased(json, place);
  } catch {
    // A map that is missing or broken is as good as none: addresses then name the running file.
    return null;
  }
}

/** A map from another folder with its sources made absolute, so that it can be read beside the module. */
function rebased(json: string, place: URL): string {
  const map = JSON.parse(json) as { sources?: (string | null)[]; sourceRoot?: string };
  const root = map.sourceRoot === undefined || map.sourceRoot === '' ? '' : map.sourceRoot.replace(/\/?$/, '/');
  const sources = (map.sources ?? []).map((source) => (source === null ? null : new URL(root + source, place).href));
  return JSON.stringify({ ...map, sourceRoot: '', sources });
}

/** Where stack traces go through maps, the slots' characters must not move them: the file's map is composed with ours. */
function composedMap(
  text: { generateMap(options: { hires: 'boundary'; source: string }): unknown },
  map: string | null,
  sourceMaps: boolean,
): string {
  if (!sourceMaps || map === null) return '';
  const ours = JSON.stringify(text.generateMap({ hires: 'boundary', source: 'running.js' }));
  const composed = remapping(ours, (file) => (file === 'running.js' ? map : null));
  return `\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(composed.toString()).toString('base64')}`;
}
