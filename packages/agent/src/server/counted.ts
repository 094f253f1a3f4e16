/** A push whose errors are counted is on trial for a minute. That it stood has to be written down: when the process ends, nobody else could tell. */
import { limits } from '../protocol/index.ts';
import type { CountedEntry } from '../protocol/index.ts';

/** The host's clock decides; it is asked when it has, for certain. */
const graceMs = 1_000;

export interface CountedPush {
  /** The seq of its intent. */
  entry: number;
  ids: readonly string[];
}

/** @param live asks which patches are live. */
export function recordCounted(
  { entry, ids }: CountedPush,
  live: () => Promise<readonly { id: string }[]>,
  record: (counted: CountedEntry) => void,
  afterMs = limits.errorWatchMs + graceMs,
): void {
  const look = async (): Promise<void> => {
    const now = await live();
    const patches = ids.filter((id) => now.some((each) => each.id === id));
    if (patches.length > 0) record({ kind: 'confirm', phase: 'stood', by: 'agent', entry, patches });
  };
  // Where the host does not answer nothing is known, and nothing is said.
  setTimeout(() => void look().catch(() => undefined), afterMs).unref();
}
