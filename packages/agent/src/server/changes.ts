/**
 * What is journaled: signed, written down, done, written down, answered, in this order. Nothing is answered that is not durable, and nothing is done that could not be written down
 * before; but undoing waits for nothing.
 */
import type { HostContext } from '../host/bridge.ts';
import type { Appended, Journal } from '../journal/index.ts';
import { KeyholeError, signedRequestOf, whatIsAsked } from '../protocol/index.ts';
import type {
  AskedChange,
  ChangeKind,
  IntentEntry,
  JournalDraft,
  News,
  OutcomeEntry,
  Params,
  PatchRecord,
  PatchResult,
  RescueEnd,
  Result,
  SessionEntry,
} from '../protocol/index.ts';
import type { Approvals } from './approvals.ts';
import { recordCounted } from './counted.ts';
import { summaryOf } from './outcomes.ts';
import type { ChangingOperation } from './outcomes.ts';
import { checkRequestSignature } from './request-signature.ts';
import type { Asked } from './request-signature.ts';
import type { OperatorSession } from './session.ts';

export interface ChangesParts {
  journal: Journal;
  approvals: Approvals;
  /** Something came about, or waits for somebody: every other operator who is attached hears of it. */
  announce: (session: OperatorSession, news: News) => void;
  /** Does it. */
  ask: (session: OperatorSession, request: number, op: ChangingOperation, params: unknown, context: Pick<HostContext, 'intent'>) => Promise<unknown>;
  /** Says on the service's stderr what no operator may be there to hear. */
  report: (what: string, message: string, hint: string) => void;
}

export class Changes {
  readonly #parts: ChangesParts;

  constructor(parts: ChangesParts) {
    this.#parts = parts;
  }

  /** @throws {KeyholeError} */
  async make(session: OperatorSession, kind: ChangeKind, asked: Asked): Promise<unknown> {
    const intent = this.#intentOf(session, kind, asked);
    this.#hearWitness(session, intent);
    const { request, op } = asked;
    if (op === 'approval.give') return this.#approve(session, intent);
    const result =
      op === 'patch.revert' ? await this.#revert(session, request, intent) : await this.#change(session, request, op as ChangingOperation, intent);
    this.#tellOthers(session, intent, result);
    return result;
  }

  /** That an operator was refused before anything was tried. */
  refused({ id, operator: { name, fingerprint } }: OperatorSession, op: string, why: string): void {
    this.record({ kind: 'refusal', why, op, operator: name, fingerprint, session: id });
  }

