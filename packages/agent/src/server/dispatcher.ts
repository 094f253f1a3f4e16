/**
 * From a request to its answer: checked, authorized, journaled, done, journaled, answered, in this order. It knows nothing of sockets.
 *
 *   intent (durable) -> host -> outcome (durable) -> answer
 */
import { createHash } from 'node:crypto';
import type { HostContext, HostOperation, HostResult } from '../host/bridge.ts';
import type { StreamEnd } from '../host/call-stream.ts';
import { historyPage, hotfixOf } from '../journal/index.ts';
import type { Journal } from '../journal/index.ts';
import { KeyholeError, catalogue, checkRequest, examine, hotfixText } from '../protocol/index.ts';
import type { Capability, HistoricPatch, News, Operation, OperationName, Params, RequestSignature, Result } from '../protocol/index.ts';
import type { Approvals } from './approvals.ts';
import type { BridgeClient } from './bridge-client.ts';
import { Changes } from './changes.ts';
import { doorChecks } from './doctor.ts';
import type { HostKey } from './host-key.ts';
import type { Interrupter } from './interrupt.ts';
import type { LookBudget } from './look-budget.ts';
import { emailFor, OperatorsFile } from './operators.ts';
import type { OperatorSource } from './operators.ts';
import type { PolicyFile } from './policy.ts';
import type { Places } from './rescue/places.ts';
import type { Profiler } from './rescue/profiler.ts';
import type { Rescuer } from './rescue/rescuer.ts';
import type { OperatorSession } from './session.ts';

export interface DispatcherParts {
  build: { service: string; root: string; commit: string | null };
  bridge: BridgeClient;
  journal: Journal;
  interrupter: Interrupter;
  rescuer: Rescuer;
  profiler: Profiler;
  places: Places;
  operators: OperatorSource;
  hostKey: HostKey;
  approvals: Approvals;
  policy: PolicyFile;
  /** What looking may take of the main thread. */
  looks: LookBudget;
  sessions: ReadonlySet<OperatorSession>;
  announce: (session: OperatorSession, news: News) => void;
  /** How many patches are live has changed. */
  patchesChanged: (count: number) => void;
  /** Says on the service's stderr what no operator may be there to hear. */
  report: (what: string, message: string, hint: string) => void;
}

/** What changes nothing and takes time of the main thread that nobody has agreed to. */
const isLook = ({ where, capability, journal, streams, pauses }: Operation): boolean =>
  where === 'host' && journal === null && streams !== true && pauses !== true && (capability === 'view' || capability === 'inspect');

export class Dispatcher {
  readonly #parts: DispatcherParts;

