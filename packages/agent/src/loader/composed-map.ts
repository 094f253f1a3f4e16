/** The source map of an instrumented text, for where stack traces go through maps. */
import remapping from '@jridgewell/remapping';
import MagicString from 'magic-string';
import type { Edit } from './edits.ts';
import { mapOf } from './maps.ts';

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
