/** The journal's records, as they stand in its file: one JSON object a line. docs/journal.md describes them for other readers. */
import type { WireError } from './errors.ts';

interface RecordBase {
  /** 1, 2, 3 ... without a gap, across segments and restarts. */
  seq: number;
  /** ISO 8601, UTC. */
  time: string;
  /** SHA-256 (hex) of the previous line's bytes without its newline; 64 zeros for the first. */
  prev: string;
}

/** Who acted. */
export interface Actor {
  operator: string;
  fingerprint: string;
  session: string;
}

export type ChangeKind = 'eval' | 'set' | 'patch' | 'revert' | 'export';

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
  bootId: string;
  commit: string | null;
  cold?: ColdOrigin;
}

export interface SessionEntry extends Actor {
  kind: 'session';
  event: 'open' | 'close';
}

/** Durable before the effect. `request` is the operation's parameters as the operator sent them. */
export interface IntentEntry extends Actor {
  kind: ChangeKind;
  phase: 'intent';
  request: Record<string, unknown>;
}

/** Durable before the answer. `intent` is the seq of the intent it ends. */
export interface OutcomeEntry {
  kind: ChangeKind;
  phase: 'outcome';
  intent: number;
  status: 'done' | 'refused' | 'failed' | 'lost with the process';
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

/** A torn last line was cut off and kept in `file`. */
export interface RecoveredEntry {
  kind: 'recovered';
  bytes: number;
  sha256: string;
  file: string;
}

export type JournalDraft = StartEntry | SessionEntry | IntentEntry | OutcomeEntry | RefusalEntry | RecoveredEntry;
export type JournalEntry = RecordBase & JournalDraft;

/** What a verification found. `firstBroken` is the first line (its expected seq) that does not fit the chain. */
export interface JournalReport {
  ok: boolean;
  entries: number;
  /** SHA-256 of the last line, or null for an empty journal. */
  head: string | null;
  firstBroken?: { seq: number; file: string; line: number; why: string };
}

/** The state of the journal of a running agent. */
export interface JournalState {
  writable: boolean;
  why?: string;
  dir: string;
  entries: number;
  head: string | null;
}
