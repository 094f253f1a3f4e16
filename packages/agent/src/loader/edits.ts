/** Changes to a text as a list that can be stored, made and taken back: what the cache keeps, and how the loaded text is told from the running one. */

export interface Edit {
  /** Offset in the text before any edit. */
  at: number;
  removed: string;
  insert: string;
}

/** What a transform does to a text. */
export interface EditableText {
  insert(at: number, text: string): void;
  replace(start: number, end: number, text: string): void;
}

export class EditList implements EditableText {
  readonly #source: string;
  readonly #edits: Edit[] = [];

  constructor(source: string) {
    this.#source = source;
  }

  insert(at: number, text: string): void {
    this.#edits.push({ at, removed: '', insert: text });
  }

  replace(start: number, end: number, text: string): void {
    this.#edits.push({ at: start, removed: this.#source.slice(start, end), insert: text });
  }

  /** In the order of the text; those of one place in the order in which they were made. */
  sorted(): Edit[] {
    return this.#edits.toSorted((a, b) => a.at - b.at);
  }
}

/** Makes sorted edits. */
export function withEdits(source: string, edits: readonly Edit[]): string {
  const parts: string[] = [];
  let from = 0;
  for (const { at, removed, insert } of edits) {
    parts.push(source.slice(from, at), insert);
    from = at + removed.length;
  }
  parts.push(source.slice(from));
  return parts.join('');
}

/** Takes sorted edits back. */
export function withoutEdits(text: string, edits: readonly Edit[]): string {
  const parts: string[] = [];
  let from = 0;
  let shift = 0;
  for (const { at, removed, insert } of edits) {
    parts.push(text.slice(from, at + shift), removed);
    from = at + shift + insert.length;
    shift += insert.length - removed.length;
  }
  parts.push(text.slice(from));
  return parts.join('');
}

/** The edits that make `to` of a text of the same length. */
export function differences(from: string, to: string): Edit[] {
  const edits: Edit[] = [];
  for (let at = 0; at < from.length; at += 1) {
    if (from.charCodeAt(at) === to.charCodeAt(at)) continue;
    let end = at + 1;
    // Short equal stretches (a blank between two words of a type) are not worth an edit of their own.
    for (let same = 0, next = end; same < 8 && next < from.length; next += 1) {
      if (from.charCodeAt(next) === to.charCodeAt(next)) same += 1;
      else {
        same = 0;
        end = next + 1;
      }
    }
    edits.push({ at, removed: from.slice(at, end), insert: to.slice(at, end) });
    at = end;
  }
  return edits;
}
