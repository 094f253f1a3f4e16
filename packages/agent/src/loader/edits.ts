/** Changes to a text: made as a list, kept packed, so that the text before them can be had back from the text after them without keeping it. */

export interface Edit {
  /** Offset in the text before any edit. */
  at: number;
  removed: string;
  insert: string;
}

/** What a transform does to a text. */
export interface EditableText {
  insert(at: number, text: string): void;
  /** What ends something that began before: it comes before all other insertions at its place. */
  close(at: number, text: string): void;
  replace(start: number, end: number, text: string): void;
}

export class EditList implements EditableText {
  readonly #source: string;
  readonly #edits: Edit[] = [];
  readonly #closing = new Set<Edit>();

  constructor(source: string) {
    this.#source = source;
  }

  insert(at: number, text: string): void {
    this.#edits.push({ at, removed: '', insert: text });
  }

  close(at: number, text: string): void {
    const edit = { at, removed: '', insert: text };
    this.#closing.add(edit);
    this.#edits.push(edit);
  }

  replace(start: number, end: number, text: string): void {
    this.#edits.push({ at: start, removed: this.#source.slice(start, end), insert: text });
  }

  /** In the order of the text; those of one place in the order in which they were made. */
  sorted(): Edit[] {
    const rank = (edit: Edit): number => (this.#closing.has(edit) ? 0 : 1);
    return this.#edits.toSorted((a, b) => a.at - b.at || rank(a) - rank(b));
  }
}

/** Sorted edits as three numbers each (offset, characters removed, characters inserted) and the texts one after the other. */
export interface PackedEdits {
  numbers: Int32Array;
  removed: string;
  inserted: string;
}

export function packed(edits: readonly Edit[]): PackedEdits {
  const numbers = new Int32Array(edits.length * 3);
  for (const [index, { at, removed, insert }] of edits.entries()) numbers.set([at, removed.length, insert.length], index * 3);
  return { numbers, removed: edits.map((edit) => edit.removed).join(''), inserted: edits.map((edit) => edit.insert).join('') };
}

/** Makes the edits. */
export function withEdits(source: string, { numbers, inserted }: PackedEdits): string {
  const parts: string[] = [];
  let from = 0;
  let taken = 0;
  for (let index = 0; index < numbers.length; index += 3) {
    const [at = 0, removes = 0, inserts = 0] = [numbers[index], numbers[index + 1], numbers[index + 2]];
    parts.push(source.slice(from, at), inserted.slice(taken, taken + inserts));
    from = at + removes;
    taken += inserts;
  }
  parts.push(source.slice(from));
  return parts.join('');
}

/** Takes them back. What was inserted need not be known. */
export function withoutEdits(text: string, { numbers, removed }: { numbers: ArrayLike<number>; removed: string }): string {
  const parts: string[] = [];
  let from = 0;
  let shift = 0;
  let given = 0;
  for (let index = 0; index < numbers.length; index += 3) {
    const [at = 0, removes = 0, inserts = 0] = [numbers[index], numbers[index + 1], numbers[index + 2]];
    parts.push(text.slice(from, at + shift), removed.slice(given, given + removes));
    from = at + shift + inserts;
    given += removes;
    shift += inserts - removes;
  }
  parts.push(text.slice(from));
  return parts.join('');
}

/** Where an offset of the text after the edits was before them; what was inserted stands where it was put in. */
export function offsetWithoutEdits(offset: number, numbers: ArrayLike<number>): number {
  let shift = 0;
  for (let index = 0; index < numbers.length; index += 3) {
    const [at = 0, removes = 0, inserts = 0] = [numbers[index], numbers[index + 1], numbers[index + 2]];
    if (offset < at + shift) break;
    if (offset < at + shift + inserts) return at;
    shift += inserts - removes;
  }
  return offset - shift;
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
