/** What a command is: its words and options, and a function from them to a result. The command line and the REPL run the same ones. */
import { KeyholeError } from '@keyhole/agent/protocol';
import type { Connection } from '../client/connection.ts';
import { duration } from '../render/duration.ts';
import type { Terminal } from '../render/terminal.ts';
import type { Text } from '../render/text.ts';

export interface OptionDefinition {
  /** As commander reads it: `-r, --reason <why>`. */
  flags: string;
  doc: string;
}

export interface CommandDefinition {
  /** One word, or two for a command of a group (`journal verify`). */
  name: string;
  summary: string;
  /** `agent`: the first word names one. `directory`: that, or a directory. `none`: needs no agent. */
  target: 'agent' | 'directory' | 'none';
  /** The words after the target, as the help shows them: `EXPR`, `[TYPE]`, `[PATH...]`. */
  words: string[];
  /** How many of the words must be there; with fewer words than that and one, the target was left out. */
  required: (flags: Flags) => number;
  options: OptionDefinition[];
  /** The last word is an expression: the REPL takes it as it stands, with its blanks and quotes. */
  verbatim?: boolean;
  run(context: CommandContext, args: CommandArguments): Promise<Outcome>;
}

export type Flags = Record<string, unknown>;
export interface CommandArguments {
  /** Null where it was left out. */
  target: string | null;
  words: string[];
  flags: Flags;
}

export interface Outcome {
  /** What `--json` prints; undefined where it was all printed already. */
  json: unknown;
  text: Text;
  /** The bytes for another program, where the text is such a document (a diff, mails). */
  exact?: string;
  exitCode?: number;
}

export interface CommandContext {
  /** The connection to the target, made when it is first asked for. */
  connect(): Promise<Connection>;
  /** To every process of a cluster, where the target is one. */
  connectAll(): Promise<Connection[]>;
  /** The session goes on after the command, as in the REPL. */
  attached: boolean;
  /** Another one, to the same target; whoever asks closes it. */
  dial(): Promise<Connection>;
  terminal: Terminal;
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Somebody sits at a terminal and can be asked. */
  interactive: boolean;
  /** One line of the operator's. */
  ask(question: string): Promise<string>;
  /** Runs something that takes the terminal for itself, such as an editor. */
  handOver<T>(work: () => Promise<T>): Promise<T>;
  timeoutMs: number | undefined;
  signal: AbortSignal;
}

export function textFlag(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === 'string' ? value : undefined;
}

/** @throws {KeyholeError} USAGE naming the option */
export function countFlag(flags: Flags, name: string, least: number, most: number, option = `--${name}`): number | undefined {
  const value = textFlag(flags, name);
  if (value === undefined) return undefined;
  const count = Number(value);
  if (!/^\d+$/.test(value) || count < least || count > most) {
    throw new KeyholeError('USAGE', `${option} takes a whole number from ${least} to ${most}, not ${value}`);
  }
  return count;
}

/** @throws {KeyholeError} USAGE naming the word */
export function countWord(name: string, value: string, least: number, most: number): number {
  const count = Number(value);
  if (/^\d+$/.test(value) && count >= least && count <= most) return count;
  throw new KeyholeError('USAGE', `${name} is a whole number from ${least} to ${most}, not ${value}`);
}

/** A moment: ISO 8601, or `90s`, `15m`, `24h`, `7d` ago. @throws {KeyholeError} USAGE naming the option */
export function momentFlag(flags: Flags, name: string): string | undefined {
  const value = textFlag(flags, name);
  if (value === undefined) return undefined;
  const [, number, unit] = /^(\d{1,6})([smhd])$/.exec(value) ?? [];
  const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit ?? ''];
  const at = number !== undefined && unitMs !== undefined ? Date.now() - Number(number) * unitMs : /^\d{4}-/.test(value) ? Date.parse(value) : NaN;
  if (Number.isNaN(at)) throw new KeyholeError('USAGE', `--${name} takes a time such as 2026-01-31T12:00:00Z, or 15m, 24h, 7d ago, not ${value}`);
  return new Date(at).toISOString();
}

/** `500ms`, `90s`, `5m`, `2h`; a bare number counts in `bareUnitMs`. */
export function durationMs(option: string, value: string, bareUnitMs: number): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(value) ?? [];
  if (number === undefined) throw new KeyholeError('USAGE', `${option} takes a time such as 500ms, 5s, 5m or 2h, not ${value}`);
  const unitMs = unit === 'ms' ? 1 : unit === 's' ? 1_000 : unit === 'm' ? 60_000 : unit === 'h' ? 3_600_000 : bareUnitMs;
  return Math.round(Number(number) * unitMs);
}

/**
 * A time within bounds; a bare number counts seconds.
 * @throws {KeyholeError} USAGE naming the option
 */
export function durationFlag(flags: Flags, name: string, option: string, leastMs: number, mostMs: number): number | undefined {
  const value = textFlag(flags, name);
  if (value === undefined) return undefined;
  const ms = durationMs(option, value, 1_000);
  if (ms < leastMs || ms > mostMs)
    throw new KeyholeError('USAGE', `${option} takes a time from ${duration(leastMs)} to ${duration(mostMs)}, not ${value}`);
  return ms;
}

export const reasonOption: OptionDefinition = { flags: '-r, --reason <why>', doc: 'why, for the journal and the commit message' };

/** The reason, asked for where somebody is there to answer. */
export async function reasonFor(context: CommandContext, flags: Flags): Promise<string> {
  const given = textFlag(flags, 'reason') ?? (context.interactive ? await context.ask('Reason: ') : '');
  if (given.trim() === '') {
    throw new KeyholeError('USAGE', 'a change needs a reason', 'Give one with --reason; it goes to the journal and into the commit message');
  }
  return given;
}
