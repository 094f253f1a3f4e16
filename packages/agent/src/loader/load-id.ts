/**
 * Names for loads. The same file gets the same name in every process, so that the instrumented text is the same and both caches (ours and V8's of compiled code)
 * know it; a file that is loaded again in one process gets a name of its own, because every load has slots of its own.
 */
import { createHash } from 'node:crypto';

const loads = new Map<string, number>();

export interface LoadName {
  /** An identifier that no name of the source starts with. */
  id: string;
  /** Whether it is the one that every process gives this text: what is made with it can be kept. */
  first: boolean;
}

export function nameLoad(url: string, source: string): LoadName {
  // Short, since it stands in every function; two files that share one are told apart by the order in which they are loaded.
  const hash = createHash('sha256').update(url).digest().readUInt32BE().toString(36);
  let id = `$k${hash}`;
  const before = loads.get(id) ?? 0;
  loads.set(id, before + 1);
  if (before > 0) id += `r${before}`;
  while (source.includes(id)) id += 'x';
  return { id, first: before === 0 };
}
