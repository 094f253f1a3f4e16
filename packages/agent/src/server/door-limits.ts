/**
 * Bounds of the door that whoever runs the service may set: one table with their defaults, the least and the most that make sense, and what happens at each. docs/limits.md is made of it.
 * What both sides of the wire have to agree on can be made smaller, never larger.
 */
import { limits } from '../protocol/limits.ts';
import type { ErrorCode } from '../protocol/errors.ts';

interface Bound {
  default: number;
  least: number;
  most: number;
  /** What a client gets that goes beyond it: an error code, or what is done to its connection. */
  answer: ErrorCode | 'HTTP 431' | 'HTTP 503' | 'cut' | 'waits';
  doc: string;
}

const day = 86_400_000;
const bound = (value: number, least: number, most: number, answer: Bound['answer'], doc: string): Bound => ({
  default: value,
  least,
  most,
  answer,
  doc,
});

export const doorBounds = {
  maxSessions: bound(limits.maxSessions, 1, 1_000, 'BUSY', 'operators who are attached at a time'),
  idleMs: bound(
    8 * 3_600_000,
    1_000,
    7 * day,
    'TIMEOUT',
    'a session that asks nothing for so long is ended; one that waits for an answer is not idle',
  ),
  maxPendingRequests: bound(
    limits.maxPendingRequests,
    1,
    1_000,
    'BUSY',
    'requests of one session that are under way; an interrupt goes through besides',
  ),
  maxLookMsPerSecond: bound(
    limits.maxLookMsPerSecond,
    1,
    1_000,
    'BUSY',
    'main-thread time that looking may take in all (what `view` and `inspect` allow, but for what states its pause first); beyond it requests wait their turn, up to 10 s',
  ),
  maxLookBurstMs: bound(
    limits.maxLookBurstMs,
    1,
    60_000,
    'waits',
    `what is saved up of that where nobody looks, spent at ${limits.lookPaceMsPerSecond} ms a second at most`,
  ),
  maxQueuedBytes: bound(16_777_216, 65_536, 1_073_741_824, 'cut', 'answers and news that wait for a console which does not read'),
  maxFrameBytes: bound(limits.maxFrameBytes, 65_536, limits.maxFrameBytes, 'TOO_LARGE', 'one message, with a proven key'),
  maxDepth: bound(limits.maxDepth, 8, limits.maxDepth, 'BAD_FRAME', 'levels of lists and maps in one message'),
  maxNodes: bound(
    limits.maxNodes,
    1_000,
    limits.maxNodes,
    'BAD_FRAME',
    'values in one message; a list that claims more than there are bytes is refused at once',
  ),
  maxEvaluationTimeoutMs: bound(
    limits.maxEvaluationTimeoutMs,
    1,
    limits.maxEvaluationTimeoutMs,
    'BAD_REQUEST',
    'the most that an evaluation may ask for (`--timeout`)',
  ),
  maxUnauthenticatedConnections: bound(
    limits.maxUnauthenticatedConnections,
    1,
    100,
    'waits',
    'connections without a proven key that are served at a time',
  ),
  maxWaitingConnections: bound(limits.maxWaitingConnections, 1, 1_000, 'HTTP 503', 'connections that wait for that'),
  maxWaitingOfOneSource: bound(limits.maxWaitingOfOneSource, 1, 1_000, 'HTTP 503', 'of these, of one address; the Unix socket counts as one'),
  requestTimeoutMs: bound(limits.requestTimeoutMs, 100, 60_000, 'cut', 'until the request is there, TLS included'),
  authTimeoutMs: bound(limits.authTimeoutMs, 100, 120_000, 'TIMEOUT', 'until a key is proven'),
  crowdedTimeoutMs: bound(limits.crowdedTimeoutMs, 50, 60_000, 'cut', 'the same, once somebody waits'),
  maxHeaderBytes: bound(limits.maxHeaderBytes, 1_024, 65_536, 'HTTP 431', 'line and headers of the request'),
  maxUnauthenticatedBytes: bound(limits.maxUnauthenticatedBytes, 8_192, 1_048_576, 'cut', 'all that a connection may send before a key is proven'),
  maxFailedAttempts: bound(limits.maxFailedAttempts, 1, 1_000, 'waits', 'attempts of one address that may fail at once'),
  failedAttemptsPerSecond: bound(limits.failedAttemptsPerSecond, 1, 1_000, 'waits', 'and how many more each second; its next connections wait'),
} satisfies Record<string, Bound>;

export type DoorLimits = Record<keyof typeof doorBounds, number>;

/** @throws {TypeError} naming the option, and what it may be. */
export function resolveLimits(options: Partial<DoorLimits> = {}): DoorLimits {
  if (typeof options !== 'object' || options === null) throw new TypeError('limits must be an object');
  for (const name of Object.keys(options))
    if (!Object.hasOwn(doorBounds, name)) throw new TypeError(`there is no option limits.${name}; there are ${Object.keys(doorBounds).join(', ')}`);
  const resolved = Object.entries(doorBounds).map(([name, { default: usual, least, most }]) => {
    const value: unknown = options[name as keyof DoorLimits] ?? usual;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
      throw new TypeError(`limits.${name} must be a whole number from ${least} to ${most}`);
    return [name, value];
  });
  return Object.fromEntries(resolved) as DoorLimits;
}