  readonly #changes: Changes;
  readonly #operators: OperatorsFile;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
    this.#operators = new OperatorsFile(parts.operators);
    const { journal, report, approvals, announce, rescuer } = parts;
    this.#changes = new Changes({
      journal,
      report,
      approvals,
      announce,
      ask: async (session, request, op, params, context) => {
        if (op === 'rescue.end') return rescuer.end();
        if (op === 'patch.hotfix') return this.#hotfix(params as Params<'patch.hotfix'>);
        const past = op === 'patch.export' ? await this.#past(params as Params<'patch.export'>) : {};
        const answer = await this.#ask(session, request, op, params, context);
        return op === 'patch.export' ? { ...(answer as Result<'patch.export'>), ...past } : answer;
      },
    });
  }

  /** @throws {KeyholeError} */
  async dispatch(session: OperatorSession, request: number, op: string, params: unknown, signed?: RequestSignature): Promise<unknown> {
    const { operation, name } = checkRequest(op, params);
    this.#demand(session, name, operation.capability);
    this.#holdToPolicy(session, name, params as Record<string, unknown>);
    if (operation.where === 'door' && operation.journal === null) return this.#atTheDoor(session, name, params as Record<string, unknown>);
    const hostOp = name as HostOperation;
    // A parameter of that name is there only where nothing is changed by it.
    const isDryRun = (params as { dryRun?: boolean }).dryRun === true;
    if (operation.journal === null || isDryRun) {
      const result = await (isLook(operation) ? this.#look(session, request, hostOp, params) : this.#ask(session, request, hostOp, params, {}));
      return this.#withOurPart(session, name, result);
    }
    return this.#changes.make(session, operation.journal, { request, op, params: params as Record<string, unknown>, signed });
  }

  #demand(session: OperatorSession, name: OperationName, capability: Capability): void {
    const { operator } = session;
    if (operator.capabilities.includes(capability)) return;
    this.#changes.refused(session, name, `lacks ${capability}`);
    throw new KeyholeError(
      'NOT_ALLOWED',
      `${operator.name} may not ${name}: it needs ${capability}`,
      'Roles stand in the operators file of the service.',
    );
  }

  #holdToPolicy(session: OperatorSession, op: OperationName, params: Record<string, unknown>): void {
    try {
      this.#parts.policy.check(session.operator.name, op, params);
    } catch (thrown) {
      this.#changes.refused(session, op, KeyholeError.from(thrown).message);
      throw thrown;
    }
  }

  async #atTheDoor(session: OperatorSession, name: OperationName, params: Record<string, unknown>): Promise<unknown> {
    const { journal, interrupter, build } = this.#parts;
    switch (name) {
      case 'journal.read':
        return (await journal.read(params)) satisfies Result<'journal.read'>;
      case 'journal.line': {
        const { line, login, removed } = journal.line((params as Params<'journal.line'>).seq);
        return { line: line?.toString('utf8') ?? null, login: login?.toString('utf8') ?? null, removed } satisfies Result<'journal.line'>;
      }
      case 'journal.verify': {
        const { seq, hash, signatures } = params as Params<'journal.verify'>;
        const against = hash === undefined ? {} : { against: { hash, ...(seq !== undefined && { seq }) } };
        return journal.verify({ signatures: signatures !== false, ...against });
      }
      case 'patch.history': {
        const { patches, next } = historyPage(await journal.history(), params);
        return { ...build, patches: this.#withEmails(patches), next } satisfies Result<'patch.history'>;
      }
      case 'approval.list': {
        const { id } = params as Params<'approval.list'>;
        const { approvals } = this.#parts;
        const waiting = approvals.list().filter((each) => id === undefined || each.id === id);
        if (id === undefined) return { waiting, asked: null, before: null } satisfies Result<'approval.list'>;
        // What an actor's state is and shall be is not for everybody who may look.
        this.#demand(session, name, 'approve');
        return { waiting, ...approvals.asked(id) } satisfies Result<'approval.list'>;
      }
      case 'sessions.list':
        return { sessions: [...this.#parts.sessions].map((each) => ({ ...each.attached, you: each === session })) } satisfies Result<'sessions.list'>;
      case 'profile':
        return (await this.#parts.profiler.take(params as Params<'profile'>, () => this.#parts.sessions.has(session))) satisfies Result<'profile'>;
      case 'rescue':
        return (await this.#parts.rescuer.look()) satisfies Result<'rescue'>;
      case 'interrupt': {
        const { request } = params as Params<'interrupt'>;
        const stream = session.streams.get(request);
        if (stream !== undefined) {
          stream.stop('stopped');
          return { interrupted: true } satisfies Result<'interrupt'>;
        }
        const call = session.calls.get(request);
        return { interrupted: call !== undefined && (await interrupter.interrupt(call)) } satisfies Result<'interrupt'>;
      }
      default:
        throw new KeyholeError('INTERNAL', `${name} has nobody who does it`);
    }
  }

  /** What an export takes that is not live: the journal's, which the host does not know. */
  async #hotfix({ ids }: Params<'patch.hotfix'>): Promise<Result<'patch.hotfix'>> {
    const { journal, build } = this.#parts;
    const hotfix = hotfixOf(await journal.history(), build.service, ids);
    return { hotfix, sha256: createHash('sha256').update(hotfixText(hotfix)).digest('hex') };
  }

  async #past({ past }: Params<'patch.export'>): Promise<Pick<Result<'patch.export'>, 'past'>> {
    if (past === undefined) return {};
    return { past: this.#withEmails(historyPage(await this.#parts.journal.history(), { ids: past }).patches) };
  }

  #withEmails(patches: readonly Omit<HistoricPatch, 'email'>[]): HistoricPatch[] {
    const emails = this.#emails();
    return patches.map((patch) => ({ ...patch, email: emails.get(patch.fingerprint) ?? emailFor(patch.operator) }));
  }

  /** Addresses of today's operators, by fingerprint: the journal does not hold them. */
  #emails(): Map<string, string> {
    try {
      return new Map(this.#operators.read().named.map(({ fingerprint, email }) => [fingerprint, email]));
    } catch {
      // That the file can not be read is said where somebody wants to come in.
      return new Map();
    }
  }

  /** The door's share in what the host has answered. */
  #withOurPart({ operator }: OperatorSession, name: OperationName, result: unknown): unknown {
    const { journal, operators, hostKey, places } = this.#parts;
    if (name === 'retainers') return places.name(result as HostResult<'retainers'>);
    if (name === 'info') return { ...(result as HostResult<'info'>), journal: journal.state() } satisfies Result<'info'>;
    if (name !== 'doctor') return result;
    const { checks } = result as HostResult<'doctor'>;
    const ours = examine(doorChecks, { operator, operators, journal, hostKey });
    return { time: new Date().toISOString(), checks: [...checks, ...ours] } satisfies Result<'doctor'>;
  }

  /** As far as all who look leave time of the main thread for it. */
  async #look(session: OperatorSession, request: number, op: HostOperation, params: unknown): Promise<unknown> {
    const interruptible = (end: (why: KeyholeError) => void): void => {
      const stop = (why: StreamEnd): void =>
        end(
          why === 'not allowed'
            ? new KeyholeError('NOT_ALLOWED', `${op} was ended before it was its turn: the role has changed`)
            : new KeyholeError('INTERRUPTED', `${op} was interrupted before it was its turn`),
        );
      session.streams.set(request, { needs: catalogue[op].capability, stop });
    };
    const look = (took: (ms: number) => void): Promise<unknown> => {
      session.streams.delete(request);
      return this.#ask(session, request, op, params, {}, took);
    };
    try {
      return await this.#parts.looks.take(session.id, look, interruptible);
    } finally {
      session.streams.delete(request);
    }
  }

  async #ask(
    session: OperatorSession,
    request: number,
    op: HostOperation,
    params: unknown,
    context: Pick<HostContext, 'intent'>,
    took?: (ms: number) => void,
  ): Promise<unknown> {
    const mayExit = session.operator.capabilities.includes('admin') && { mayExit: true as const };
    const { bridge, sessions, policy } = this.#parts;
    const { capability, streams } = catalogue[op];
    // While that was written down the console may have gone: there would be nobody to end it.
    if (streams === true && !sessions.has(session)) throw new KeyholeError('UNREACHABLE', 'the console has gone before it began');
    const { name, capabilities } = session.operator;
    const mayEval = capabilities.includes('eval') && policy.permitsEval(name);
    const said = (text: string, left: () => void): void => session.say(request, JSON.parse(text), left);
    const hears = { said, ...(took !== undefined && { took }) };
    const { id, result } = bridge.call(op, params as Params<HostOperation>, { session: session.id, mayEval, ...context, ...mayExit }, hears);
    session.calls.set(request, id);
    if (streams === true) session.streams.set(request, { needs: capability, stop: (why) => bridge.stop(id, why) });
    try {
      const answer = await result;
      if (op === 'patch.apply' || op === 'patch.revert') await this.#countPatches(session);
      return answer;
    } finally {
      session.calls.delete(request);
      session.streams.delete(request);
    }
  }

  async #countPatches(session: OperatorSession): Promise<void> {
    const { patches } = await this.#parts.bridge.call('info', {}, { session: session.id }).result;
    this.#parts.patchesChanged(patches);
  }
}
