/** The process as a whole: a main thread that hangs, as the wire shows it. */

/** One call that is under way, as its author names it. */
export interface StackFrame {
  /** `Cart.add`; empty where it has no name. */
  function: string;
  /** The author's file below the service's root, else a path or `node:...`; empty for code that came from no file. */
  file: string;
  /** From 1. */
  line: number;
  /** What `keyhole fn` and `push` take, where the function has an address. */
  address?: string;
}

/** `self`: the part of the samples that it was on top of, from 0 to 1. */
export interface HotFunction extends StackFrame {
  self: number;
  /** Where allocations were sampled: how many, on average. */
  bytes?: number;
}

/** `answers`: it takes its turns. `javascript`: it runs JavaScript that does not end. `native`: it is in a call that runs none. */
export type MainThreadState = 'answers' | 'javascript' | 'native';

export interface Rescue {
  state: MainThreadState;
  /** How long it has not come to a turn, at least; 0 where it answers. */
  blockedMs: number;
  /** The innermost call first; empty where none can be seen. */
  stack: StackFrame[];
  /** Where a short sample found it, the most frequent first. */
  hottest: HotFunction[];
  /** What the system knows of a main thread that runs no JavaScript. */
  native?: { asleep: boolean | null; children: { pid: number; command: string }[] };
}

/** `profile` is empty where only the hottest functions were asked for; else it is the JSON of a `.cpuprofile` or `.heapprofile`, with the author's names. `startMs`: how long starting took, which is the most that it can have held the main thread. */
export interface ProfileTaken {
  kind: 'cpu' | 'heap';
  profile: string;
  hottest: HotFunction[];
  startMs: number;
}

/** What became of an execution that was to be ended. */
export interface RescueEnd extends Rescue {
  /** It was ended, and the main thread has taken a turn since. False: it was told to end, and nothing has shown since that it did, or something else hangs now. */
  terminated: boolean;
}
