/** Changes that wait for a second operator, and who is attached. */
import type { AppliedPatch, Approval, PatchRequest } from './patches.ts';
import type { SignedRequest } from './signing.ts';

/** A change that waits until enough others have approved it. */
export interface WaitingChange {
  /** `w` and hex digits made from what is asked: the same in all processes of a cluster. */
  id: string;
  /** The seq of its intent in the journal. */
  entry: number;
  operator: string;
  fingerprint: string;
  /** The functions it patches, or the actor and what is done to it; no values. */
  what: string[];
  reason: string;
  /** ISO 8601. */
  at: string;
  /** How many must approve, and who has. */
  needed: number;
  approvals: Approval[];
  /** How long it still waits, in milliseconds; then it is refused. */
  leftMs: number;
  /** What its patches would do, as far as that could be told when it was asked for. */
  expected: AppliedPatch[];
}

/** Everything that its author signed: whoever approves makes the digest of it, from what was shown. */
export type AskedChange = Omit<SignedRequest, 'params'> & { params: Record<string, unknown> };

/** One operator who is attached. */
export interface AttachedOperator {
  session: string;
  operator: string;
  fingerprint: string;
  /** An IP address, or `local`. */
  from: string;
  /** ISO 8601. */
  since: string;
  /** This very session. */
  you: boolean;
}

/** News that every attached operator hears, but for the one who did it. `silent`: the main thread does not answer; `answering`: it does again. */
export type News =
  | { event: 'silent' | 'answering'; data: { blockedMs: number } }
  | { event: 'waiting'; data: { id: string; operator: string; what: string[]; reason: string } }
  | { event: 'changed'; data: { operator: string; what: string; patches: string[]; breakGlass: boolean } };

/** What a change is about: the addresses of functions, or an actor and what is done to it. Everybody who is attached may see it, so it holds no value of the service's. */
export function whatIsAsked(op: string, params: Record<string, unknown>): string[] {
  const { patches, actor, path } = params as { patches?: readonly PatchRequest[]; actor?: string; path?: string };
  if (patches !== undefined) return patches.map(({ address }) => (op === 'patch.shadow' ? `shadow ${address}` : address));
  const done = op.slice(op.indexOf('.') + 1);
  return [[done, actor, path].filter((word) => word !== undefined).join(' ')];
}
