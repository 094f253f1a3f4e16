/**
 * The one table of error codes. The same codes cross the wire, reach scripts through `--json` and stand in docs/errors.md.
 * A code says what kind of thing went wrong; `message` says to what; `hint` says what to do about it.
 */
export const errorTable = {
  BAD_REQUEST: { exitCode: 2, doc: 'The request names an unknown operation or has a parameter of the wrong shape.' },
  USAGE: { exitCode: 2, doc: 'The command line names an unknown option or lacks an argument.' },
  NO_TARGET: { exitCode: 3, doc: 'No agent answers to that name, process id, path or address.' },
  UNREACHABLE: { exitCode: 3, doc: 'The agent is announced, but no connection can be made, or the connection was lost.' },
  NOT_ATTACHABLE: { exitCode: 3, doc: 'No agent can be brought into that process from outside; the message says why and what would help.' },
  HOST_KEY: {
    exitCode: 3,
    doc: 'The agent did not prove to be the one it should be: its host key is new, changed or not proven, or its certificate does not fit.',
  },
  NOT_ALLOWED: { exitCode: 4, doc: 'The key is not one of the operators, or the operator lacks the capability.' },
  BAD_FRAME: { exitCode: 1, doc: 'A frame breaks the protocol or one of its bounds; the connection is closed.' },
  TOO_LARGE: { exitCode: 1, doc: 'An answer or a request is larger than its bound.' },
  BUSY: { exitCode: 1, doc: 'Too many requests of this session wait for the process.' },
  NOT_APPROVED: { exitCode: 4, doc: 'The change waited for other operators, and not enough of them approved it.' },
  TIMEOUT: { exitCode: 1, doc: 'The process did not answer in time, or an evaluation ran past its limit.' },
  INTERRUPTED: { exitCode: 1, doc: 'The operator interrupted the evaluation.' },
  EXIT: { exitCode: 4, doc: 'The evaluation would have ended the process. It ran up to there; ending the process so takes the role admin.' },
  NOT_FOUND: { exitCode: 1, doc: 'No such actor, file, function, patch or handle.' },
  AMBIGUOUS: { exitCode: 1, doc: 'The name stands for several things; the message lists them.' },
  SYNTAX: { exitCode: 1, doc: 'The new text does not parse; the message has file, line and caret.' },
  ACTOR_FAILED: { exitCode: 1, doc: 'The actor threw when it was sent a message, suspended or resumed. What it had done until then stays.' },
  STALE_BASE: { exitCode: 1, doc: 'The running text of the function is not the one that was edited; the details hold both.' },
  NOT_PATCHABLE: { exitCode: 1, doc: 'No strategy can make this change; the message says why and what would help.' },
  PAUSE_BUDGET: { exitCode: 1, doc: 'The change would stop the process longer than --max-pause allows.' },
  UNPROVEN: { exitCode: 1, doc: 'The change was applied but its effect could not be proven; it was undone.' },
  PATCH_FAILED: { exitCode: 1, doc: 'Applying failed half-way; what had been applied was undone.' },
  SIDE_EFFECT: { exitCode: 1, doc: 'The expression would change something, and --safe forbids that.' },
  NOT_HANGING: { exitCode: 1, doc: 'The main thread answers: there is no execution to end.' },
  NO_RESCUE: { exitCode: 1, doc: 'What holds the main thread can not be ended without harm; the message says why. Nothing was ended.' },
  HEAP_FULL: { exitCode: 1, doc: 'The heap of the service is nearly full, and what was asked for takes more of it; --insist does it all the same.' },
  JOURNAL: { exitCode: 5, doc: 'The journal is broken or can not be written; changes are refused until it can.' },
  HOTFIX: { exitCode: 1, doc: 'A hotfix file is none, or what it holds is not what an operator signed.' },
  GIT: { exitCode: 1, doc: 'git refused, or the repository does not hold what the process runs.' },
  INTERNAL: { exitCode: 1, doc: 'A bug of Keyhole. The service was not touched.' },
} as const satisfies Record<string, { exitCode: 1 | 2 | 3 | 4 | 5; doc: string }>;

export type ErrorCode = keyof typeof errorTable;

/** An error as it crosses the wire. */
export interface WireError {
  code: ErrorCode;
  message: string;
  hint?: string;
  /** Structured extras, e.g. `{ expected, actual }` of STALE_BASE or `{ refused }` of NOT_PATCHABLE. */
  details?: Record<string, unknown>;
}

/** Every error Keyhole throws on purpose: a code of the table, what happened to what, and what to do. */
export class KeyholeError extends Error {
  override readonly name = 'KeyholeError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Record<string, unknown> | undefined;

  constructor(code: ErrorCode, message: string, hint?: string, details?: Record<string, unknown>) {
    super(message);
    this.code = code;
    this.hint = hint;
    this.details = details;
  }

  /** The exit code a command ends with when this error reaches the top. */
  get exitCode(): number {
    return errorTable[this.code].exitCode;
  }

  toWire(): WireError {
    const wire: WireError = { code: this.code, message: this.message };
    if (this.hint !== undefined) wire.hint = this.hint;
    if (this.details !== undefined) wire.details = this.details;
    return wire;
  }

  static fromWire(wire: WireError): KeyholeError {
    const code = Object.hasOwn(errorTable, wire.code) ? wire.code : 'INTERNAL';
    return new KeyholeError(code, wire.message, wire.hint, wire.details);
  }

  /** By what it is: a loader of the service's may have made a second copy of this file, with a class of its own. */
  static override [Symbol.hasInstance](value: unknown): value is KeyholeError {
    if (!Error.prototype.isPrototypeOf(value as object)) return false;
    const { name, code } = value as KeyholeError;
    return name === 'KeyholeError' && Object.hasOwn(errorTable, code);
  }

  /** Any thrown value as a KeyholeError; what is not one of ours becomes INTERNAL. */
  static from(thrown: unknown): KeyholeError {
    if (thrown instanceof KeyholeError) return thrown;
    return new KeyholeError('INTERNAL', thrown instanceof Error ? thrown.message : String(thrown));
  }
}
