/**
 * Functions of compiled code as their author counts and names them. Compilers rename, wrap and move what they compile, and add functions of their own, some under the author's names (the
 * getters of a CommonJS export). What the source map says of single words is the author's name; nothing is guessed.
 */
import type { AuthorNames, FunctionEntry } from './functions.ts';
import type { MappedPlace, PlaceMap } from './source-map.ts';
import type { SyntaxNode } from './syntax.ts';
import { lineStarts, lineTable } from './syntax.ts';

const word = /[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/uy;
/** What stands before the name in the author's text where the name itself has no mapping of its own. */
const beforeName = /(?:(?:export|default|async|function|class)\b\s*|\*\s*)*/y;
const declarators: ReadonlySet<string> = new Set(['const', 'let', 'var', 'enum', 'abstract', 'extends', 'implements']);

/** Where a compiled text comes from, node by node. */
export class Authorship implements AuthorNames {
  readonly #map: PlaceMap;
  readonly #contentOf: (source: string) => string | null;
  readonly #lineAt: (offset: number) => number;
  readonly #starts: readonly number[];
  readonly #lines = new Map<string, string[] | null>();

  /** @param contentOf the text of an author's file, where somebody knows more than the map. */
  constructor(text: string, map: PlaceMap, contentOf: (source: string) => string | null = (source) => map.contentOf(source)) {
    this.#map = map;
    this.#contentOf = contentOf;
    this.#lineAt = lineTable(text);
    this.#starts = lineStarts(text);
  }

  /** The author's place of a function, or null for code that no author wrote. */
  placeOf(entry: FunctionEntry): MappedPlace | null {
    return this.#map.toAuthor(this.#lineAt(entry.start), this.#columnOf(entry.start));
  }

  /** What the map says of exactly this offset. */
  exactly(offset: number): ReturnType<PlaceMap['exactly']> {
    return this.#map.exactly(this.#lineAt(offset), this.#columnOf(offset));
  }

  of(node: SyntaxNode): string | null {
    const place = this.exactly(node.start);
    if (place === null) return null;
    // `names` hold what the compiler's last step saw, which may be a name that an earlier one had made.
    return this.#wordAt(place) ?? place.name;
  }

  #wordAt({ source, line, column }: MappedPlace): string | null {
    let lines = this.#lines.get(source);
    if (lines === undefined) {
      lines = this.#contentOf(source)?.split('\n') ?? null;
      this.#lines.set(source, lines);
    }
    const text = lines?.[line - 1];
    if (text === undefined) return null;
    const hash = text[column] === '#' ? '#' : '';
    beforeName.lastIndex = column + hash.length;
    const opening = beforeName.exec(text)?.[0] ?? '';
    word.lastIndex = column + hash.length + opening.length;
    const found = word.exec(text)?.[0];
    if (/\bdefault\b/.test(opening) && (found === undefined || !/\b(?:function|class)\b/.test(opening))) return 'default';
    return found === undefined || declarators.has(found) ? null : hash + found;
  }

  /** Not by looking back for the line's start: a minified line may be as long as the file, and is asked for tens of thousands of places. */
  #columnOf(offset: number): number {
    return offset - (this.#starts[this.#lineAt(offset) - 1] ?? 0);
  }
}

export interface AuthoredFunction {
  path: string;
  place: MappedPlace;
}

/**
 * Paths as the author counts them: among functions of one name in one file, those that the map does not know are not the author's, and do not count.
 * @param functions indexed with the author's names.
 */
export function authoredPaths(functions: readonly FunctionEntry[], authorship: Authorship): Map<FunctionEntry, AuthoredFunction> {
  const authored = new Map<FunctionEntry, AuthoredFunction>();
  const namesakes = new Map<string, { entry: FunctionEntry; place: MappedPlace }[]>();
  for (const entry of functions) {
    const place = authorship.placeOf(entry);
    if (place === null) continue;
    const name = entry.path.replace(/~\d+$/, '');
    if (name === '') authored.set(entry, { path: '', place });
    else {
      const key = `${place.source}\n${name}`;
      namesakes.set(key, [...(namesakes.get(key) ?? []), { entry, place }]);
    }
  }
  for (const [key, found] of namesakes) {
    const name = key.slice(key.indexOf('\n') + 1);
    const mapped = found.length === 1 ? [] : found.filter(({ entry }) => authorship.exactly(entry.start) !== null);
    // A map that knows none of them is too coarse to tell.
    const counted = (mapped.length === 0 ? found : mapped).sort((a, b) => a.place.line - b.place.line || a.place.column - b.place.column);
    for (const [index, { entry, place }] of counted.entries()) authored.set(entry, { path: index === 0 ? name : `${name}~${index + 1}`, place });
  }
  return authored;
}
