/** Where a text says that its source map is. */

/** The last `sourceMappingURL` comment of a text, or null. */
export function mapCommentOf(source: string): string | null {
  const at = source.lastIndexOf('sourceMappingURL=');
  if (at === -1) return null;
  const before = source.slice(Math.max(0, at - 4), at);
  if (!/[/*][/*][#@] ?$/.test(before)) return null;
  const match = /^[^\s'"*]+/.exec(source.slice(at + 'sourceMappingURL='.length));
  return match === null ? null : match[0];
}

/** The map inside a `data:` address as JSON text, or null where it is none. */
export function inlineMap(comment: string): string | null {
  const match = /^data:application\/json[^,]*?(;base64)?,(.*)$/s.exec(comment);
  if (match === null || match[2] === undefined) return null;
  if (match[1] === undefined) return decodeURIComponent(match[2]);
  return new TextDecoder().decode(Uint8Array.from(atob(match[2]), (character) => character.charCodeAt(0)));
}
