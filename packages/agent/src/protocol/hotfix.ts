/**
 * The hotfix file: patches that a container without a journal is started with (`keyhole export --format keyhole`, read by the agent at its start). It holds each push as its operator signed it, so
 * whoever carries the file can change nothing in it.
 */
import type { SignedPush } from './journal.ts';
import type { PatchRequest } from './patches.ts';

export interface HotfixPatch {
  id: string;
  address: string;
  /** The commit of the build it was pushed into, or null where it was not known. */
  commit: string | null;
  /**
   * The pushes it is made of, as places in {@link Hotfix.pushes}, oldest first: the last one is the patch itself, each one before it was what the next one replaced, and the first one began
   * with what was loaded.
   */
  pushes: number[];
}

export interface Hotfix {
  format: typeof hotfixFormat;
  version: 1;
  service: string;
  patches: HotfixPatch[];
  pushes: SignedPush[];
}

/** The bytes of the file. */
export function hotfixText(hotfix: Hotfix): string {
  return `${JSON.stringify(hotfix, null, 2)}\n`;
}

export const hotfixFormat = 'keyhole hotfix';

/** One patch of a hotfix file, put together from its pushes: from what was loaded to what shall run. */
export interface HotfixChange extends PatchRequest {
  id: string;
  commit: string | null;
  /** The push that is the patch. */
  push: SignedPush;
}
