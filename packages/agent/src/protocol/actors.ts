/** Actors as the wire shows them. */
import type { RemoteValue } from './values.ts';

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
