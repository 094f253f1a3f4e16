/** Source maps of loaded files: read when somebody asks, because most files of a service are never asked about. */
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import remapping from '@jridgewell/remapping';
import MagicString from 'magic-string';
import { inlineMap, mapCommentOf } from '../source/index.ts';
import type { Edit } from './edits.ts';

/**
 * The source map that a text names, as JSON text, or null.
 * @param loadedAtMs a map file that was written later belongs to another text than the one that was loaded, and counts as none.
 */
export function mapOf(url: string, source: string, loadedAtMs = Infinity): string | null {
  const comment = mapCommentOf(source);
  if (comment === null) return null;
  if (comment.startsWith('data:')) return inlineMap(comment);
  try {
    const place = new URL(comment, url);
    if (place.protocol !== 'file:') return null;
    const file = fileURLToPath(place);
    if (statSync(file).mtimeMs > loadedAtMs) return null;
    const json = readFileSync(file, 'utf8');
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

/** Where stack traces go through maps, the slots' characters must not move them: a comment with the file's map composed with ours. */
export function composedMapComment(url: string, source: string, edits: readonly Edit[]): string {
  const map = mapOf(url, source);
  if (map === null) return '';
  const text = new MagicString(source);
  for (const { at, removed, insert } of edits) {
    if (removed === '') text.appendLeft(at, insert);
    else text.overwrite(at, at + removed.length, insert);
  }
  const ours = JSON.stringify(text.generateMap({ hires: 'boundary', source: 'running.js' }));
  const composed = remapping(ours, (file) => (file === 'running.js' ? map : null));
  return `\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(composed.toString()).toString('base64')}`;
}
