/** How a process is, at one moment, as the wire shows it. Memory in bytes, times in milliseconds. */

export interface Vitals {
  /** ISO 8601. */
  at: string;
  /** Since the process began. */
  uptimeMs: number;
  /** What counts or adds up below does so since this console asked last; at the first time, since the agent began to look. */
  sinceMs: number;
  eventLoop: {
    /** The part of the time in which it had something to do, from 0 to 1. */
    utilization: number;
    /** How much later than due a timer ran. */
    delayMs: { mean: number; p50: number; p99: number; max: number };
  };
  /** User and system time of all threads, as a part of one core: more than 1 where several are busy. */
  cpu: number;
  memory: {
    rss: number;
    heapUsed: number;
    heapLimit: number;
    /** The heap is nearly full: from `limits.fullHeapShare` of its limit on. */
    nearlyFull: boolean;
    external: number;
    arrayBuffers: number;
    spaces: { name: string; used: number }[];
  };
  gc: { count: number; major: number; ms: number };
  /** What keeps the event loop alive, by its kind. */
  resources: Record<string, number>;
  /** Registered actors; `top` are those with the longest mailboxes. */
  actors: { count: number; top: { id: string; type: string; mailbox: number | null }[] };
}
