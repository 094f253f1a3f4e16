/**
 * Names for loads. The same file gets the same name in every process, so that the instrumented text is the same and both caches (ours and V8's of compiled code)
 * know it; a file that is loaded again in one process gets a name of its own, because every load has slots of its own.
 */

const loads = new Map<string, number>();

/** What all loads of a file have in common. Short, since it stands in every function; two files that share one are told apart by the order in which they are loaded. */
export const loadName = (url: string): string => `$k${hashOf(url)}`;

export const loadsBefore = (name: string): number => loads.get(name) ?? 0;

/** @returns the identifier of one more load: no name of the source starts with it. */
export function nameLoad(name: string, source: string): string {
  const before = loadsBefore(name);
  countLoad(name);
  let id = before > 0 ? `${name}r${before}` : name;
  while (source.includes(id)) id += 'x';
  return id;
}

export const countLoad = (name: string): void => void loads.set(name, loadsBefore(name) + 1);

/** 32 bits in few characters, for names only (FNV-1a): a collision must do no harm. Node's hashes cost a process some milliseconds before the first one. */
export function hashOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return (hash >>> 0).toString(36);
}
