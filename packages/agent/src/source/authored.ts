/** Which of the functions of compiled code its author wrote: compilers add functions of their own, some under the author's names (the getters of a CommonJS export). */
import type { FunctionEntry } from './functions.ts';

/**
 * Paths as the author counts them: among functions of one name, those that the map does not know are not the author's, and do not count.
 * @param isMapped whether a mapping of the source map starts exactly where the function starts.
 * @returns the paths of the functions that have one; the others have no address.
 */
export function authoredPaths(functions: readonly FunctionEntry[], isMapped: (entry: FunctionEntry) => boolean): Map<FunctionEntry, string> {
  const paths = new Map<FunctionEntry, string>();
  const namesakes = new Map<string, FunctionEntry[]>();
  for (const entry of functions) {
    const name = entry.path.replace(/~\d+$/, '');
    if (name === '') paths.set(entry, '');
    else namesakes.set(name, [...(namesakes.get(name) ?? []), entry]);
  }
  for (const [name, entries] of namesakes) {
    const mapped = entries.length === 1 ? [] : entries.filter(isMapped);
    // A map that knows none of them is too coarse to tell.
    for (const [index, entry] of (mapped.length === 0 ? entries : mapped).entries()) paths.set(entry, index === 0 ? name : `${name}~${index + 1}`);
  }
  return paths;
}
