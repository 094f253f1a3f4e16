/** The journal's records, as they stand in its file: one JSON object a line. docs/journal.md describes them for other readers. */
import type { WireError } from './errors.ts';
import type { PatchRequest, StrategyName, Undone } from './patches.ts';

interface RecordBase {
  /** 1, 2, 3 ... without a gap, across segments and restarts. */
  seq: number;
  /** ISO 8601, UTC. */
  time: string;
  /** SHA-256 (hex) of the previous line's bytes without its newline; 64 zeros for the first. */
  prev: string;
  /** CRC-32 (8 hex digits) of the line's bytes before `,"crc":`; the last field of every line. */
  crc: string;
}

/** Who acted. */
export interface Actor {
  operator: string;
  fingerprint: string;
  session: string;
}

/** What operators ask for. */
export type ChangeKind = 'eval' | 'set' | 'patch' | 'revert' | 'export' | 'confirm' | 'shadow' | 'approve' | 'trace' | 'rescue';

/** A place in a journal: an entry's seq and the SHA-256 of its line. */
export interface JournalHead {
  seq: number;
  hash: string;
}

/** An agent that was brought into a running process from outside (`keyhole attach PID`). */
export interface ColdOrigin {
  /** The keys of whoever did it. */
  fingerprints: string[];
  /** Whose keys are let in: a file, or in words. */
  keys: string;
}

export interface StartEntry {
  kind: 'start';
  service: string;
  pid: number;
  node: string;
  /** The run of the agent's worker, which operators' signatures name. */
  bootId: string;
  /** The run of the process: the same in every `start` that a restarted worker writes. */
  run: string;
  commit: string | null;
  cold?: ColdOrigin;
}

/** What the operator's key signed at login; it names the session's own key, which signs what changes no code and no state by itself. */
export interface LoginProof {
  service: string;
  bootId: string;
  /** The operator's key: `ssh-ed25519 AAAA...` */
  publicKey: string;
  /** The certificate by which that key came in, where it is not in the operators file itself. */
  certificate?: string;
  /** The session's key, or null where the console has none. */
  sessionKey: string | null;
  /** Base64 of the SSHSIG (namespace `keyhole-auth`) of `publicKey` over `message`. */
  signature: string;
  message: string;
}

/** `continued`: the same session in a new segment, so that each segment holds the keys its signatures need. */
export interface SessionEntry extends Actor {
  kind: 'session';
  event: 'open' | 'continued' | 'close';
  login?: LoginProof;
}

/** The operator's signature over the request (see signing.ts for the bytes). The keys stand in the `login` of an earlier entry of the session in the same segment. */
export interface RequestProof {
  /** The request's number in its session; signed once only. */
  request: number;
  /** The last entry of this journal that the console knew of, or null. */
  head: JournalHead | null;
  /** Base64 of the SSHSIG (namespace `keyhole`). */
  signature: string;
  /** 32 hex digits; left out where the request was redacted. */
  nonce?: string;
  /** Where the request was redacted: SHA-512 (hex) of the bytes that were signed, which can no longer be made from the entry. */
  digest?: string;
}

/** Durable before the effect. `request` is the operation's parameters as the operator sent them, less what was redacted. */
export interface IntentEntry extends Actor {
  kind: ChangeKind;
  phase: 'intent';
  op: string;
  request: Record<string, unknown>;
  signed?: RequestProof;
}

/** Durable before the answer. `intent` is the seq of the intent it ends. */
export interface OutcomeEntry {
  kind: ChangeKind | 'replay';
  phase: 'outcome';
  intent: number;
  status: 'done' | 'refused' | 'failed' | 'lost with the process';
  result?: Record<string, unknown>;
  error?: WireError;
}

/** The agent took patches back by itself. Undoing never waits, so this follows the effect; `at` says when that was. */
export interface UndoneEntry extends Undone {
  kind: 'revert';
  phase: 'undone';
  by: 'agent';
}

/** One signed push, with all that proves it: as a hotfix file carries it, and the journal of whoever was started with that. */
export interface SignedPush {
  /** The seq and the hash of its entry there. */
  entry: number;
  entryHash: string;
  /** ISO 8601: when it was journaled. */
  at: string;
  operator: string;
  fingerprint: string;
  session: string;
  /** The parameters of `patch.apply`, as they were signed. */
  request: Record<string, unknown> & { patches: PatchRequest[]; reason: string; commits?: string[]; breakGlass?: boolean };
  signed: RequestProof & { nonce: string };
  login: LoginProof;
}

/**
 * The agent is about to put a patch of an earlier process into effect again, as soon as its file is loaded. Its outcome says what came of it ({@link ReplayResult}); where the file is never
 * loaded there is none.
 */
export interface ReplayEntry {
  kind: 'replay';
  phase: 'due';
  by: 'agent';
  id: string;
  address: string;
  /** The entry of the push: of this journal, or of the one that the hotfix was exported from. */
  original: JournalHead;
  /** Where it came from a file: the SHA-256 of that, and all that the patch is made of. */
  hotfix?: { file: string; sha256: string; id: string; commit: string | null; pushes: SignedPush[] };
}

