/**
 * From a request to its answer: checked, authorized, journaled, done, journaled, answered, in this order. It knows nothing of sockets.
 *
 *   intent (durable) -> host -> outcome (durable) -> answer
 */
import type { HostContext, HostOperation, HostResult } from '../host/bridge.ts';
import type { Appended, Journal } from '../journal/index.ts';
import { KeyholeError, checkRequest, examine } from '../protocol/index.ts';
import type { ChangeKind, Operation, OperationName, OutcomeEntry, Params, PatchResult, Result } from '../protocol/index.ts';
import type { BridgeClient } from './bridge-client.ts';
import { doorChecks } from './doctor.ts';
import type { Interrupter } from './interrupt.ts';
import type { OperatorSource } from './operators.ts';
import type { OperatorSession } from './session.ts';

export interface DispatcherParts {
  bridge: BridgeClient;
  journal: Journal;
  interrupter: Interrupter;
  operators: OperatorSource;
  /** How many patches are live has changed. */
  patchesChanged: (count: number) => void;
  /** Says on the service's stderr what no operator may be there to hear. */
  report: (what: string, message: string, hint: string) => void;
}

export class Dispatcher {
  readonly #parts: DispatcherParts;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
  }

  /** @throws {KeyholeError} */
  async dispatch(session: OperatorSession, request: number, op: string, params: unknown): Promise<unknown> {
    const { operation, name } = checkRequest(op, params);
    this.#authorize(session, name, operation);
    if (operation.where === 'door') return this.#atTheDoor(session, name, params as Record<string, unknown>);
    const hostOp = name as HostOperation;
    const isDryRun = name === 'patch.apply' && (params as Params<'patch.apply'>).dryRun === true;
    if (operation.journal === null || isDryRun) {
      const result = await this.#ask(session, request, hostOp, params, {});
      return this.#withOurPart(session, name, result);
    }
    return this.#change(session, request, hostOp, operation.journal, params as Record<string, unknown>);
  }

  #authorize(session: OperatorSession, name: OperationName, operation: Operation): void {
    const { operator } = session;
    if (operator.capabilities.includes(operation.capability)) return;
    this.#record({
      kind: 'refusal',
      why: `lacks ${operation.capability}`,
      op: name,
      operator: operator.name,
      fingerprint: operator.fingerprint,
      session: session.id,
    });
    throw new KeyholeError(
      'NOT_ALLOWED',
      `${operator.name} may not ${name}: it needs ${operation.capability}`,
      'Roles stand in the operators file of the service.',
    );
  }

  async #atTheDoor(session: OperatorSession, name: OperationName, params: Record<string, unknown>): Promise<unknown> {
    const { journal, interrupter } = this.#parts;
    switch (name) {
      case 'journal.read':
        return { entries: await journal.read(params) } satisfies Result<'journal.read'>;
      case 'journal.verify':
        return journal.verify();
      case 'interrupt': {
        const call = session.calls.get((params as Params<'interrupt'>).request);
        return { interrupted: call !== undefined && (await interrupter.interrupt(call)) } satisfies Result<'interrupt'>;
      }
      default:
        throw new KeyholeError('INTERNAL', `${name} has nobody who does it`);
    }
  }

  /** The door's share in what the host has answered. */
  #withOurPart({ operator }: OperatorSession, name: OperationName, result: unknown): unknown {
    const { journal, operators } = this.#parts;
    if (name === 'info') return { ...(result as HostResult<'info'>), journal: journal.state() } satisfies Result<'info'>;
    if (name !== 'doctor') return result;
    const { checks } = result as HostResult<'doctor'>;
    const ours = examine(doorChecks, { operator, operators, journal });
    return { time: new Date().toISOString(), checks: [...checks, ...ours] } satisfies Result<'doctor'>;
  }

  async #change(session: OperatorSession, request: number, op: HostOperation, kind: ChangeKind, params: Record<string, unknown>): Promise<unknown> {
    const { operator } = session;
    const who = { session: session.id, operator: operator.name, fingerprint: operator.fingerprint };
    let intent: Appended;
    try {
      intent = this.#parts.journal.append({ kind, phase: 'intent', ...who, request: params });
    } catch (thrown) {
      if (op !== 'patch.revert') throw thrown;
      // Undoing never waits for a disk.
      this.#parts.report(
        'journal',
        `${operator.name} reverted patches, and the journal could not record it`,
        'Repair the journal directory and restart the service.',
      );
      return this.#ask(session, request, op, params, {});
    }
    const { seq, hash, time } = intent;
    const context: Pick<HostContext, 'intent'> = {
      intent: { entry: seq, entryHash: hash, at: time, operator: operator.name, email: operator.email, fingerprint: operator.fingerprint },
    };
    let result: unknown;
    try {
      result = await this.#ask(session, request, op, params, context);
    } catch (thrown) {
      const error = KeyholeError.from(thrown);
      this.#record({ kind, phase: 'outcome', intent: seq, status: ranAlready.has(error.code) ? 'failed' : 'refused', error: withoutTexts(error) });
      throw error;
    }
    await this.#recordOutcome(session, request, op, { kind, phase: 'outcome', intent: seq, ...summaryOf(op, result) }, result);
    return result;
  }

  /** The outcome is durable before the answer. A patch without a durable outcome is taken back. */
  async #recordOutcome(session: OperatorSession, request: number, op: HostOperation, outcome: OutcomeEntry, result: unknown): Promise<void> {
    try {
      this.#parts.journal.append(outcome);
    } catch (thrown) {
      const error = KeyholeError.from(thrown);
      if (op === 'patch.apply') {
        const ids = (result as PatchResult).patches.map((patch) => patch.id);
        if (ids.length > 0) await this.#ask(session, request, 'patch.revert', { ids, reason: 'its outcome could not be journaled' }, {});
        throw new KeyholeError('JOURNAL', `${error.message}; the patch was applied and has been taken back`, error.hint);
      }
      if (op === 'evaluate')
        throw new KeyholeError('JOURNAL', `${error.message}; the evaluation was done, and its outcome is not recorded`, error.hint);
      this.#parts.report(
        'journal',
        `an outcome (${op}) could not be recorded: ${error.message}`,
        'Repair the journal directory and restart the service.',
      );
    }
  }

  async #ask(session: OperatorSession, request: number, op: HostOperation, params: unknown, context: Pick<HostContext, 'intent'>): Promise<unknown> {
    const { id, result } = this.#parts.bridge.call(op, params as Params<HostOperation>, { session: session.id, ...context });
    session.calls.set(request, id);
    try {
      const answer = await result;
      if (op === 'patch.apply' || op === 'patch.revert') await this.#countPatches(session);
      return answer;
    } finally {
      session.calls.delete(request);
    }
  }

  async #countPatches(session: OperatorSession): Promise<void> {
    const { patches } = await this.#parts.bridge.call('info', {}, { session: session.id }).result;
    this.#parts.patchesChanged(patches);
  }

  /** What is worth a line, though nothing depends on it. */
  #record(draft: Parameters<Journal['append']>[0]): void {
    try {
      this.#parts.journal.append(draft);
    } catch (thrown) {
      this.#parts.report(
        'journal',
        KeyholeError.from(thrown).message,
        'Changes are refused until the service is started with a journal that can be written.',
      );
    }
  }
}

/** Errors that come after the code has begun to run, or may have: not refusals. */
const ranAlready = new Set<string>(['INTERNAL', 'TIMEOUT', 'INTERRUPTED', 'PATCH_FAILED', 'UNPROVEN']);

/** Values of the service never go into the journal; what was done does. */
function summaryOf(op: HostOperation, result: unknown): Pick<OutcomeEntry, 'status' | 'result'> {
  if (op === 'evaluate') {
    const evaluated = result as Result<'evaluate'>;
    return evaluated.ok
      ? { status: 'done', result: { ok: true, type: evaluated.value.type } }
      : { status: 'done', result: { ok: false, error: evaluated.error.name } };
  }
  if (op === 'patch.export') {
    return { status: 'done', result: { patches: (result as Result<'patch.export'>).patches.map((patch) => patch.id) } };
  }
  const { ok, patches, refused } = result as PatchResult;
  return { status: ok ? 'done' : 'refused', result: { patches, refused } };
}

/** The two texts of a stale base stand in the intent already. */
function withoutTexts(error: KeyholeError): ReturnType<KeyholeError['toWire']> {
  const { details: _, ...wire } = error.toWire();
  return wire;
}
