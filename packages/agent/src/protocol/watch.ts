/** Calls of a running service as an operator sees them, one after the other. Previews are taken at the call: what is shown is what was there. */
import type { RemoteValue } from './values.ts';

/** One call. `at`: when it began, milliseconds since 1970. */
export interface WatchedCall {
  t: 'call';
  /** Its place among all calls that were seen since the watch began, from 1. */
  number: number;
  at: number;
  address: string;
  args: RemoteValue[];
  /** Arguments that are not shown, since there are too many. */
  moreArgs?: number;
  /** `after`: the call was over when its arguments and `this` were looked at, since too many calls came in that second. */
  argsSeen?: 'after';
  self?: RemoteValue;
  /** Called with `new`. */
  constructed?: true;
  /** `closed`: whoever iterates a generator took no more of it. `unsettled`: the watch ended before the promise did. */
  how: 'returned' | 'threw' | 'resolved' | 'rejected' | 'closed' | 'unsettled';
  /** What it returned, threw, or settled with; nothing where there is none. */
  value?: RemoteValue;
  /** From its beginning to its end: for an async function to where its promise settles, for a generator to where it is done, its caller's time included. */
  ms: number;
  /** Of an async function: how long its first synchronous piece held the thread. */
  syncMs?: number;
  /** Who called, innermost first: `name file:line`. */
  stack?: string[];
  /** Calls since the last one that was shown which were not, since they came too fast. */
  missed?: number;
  /** Its number among the calls that this session has recorded. */
  recorded?: number;
}

/** Said first. */
export interface WatchStarted {
  t: 'started';
  functions: string[];
  /** Of a wildcard: what it does not reach, and why. */
  skipped: { address: string; why: string }[];
  /** Threads that have loaded the same file: their calls are not seen. */
  otherThreads: { id: number; name: string }[];
}

export type WatchItem = WatchStarted | WatchedCall;

/** Why a watch ended. */
export type WatchEnd =
  | 'limit'
  | 'time'
  /** The operator ended it. */
  | 'stopped'
  /** The console, its session, or the door is gone. */
  | 'gone'
  /** The operator may not trace any more. */
  | 'not allowed'
  /** It took more of the main thread than it may. */
  | 'budget'
  /** Of a logpoint: the function around it runs another text now, a patch, or its own one since it is watched. */
  | 'replaced'
  /** Of an actor that is followed: it has come to its end, or is gone. */
  | 'actor';

export interface WatchEnded {
  ended: WatchEnd;
  /** Milliseconds from start to end. */
  tookMs: number;
  /** What looking took of the main thread, in milliseconds, and its share of the time, in per cent. */
  spentMs: number;
  spentPercent: number;
}

export interface WatchResult extends WatchEnded {
  /** Calls by function: all that were seen, and of these the ones that were shown. */
  functions: { address: string; seen: number; shown: number }[];
  /** Calls that were not shown: they came too fast (`rate`), the console did not read as fast (`unread`), or nothing could be looked at, as at the end of the stack (`failed`). */
  missed: { rate: number; unread: number; failed: number };
  /** What was evaluated for `if` and failed; such a call is not shown. */
  conditionErrors: { calls: number; first?: string };
  /** Calls that had begun and were not over. */
  open: number;
}

/** One interval of a monitor. */
export interface MonitorInterval {
  t: 'interval';
  /** When it ended, milliseconds since 1970, and how long it was. */
  at: number;
  forMs: number;
  functions: MonitoredCalls[];
}

/** Of one function: calls that ended, those of them that threw or rejected, those that are open, and how long they took, in milliseconds; null where none ended. */
export interface MonitoredCalls {
  address: string;
  calls: number;
  failed: number;
  open: number;
  ms: { p50: number; p90: number; p99: number; max: number; mean: number } | null;
}

/** The whole time, as one interval. */
export interface MonitorResult extends WatchEnded {
  functions: MonitoredCalls[];
}

/** Who calls: each way to the function that was seen, most frequent first; `frames` innermost first. `others`: calls by ways beyond the bound. */
export interface StackResult extends WatchEnded {
  seen: number;
  looked: number;
  stacks: { frames: string[]; calls: number }[];
  others: number;
}

/** One call of a function, and what it called: functions that are looked at, in the order of their first call, each with its level below the first. */
export interface CallTree {
  t: 'tree';
  number: number;
  at: number;
  nodes: TreeNode[];
  /** Calls of functions below that found no place in the tree. */
  left?: number;
  /** Calls of the function since the last tree that were not looked at. */
  missed?: number;
}

/** Calls of one function from the same place of the tree, taken together. `selfMs`: less what those below it took; for what runs side by side that says little. */
export interface TreeNode {
  level: number;
  address: string;
  calls: number;
  failed: number;
  ms: number;
  selfMs: number;
}

export interface TraceResult extends WatchEnded {
  seen: number;
  shown: number;
  missed: { rate: number; unread: number };
  open: number;
}

/** Said first by a logpoint. */
export interface LogpointStarted {
  t: 'started';
  /** Where it stands: the function around each place, `file:line` as the author knows it, and where that is in the code that runs. */
  places: { address: string | null; file: string; line: number; running: string }[];
  /** How long the process stood still for it. */
  pauseMs: number;
  otherThreads: { id: number; name: string }[];
}

/** One time that the line was reached. */
export interface LogpointHit {
  t: 'hit';
  /** Its place among all that were seen, from 1. */
  number: number;
  at: number;
  address: string | null;
  /** What the expression gave, or in words why it gave nothing. */
  value?: RemoteValue;
  error?: string;
  stack?: string[];
  /** Times since the last one that was shown which were not, since they came too fast. */
  missed?: number;
}

export interface LogpointResult extends WatchEnded {
  seen: number;
  shown: number;
  missed: { rate: number; unread: number };
}

/** A recorded call, and the same one done again. `text`: which text ran: `loaded`, the id of a patch that is live, or `edited` for one that is not applied. */
export interface ReplayedCall {
  address: string;
  text: string;
  before: { how: WatchedCall['how']; value: RemoteValue };
  now: { how: 'returned' | 'threw' | 'resolved' | 'rejected'; value: RemoteValue };
  ms: number;
}