/** The result in the outcome of a replay. `why`: one sentence where it is not live. */
export interface ReplayResult {
  became: 'live' | 'landed' | 'superseded';
  id: string;
  address: string;
  strategy?: StrategyName;
  why?: string;
}

/** A patch of an earlier process, or one in a hotfix file, that the agent does not put into effect again. */
export interface NotReplayedEntry {
  kind: 'replay';
  phase: 'refused';
  by: 'agent';
  id: string;
  address: string;
  original: JournalHead;
  why: string;
  /** Where it came from a file. */
  hotfix?: { file: string; sha256: string };
  /** It will not be tried at a later start either. */
  forGood?: true;
}

/** The process has lived on for a while after patches were put into effect again: they did not end it. */
export interface StoodEntry {
  kind: 'replay';
  phase: 'stood';
  by: 'agent';
}

/** The errors of a push (`ifErrors`) were counted to the end, and these patches of it are live still. Without this a patch is taken for one on trial when its process ends. */
export interface CountedEntry {
  kind: 'confirm';
  phase: 'stood';
  by: 'agent';
  /** The seq of the push. */
  entry: number;
  patches: string[];
}

/** A revert that was done while the journal could not be written, and was written down when it could. */
export interface LateEntry extends Actor {
  kind: ChangeKind;
  phase: 'late';
  op: string;
  request: Record<string, unknown>;
  signed?: RequestProof;
  /** When it was done. */
  at: string;
  status: 'done' | 'refused' | 'failed';
  result?: Record<string, unknown>;
  error?: WireError;
}

/** Somebody was refused before anything was tried. */
export interface RefusalEntry {
  kind: 'refusal';
  why: string;
  op?: string;
  operator?: string;
  fingerprint?: string;
  session?: string;
}

/** An operator's console remembers an entry that this journal does not have: it was cut, rolled back or replaced. */
export interface WitnessEntry extends Actor {
  kind: 'witness';
  /** What the console remembers. */
  known: JournalHead;
  /** The hash of that entry here, or null where there is none. */
  here: string | null;
}

/** A torn last line was cut off and kept in `file`. */
export interface RecoveredEntry {
  kind: 'recovered';
  bytes: number;
  sha256: string;
  file: string;
}

/** The last line of a segment that was full: there has to be a next one. */
export interface RotatedEntry {
  kind: 'rotated';
  next: string;
}

/** The first line of every segment but the first. */
export interface SegmentEntry {
  kind: 'segment';
  /** Intents that have no outcome yet: seq and kind. */
  open: { seq: number; kind: OutcomeEntry['kind'] }[];
  /** Where the segment before could not be written any more: why, and how many of its bytes count. What may lie behind them was never acknowledged. */
  gap?: { why: string; file: string; size: number };
}

/** Whole segments were removed, oldest first, all of whose patches had been exported or reverted. */
export interface CheckpointEntry {
  kind: 'checkpoint';
  /** In order; `last` is the last entry of each: what is left follows one of them. */
  removed: { file: string; bytes: number; sha256: string; last: JournalHead }[];
}

export type JournalDraft =
  | StartEntry
  | SessionEntry
  | IntentEntry
  | OutcomeEntry
  | LateEntry
  | UndoneEntry
  | ReplayEntry
  | NotReplayedEntry
  | StoodEntry
  | CountedEntry
  | RefusalEntry
  | WitnessEntry
  | RecoveredEntry
  | RotatedEntry
  | SegmentEntry
  | CheckpointEntry;
export type JournalEntry = RecordBase & JournalDraft;

/** What a verification found. */
export interface JournalReport {
  ok: boolean;
  /** Entries that are there and were checked. */
  entries: number;
  /** The seq of the first of them: more than 1 where a checkpoint says that what came before was removed. */
  first: number;
  /** SHA-256 of the last line, or null for an empty journal. */
  head: string | null;
  /** Operators' signatures that were checked, and the keys that made them. Null where they were not asked for. */
  signatures: { checked: number; redacted: number; unsigned: number; operators: { operator: string; fingerprint: string }[] } | null;
  /** The first line (its expected seq) that does not fit. */
  firstBroken?: { seq: number; file: string; line: number; why: string };
}

/** Which entries `journal.read` gives. */
export interface JournalFilter {
  operator?: string;
  /** Changes of functions whose address starts so. */
  address?: string;
  kind?: string;
  /** ISO 8601. */
  since?: string;
  until?: string;
}

/** Where entries go besides the journal: never waited for. */
export interface SinkState {
  name: string;
  /** Entries that it has not taken yet. */
  lag: number;
  /** Why it lags. */
  why?: string;
}

/** The state of the journal of a running agent. */
export interface JournalState {
  writable: boolean;
  why?: string;
  dir: string;
  entries: number;
  head: string | null;
  sinks: SinkState[];
}