  /** What is worth a line, though nothing depends on it. */
  record(draft: JournalDraft): void {
    this.#parts.journal.append(draft).catch((thrown: unknown) => {
      this.#parts.report('journal', KeyholeError.from(thrown).message, 'Changes are refused until the journal can be written.');
    });
  }

  /** What is written before anything is done. @throws {KeyholeError} NOT_ALLOWED where the operator did not sign it. */
  #intentOf(session: OperatorSession, kind: ChangeKind, asked: Asked): IntentEntry {
    const { name: operator, fingerprint } = session.operator;
    try {
      const signed = checkRequestSignature(session, kind, asked);
      return { kind, phase: 'intent', op: asked.op, session: session.id, operator, fingerprint, request: asked.params, signed };
    } catch (thrown) {
      const why = KeyholeError.from(thrown).message;
      this.refused(session, asked.op, why);
      throw thrown;
    }
  }

  /** A console that remembers an entry which is not here is the one way to see that a journal was cut while nobody looked. */
  #hearWitness(session: OperatorSession, { operator, fingerprint, signed }: IntentEntry): void {
    const known = signed?.head ?? null;
    if (known === null) return;
    const here = this.#parts.journal.contradicts(known);
    if (here === undefined) return;
    this.record({ kind: 'witness', session: session.id, operator, fingerprint, known, here });
    this.#parts.report(
      'witness',
      `the journal was cut, rolled back or replaced: ${operator} has seen entry ${known.seq} with the hash ${known.hash}, which it does not hold`,
      'Compare it with its copies (sinks, exported segments) and find out who could write to its directory.',
    );
  }

  async #change(session: OperatorSession, request: number, op: ChangingOperation, intent: IntentEntry): Promise<unknown> {
    const { kind } = intent;
    const { seq, hash, time } = await this.#appendIntent(session, intent);
    const { name: operator, email, fingerprint } = session.operator;
    const commits = op === 'patch.apply' ? (intent.request as Partial<Params<'patch.apply'>>).commits : undefined;
    const who = { entry: seq, entryHash: hash, at: time, operator, email, fingerprint, ...(commits !== undefined && { commits }) };
    let result: unknown;
    try {
      const reviewed = await this.#reviewed(session, request, op, { intent, entry: seq, at: time });
      result =
        'refused' in reviewed ? reviewed.refused : await this.#parts.ask(session, request, op, intent.request, { intent: { ...who, ...reviewed } });
    } catch (thrown) {
      const error = KeyholeError.from(thrown);
      const outcome: OutcomeEntry = {
        kind,
        phase: 'outcome',
        intent: seq,
        status: ranAlready.has(error.code) ? 'failed' : 'refused',
        error: withoutTexts(error),
      };
      // Whether or not it can be recorded, the operator has to hear why it failed.
      await this.#parts.journal.append(outcome).catch((failure: unknown) => this.#oweOutcome(op, outcome, failure));
      throw error;
    }
    await this.#recordOutcome(session, request, op, { kind, phase: 'outcome', intent: seq, ...summaryOf(op, result) }, result);
    if (op === 'patch.apply' && intent.request['ifErrors'] !== undefined) {
      const ids = (result as PatchResult).patches.map(({ id }) => id);
      const live = async (): Promise<PatchRecord[]> => ((await this.#parts.ask(session, -1, 'patch.list', {}, {})) as Result<'patch.list'>).patches;
      recordCounted({ entry: seq, ids }, live, (counted) => this.record(counted));
    }
    return result;
  }

  /** Waits for other operators where that is the rule. What can not be done anyway is refused before anybody looks at it. */
  async #reviewed(
    session: OperatorSession,
    request: number,
    op: ChangingOperation,
    { intent, entry, at }: { intent: IntentEntry; entry: number; at: string },
  ): Promise<Pick<Intent, 'approvals' | 'breakGlass' | 'before'> | { refused: unknown }> {
    const { approvals, announce } = this.#parts;
    if (!approvals.isNeeded(op, intent.request)) return intent.request['breakGlass'] === true ? { breakGlass: true } : {};
    const judged = await this.#parts.ask(session, request, op, { ...intent.request, dryRun: true }, {});
    const expected = op === 'patch.apply' ? (judged as PatchResult) : null;
    if (expected?.ok === false) return { refused: { ...expected, dryRun: false, patches: [] } };
    if ((judged as { ok: boolean }).ok === false) return { refused: judged };
    const before = op === 'actor.set' ? (judged as Result<'actor.set'>).before : null;
    const asked = askedOf(session, intent);
    const approved = approvals.wait(session, { entry, at, asked, expected: expected?.patches ?? [], before });
    const { id, what, reason } = approvals.list().find((each) => each.entry === entry) ?? {};
    if (id !== undefined && what !== undefined && reason !== undefined) {
      const waiting = { id, operator: intent.operator, what, reason };
      session.tell('waiting', waiting);
      announce(session, { event: 'waiting', data: waiting });
    }
    return { approvals: await approved, ...(before !== null && { before }) };
  }

  /** The approval is durable before it counts. */
  async #approve(session: OperatorSession, intent: IntentEntry): Promise<Result<'approval.give'>> {
    const { id, digest } = intent.request as Params<'approval.give'>;
    const { seq } = await this.#appendIntent(session, intent);
    const outcome = { kind: 'approve', phase: 'outcome', intent: seq } as const;
    let count: ReturnType<Approvals['check']>;
    try {
      count = this.#parts.approvals.check(session, id, digest);
    } catch (thrown) {
      await this.#parts.journal.append({ ...outcome, status: 'refused', error: KeyholeError.from(thrown).toWire() });
      throw thrown;
    }
    await this.#parts.journal.append({ ...outcome, status: 'done', result: { id } });
    // The change may have gone away while that was written: it was approved all the same, and an intent has one outcome.
    return { ok: true, id, ...count(seq) };
  }

  /** Whoever is attached sees who changes what. */
  #tellOthers(session: OperatorSession, { kind, op, operator, request }: IntentEntry, result: unknown): void {
    const breakGlass = request['breakGlass'] === true;
    if (kind === 'rescue') {
      const [frame] = (result as RescueEnd).stack;
      const where = frame?.address ?? `${frame?.file ?? ''}:${frame?.line ?? ''}`;
      return this.#parts.announce(session, { event: 'changed', data: { operator, what: 'ended what hung in', patches: [where], breakGlass } });
    }
    if (kind === 'set') {
      const what = op === 'actor.restore' ? [`undo ${String(request['id'])}`] : whatIsAsked(op, request);
      return this.#parts.announce(session, { event: 'changed', data: { operator, what: 'changed an actor:', patches: what, breakGlass } });
    }
    if (kind !== 'patch' && kind !== 'revert' && kind !== 'confirm') return;
    const patches = ((result as Partial<PatchResult>).patches ?? []).map((each) =>
      typeof each === 'string' ? each : `${each.id} (${each.address})`,
    );
    if (patches.length === 0) return;
    const what = kind === 'patch' ? 'patched' : kind === 'revert' ? 'reverted' : 'confirmed';
    this.#parts.announce(session, { event: 'changed', data: { operator, what, patches, breakGlass } });
  }

  /** Undoing never waits for a disk: it is asked for at once, and what can not be written down now is written down later. */
  async #revert(session: OperatorSession, request: number, intent: IntentEntry): Promise<unknown> {
    const written = this.#appendIntent(session, intent).catch(() => null);
    const at = new Date().toISOString();
    let result: unknown;
    let failure: KeyholeError | null = null;
    try {
      result = await this.#parts.ask(session, request, 'patch.revert', intent.request, {});
    } catch (thrown) {
      failure = KeyholeError.from(thrown);
    }
    const ended: Pick<OutcomeEntry, 'result' | 'error'> & { status: 'done' | 'refused' | 'failed' } =
      failure === null
        ? summaryOf('patch.revert', result)
        : { status: ranAlready.has(failure.code) ? 'failed' : 'refused', error: withoutTexts(failure) };
    const appended = await written;
    if (appended === null) {
      // Behind the keys its signature needs, as everywhere.
      this.#parts.journal.owe(sessionEntry(session, 'continued'));
      this.#oweOutcome('patch.revert', { ...intent, phase: 'late', at, ...ended });
    } else {
      const outcome: OutcomeEntry = { kind: intent.kind, phase: 'outcome', intent: appended.seq, ...ended };
      await this.#parts.journal.append(outcome).catch((thrown: unknown) => this.#oweOutcome('patch.revert', outcome, thrown));
    }
    if (failure !== null) throw failure;
    return result;
  }

  /** Behind the keys its signature needs, in the same segment. @throws {KeyholeError} JOURNAL */
  async #appendIntent(session: OperatorSession, intent: IntentEntry): Promise<Appended> {
    let loginFirst = false;
    const appended = await this.#parts.journal.appendAll((segmentStart) => {
      loginFirst = session.loggedAt === null || session.loggedAt < segmentStart;
      return loginFirst ? [sessionEntry(session, session.loggedAt === null ? 'open' : 'continued'), intent] : [intent];
    });
    if (loginFirst) session.loggedAt = appended[0]?.seq ?? null;
    const last = appended.at(-1);
    if (last === undefined) throw new KeyholeError('INTERNAL', 'nothing was appended');
    return last;
  }

  /** The outcome is durable before the answer. A patch without a durable outcome is taken back. */
  async #recordOutcome(session: OperatorSession, request: number, op: ChangingOperation, outcome: OutcomeEntry, result: unknown): Promise<void> {
    try {
      await this.#parts.journal.append(outcome);
    } catch (thrown) {
      const error = KeyholeError.from(thrown);
      if (op === 'patch.apply') {
        const ids = (result as PatchResult).patches.map((patch) => patch.id);
        if (ids.length > 0) await this.#parts.ask(session, request, 'patch.revert', { ids, reason: 'its outcome could not be journaled' }, {});
        const { result: _, ...rest } = outcome;
        const takenBack = new KeyholeError('JOURNAL', `${error.message}; the patch was applied and has been taken back`, error.hint);
        this.#oweOutcome(op, { ...rest, status: 'failed', error: takenBack.toWire() }, thrown);
        throw takenBack;
      }
      this.#oweOutcome(op, outcome, thrown);
      throw new KeyholeError('JOURNAL', `${error.message}; ${op} was done, and its outcome is not recorded yet`, error.hint);
    }
  }

  /** It has happened; it stands in the journal as soon as that can be written. */
  #oweOutcome(op: string, draft: JournalDraft, failure?: unknown): void {
    this.#parts.journal.owe(draft);
    const why = failure === undefined ? '' : `: ${KeyholeError.from(failure).message}`;
    this.#parts.report(
      'journal',
      `${op} was done, and the journal could not record it yet${why}`,
      'Make room or repair the directory of the journal.',
    );
  }
}

type Intent = NonNullable<HostContext['intent']>;

/** Errors that come after the code has begun to run, or may have: not refusals. */
const ranAlready = new Set<string>(['INTERNAL', 'TIMEOUT', 'INTERRUPTED', 'EXIT', 'PATCH_FAILED', 'UNPROVEN', 'ACTOR_FAILED']);

/** The two texts of a stale base stand in the intent already. */
function withoutTexts(error: KeyholeError): ReturnType<KeyholeError['toWire']> {
  const { details: _, ...wire } = error.toWire();
  return wire;
}

/** All that the author's signature is over. */
function askedOf(session: OperatorSession, intent: IntentEntry): AskedChange {
  const asked = intent.signed === undefined ? null : signedRequestOf(intent, intent.signed, session.login);
  if (asked === null) throw new KeyholeError('INTERNAL', `${intent.op} waits for approval, and is not signed`);
  return asked;
}

export function sessionEntry(session: OperatorSession, event: 'open' | 'continued' | 'close'): SessionEntry {
  const { id, login, operator } = session;
  return { kind: 'session', event, session: id, operator: operator.name, fingerprint: operator.fingerprint, ...(event !== 'close' && { login }) };
}
