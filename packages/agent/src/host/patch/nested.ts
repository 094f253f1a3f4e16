/** Which function nested in a new text stands for which nested in the loaded one: by name, or by order where neither has one. */
import type { FunctionEntry } from '../../source/index.ts';

export interface NestedPairs {
  /** Index in the module -> index in the new text. */
  pairs: [number, number][];
  /** Functions of the module that the new text still makes, but not recognizably. */
  detached: Set<number>;
}

export function pairNested(loaded: readonly FunctionEntry[], loadedAt: number, renewed: readonly FunctionEntry[], renewedAt: number): NestedPairs {
  const pairs: [number, number][] = [];
  const detached = new Set<number>();
  pair(loadedAt, renewedAt);
  return { pairs, detached };

  function pair(oldAt: number, newAt: number): void {
    const olds = directlyIn(loaded, oldAt);
    const news = directlyIn(renewed, newAt);
    const namedNews = new Map(news.filter((at) => renewed[at]?.path !== '').map((at) => [nameWithin(renewed, at, newAt), at]));
    const namelessOlds = olds.filter((at) => loaded[at]?.path === '');
    const namelessNews = news.filter((at) => renewed[at]?.path === '');
    for (const old of olds) {
      const nameless = namelessOlds.indexOf(old);
      const match =
        nameless === -1
          ? namedNews.get(nameWithin(loaded, old, oldAt))
          : namelessOlds.length === namelessNews.length
            ? namelessNews[nameless]
            : undefined;
      if (match !== undefined) {
        pairs.push([old, match]);
        pair(old, match);
      } else if (nameless !== -1 && namelessNews.length > 0) {
        detach(old);
      }
    }
  }

  function detach(at: number): void {
    detached.add(at);
    for (const below of directlyIn(loaded, at)) detach(below);
  }
}

function directlyIn(entries: readonly FunctionEntry[], at: number): number[] {
  const parent = entries[at];
  return [...entries.keys()].filter((index) => entries[index]?.parent === parent);
}

/** The path below the enclosing function: the rest of both paths is their surroundings. */
function nameWithin(entries: readonly FunctionEntry[], at: number, around: number): string {
  const path = entries[at]?.path ?? '';
  let parent = entries[around] ?? null;
  while (parent !== null && parent.path === '') parent = parent.parent;
  // `~2` counts functions of one name in the whole file: the number is not the same in a text alone.
  const prefix = (parent?.path ?? '').replace(/~\d+$/, '');
  return prefix !== '' && path.startsWith(`${prefix}.`) ? path.slice(prefix.length + 1) : path;
}
