/** Source maps of loaded files: read when somebody asks, because most files of a service are never asked about. */
import { fileURLToPath } from 'node:url';
import { required } from '../platform/later.ts';
import { inlineMap, mapCommentOf } from '../source/map-comment.ts';

const { readFileSync, statSync } = required<typeof import('node:fs')>('node:fs');

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
