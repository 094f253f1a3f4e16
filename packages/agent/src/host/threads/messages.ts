/**
 * What the main thread and the service's other threads say to each other. BroadcastChannels carry it: they need no port that somebody hands over, so neither `parentPort` nor
 * the service's own messages are touched, and unref'd they keep nothing alive. Structured clones only. They do not leave the process; code inside it could listen, but whoever
 * runs code there owns it anyway.
 */
import { BroadcastChannel } from 'node:worker_threads';
import type { PatchRecord, PatchRequest, PatchResult, WireError } from '../../protocol/index.ts';
import type { HostOperation, SentContext } from '../bridge.ts';
import type { Withdrawal } from '../patch/engine.ts';
import type { ThreadReplay } from './thread-replays.ts';

/** Where threads say that they are there. Once there is a thread, it and the main thread have a channel of their own. */
const callingChannel = 'keyhole.threads';

/** Key of the data that a worker gets from whoever starts it, before its first line runs. */
export const liveKey = 'keyhole.live';

/** A thread that computes for longer than this at a stretch does not answer; no change is made anywhere then. */
export const changeLimitMs = 5_000;

export interface ThreadIdentity {
  id: number;
  name: string;
}

/** What is said to everybody. */
export type Calling =
  /** A thread is ready. */
  | ({ t: 'hello' } & ThreadIdentity)
  /** A thread has started another one, which says hello itself if it was instrumented. */
  | { t: 'started'; id: number; parent: number }
  /** An agent has started: whoever is there already should say hello. */
  | { t: 'who' };

/** Operations between threads, beside those of the catalogue that one thread can do alone. */
export interface ThreadOperations {
  /** Compiles and judges what concerns this thread, and changes nothing. */
  'thread.plan': { params: { patches: PatchRequest[]; maxPauseMs?: number }; result: ThreadPlan };
  /** All of these, under these ids, or none. */
  'thread.apply': { params: ThreadChange; result: { result: PatchResult; records: PatchRecord[] } };
  /** Takes back what {@link ThreadOperations} `thread.apply` did: these ids go, these records come back. */
  'thread.restore': { params: { ids: string[]; records: PatchRecord[] }; result: { restored: true } };
  /** Reverts those of the ids that are live here; `alone`: only here, so what is live in the process does not bring them back. */
  'thread.revert': { params: { ids: string[]; reason: string; alone: boolean }; result: PatchResult };
  /** Takes those that are live here back to what was there before them. */
  'thread.withdraw': { params: { withdrawals: Withdrawal[] }; result: { withdrawn: true } };
  /** Live patches here, and why others that should be are not. */
  'thread.state': { params: { address?: string }; result: ThreadState };
  /** Those of its workers that run. */
  'thread.children': { params: Record<never, never>; result: { ids: number[] } };
}

export interface ThreadPlan {
  /** Addresses whose file this thread has loaded. */
  loaded: string[];
  result: PatchResult;
  /** What is live there now. */
  before: PatchRecord[];
}

export interface ThreadChange {
  patches: PatchRequest[];
  /** By address. */
  ids: Record<string, string>;
  reason: string;
  maxPauseMs?: number;
  /** How long a strategy may wait for a call of the service. */
  waitMs?: number;
  /** Only this thread gets it: what is live in the whole process does not come back over it. */
  alone: boolean;
}

export interface ThreadState {
  records: PatchRecord[];
  /** By address. */
  missing: { id: string; address: string; why: string }[];
  /** Whether it has loaded the file of the address that was asked for. */
  loaded: boolean;
}

export type ThreadOperation = keyof ThreadOperations | HostOperation;

export type ToThread =
  /** Not begun after `notAfterMs` (milliseconds since 1970): whoever asked has been told that there was no answer. */
  | { t: 'call'; id: number; op: ThreadOperation; params: object; context: SentContext; notAfterMs: number | null }
  | { t: 'forget'; session: string }
  | { t: 'interrupt'; call: number }
  /** All that is live in the whole process. */
  | { t: 'live'; records: PatchRecord[] };

export type FromThread =
  /** What became there of a patch that is put into effect again. */
  { t: 'replayed'; replay: ThreadReplay } | FromThreadAnswer;
export type FromThreadAnswer = { t: 'answer'; id: number; ok: true; result: unknown } | { t: 'answer'; id: number; ok: false; error: WireError };

export interface Channel<Sent> {
  post(message: Sent): void;
  close(): void;
}

export function openCalling(hear: (message: Calling) => void): Channel<Calling> {
  return open(callingChannel, hear);
}

/** The channel between the main thread and thread `id`; both ends call this. */
export function openChannel<Sent, Received>(id: number, hear: (message: Received) => void): Channel<Sent> {
  return open(`${callingChannel}.${id}`, hear);
}

function open<Sent, Received>(name: string, hear: (message: Received) => void): Channel<Sent> {
  const channel = new BroadcastChannel(name);
  channel.onmessage = (event) => hear((event as { data: Received }).data);
  // After the listener: listening takes hold of the event loop.
  channel.unref();
  return {
    post: (message) => channel.postMessage(message),
    close: () => channel.close(),
  };
}
