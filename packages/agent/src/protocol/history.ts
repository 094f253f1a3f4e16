/** What became of every patch that a journal knows, also of those of earlier processes. */
import type { PatchRecord } from './patches.ts';

/**
 * - `live`: in effect in the process that runs.
 * - `reverted`: an operator took it back. `undone`: the agent did (nobody confirmed it, or its calls failed).
 * - `replaced`: a later patch of the same function took its place; see `by`.
 * - `lost`: it ended with its process, and this one runs without it.
 * - `superseded`: this process was started with `replay`, and its function is another one now than the one that was patched.
 * - `landed`: a build was started that holds it. It is never replayed again.
 */
export type PatchState = 'live' | 'reverted' | 'undone' | 'replaced' | 'lost' | 'superseded' | 'landed';

/** Its base texts are those that were loaded, also where it replaced an earlier patch. `entry` and `entryHash` are those of the push that the operator signed. */
export interface HistoricPatch extends Omit<PatchRecord, 'trial'> {
  /** The build it was pushed into, as far as that was known. */
  commit: string | null;
  /** It was pushed into this thread of the service alone. */
  thread?: number;
  state: PatchState;
  /** ISO 8601: when it came to be so. */
  since: string;
  /** One sentence, where the state alone does not say it: why it was not replayed, for instance. */
  why?: string;
  /** `replaced`: the id of the patch that took its place. */
  by?: string;
}
