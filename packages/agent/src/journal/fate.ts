/** One patch and what became of it so far, without its texts. */
import { hash } from 'node:crypto';
import type { Approval, PatchState, ReplayMark, StrategyName } from '../protocol/index.ts';

/** Where a line stands. */
export interface LinePlace {
  file: string;
  start: number;
  length: number;
}

/** An approval, with the digest of what it approves. */
export interface GivenApproval extends Approval {
  digest: string;
}

/** One patch, without its texts. */
export interface Fate {
  /** Of what the operator signed, and the address: the same patch in a journal and in a hotfix file has the same. */
  key: string;
  /** The line of {@link entry}, and that of the login its signature rests on. */
  place: LinePlace;
  login: LinePlace | null;
  id: string;
  address: string;
  /** The entry of the push; for a patch from a hotfix file that of its last replay. */
  entry: number;
  strategy: StrategyName;
  thread?: number;
  commit: string | null;
  /** The one whose text it began with and whose place it took: with it began what is now the way from the loaded code. */
  base: Fate | null;
  state: PatchState;
  since: string;
  why?: string;
  by?: string;
  replayed?: ReplayMark;
  /** Why it is never replayed, whatever happens later. */
  heldBack?: string;
  /** It could still be undone by itself: until somebody confirms it, and until its errors were counted (milliseconds since 1970). */
  trial: { confirmed: boolean; watchedUntil: number } | null;
  /** Digest of its code. */
  code: string;
  /** What was approved while it waited; of which of them it was is seen by what it signed. */
  approvals: readonly GivenApproval[];
}

/** Why a patch was on trial still when its process ended, or undefined. */
export function onTrial({ trial }: Fate, lastAt: string): string | undefined {
  if (trial === null) return undefined;
  if (!trial.confirmed) return 'it was on probation when its process ended';
  return Date.parse(lastAt) < trial.watchedUntil
    ? 'its errors were still being counted when its process ended, as far as the journal shows'
    : undefined;
}

export function settle(fate: Fate, state: PatchState, since: string, why?: string, by?: string): void {
  fate.state = state;
  fate.since = since;
  delete fate.why;
  delete fate.by;
  if (why !== undefined) fate.why = why;
  if (by !== undefined) fate.by = by;
}

/** It ended with its process. @param why it is not to come back, where it is not. */
export function hold(fate: Fate, why: string | undefined, since: string): void {
  settle(fate, 'lost', since, why);
  if (why !== undefined) fate.heldBack = why;
}

export function codeDigest(code: string): string {
  return hash('sha256', code);
}

/** Names a patch wherever it goes: what was signed, and the function. */
export function patchKey(signature: string, address: string): string {
  return hash('sha256', `${signature}\n${address}`);
}
