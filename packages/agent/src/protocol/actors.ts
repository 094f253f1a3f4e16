/** Actors as the wire shows them. */
import type { RemoteValue } from './values.ts';
import type { WatchEnded } from './watch.ts';

/** What can be done with an actor, apart from looking: `subscribe` tells of each change by itself. */
export type ActorPower = 'suspend' | 'send' | 'subscribe';

export interface ListedActor {
  id: string;
  type: string;
  /** How many messages wait; null where nobody can tell. */
  mailbox: number | null;
  /** The first of these, oldest first. */
  head?: RemoteValue[];
  state?: RemoteValue;
  /** Why there is no state. */
  error?: string;
  /** The adapter that found it. */
  from?: string;
  /** The id of the actor that it belongs to. */
  parent?: string;
  can?: ActorPower[];
  suspended?: true;
}

/** Said first: what is followed, and how. */
export interface FollowStarted {
  t: 'started';
  actor: string;
  type: string;
  /** `told`: it is subscribed to; `looked at`: every `everyMs` milliseconds, 0 otherwise. */
  how: 'told' | 'looked at';
  everyMs: number;
  state: RemoteValue;
  mailbox: number | null;
  /** Why there is no state. */
  error?: string;
}

/** What it shows now, which is another than before. `at`: milliseconds since 1970. */
export interface FollowChange {
  t: 'change';
  number: number;
  at: number;
  state: RemoteValue;
  mailbox: number | null;
  /** It changed as often since the last look, where it told of each. */
  changes?: number;
  error?: string;
}

/** `seen`: changes that were told, or looks that showed one; `shown`: those that were said. */
export interface FollowResult extends WatchEnded {
  seen: number;
  shown: number;
  missed: { unread: number };
}
