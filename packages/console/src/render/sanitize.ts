/**
 * Makes any string safe to write to a terminal: whatever a terminal could take as a command, or a reader could not see, is shown as `\u{...}`.
 * The inspected data is hostile; util.inspect and stripVTControlCharacters both let control sequences through.
 */

// Cc is C0, DEL and C1; Cf holds the bidirectional and zero-width controls (by property, since hand-listed ranges miss some); Cs are lone surrogates.
// oxlint-disable-next-line no-misleading-character-class
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

export function sanitize(text: string): string {
  return text.replace(unsafe, (character) => (character === '\n' || character === '\t' ? character : visible(character)));
}

/** JSON text that is safe on a terminal and still the same document: JSON has escapes of its own for these. */
export function sanitizeJson(json: string): string {
  return json.replace(unsafe, (character) => {
    if (character === '\n' || character === '\t') return character;
    let escaped = '';
    for (let at = 0; at < character.length; at += 1) escaped += `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`;
    return escaped;
  });
}

function visible(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
