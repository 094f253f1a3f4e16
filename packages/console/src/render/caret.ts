/** The place of a syntax error: file, line, the line itself and a caret below. */

/** `line` counts from 1, `column` from 0, as acorn counts. */
export function caretAt(source: string, place: { file: string; line: number; column: number }): string {
  const text = source.split('\n')[place.line - 1] ?? '';
  // A tab stays a tab, so that the caret stands where the terminal puts the character.
  const lead = text.slice(0, place.column).replace(/[^\t]/g, ' ');
  return `${place.file}:${place.line}:${place.column + 1}\n  ${text}\n  ${lead}^`;
}
