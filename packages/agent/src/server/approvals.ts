/**
 * Four eyes: a change waits until others have approved exactly what its author signed. It waits no longer than its author is attached: nobody's change comes into effect
 * when he is no longer there to see it.
 */
import { createHash } from 'node:crypto';
import { KeyholeError, canonicalRequest, catalogue, limits, whatIsAsked } from '../protocol/index.ts';
import type { AppliedPatch, Approval, AskedChange, OperationName, StateValue, WaitingChange } from '../protocol/index.ts';
import type { OperatorSession } from './session.ts';

/** How many others have to approve what changes the service: everything that says so in the catalogue. */
export interface ApprovalRules {
  patch: number;
}

interface Waiting {
  id: string;
  session: OperatorSession;
  entry: number;
  at: string;
  asked: AskedChange;
  digest: string;
  expected: AppliedPatch[];
  before: StateValue | null;
  approvals: Approval[];
  /** Of a clock that nobody sets. */
  until: number;
  settle: (end: Approval[] | KeyholeError) => void;
}

export class Approvals {
  readonly #rules: ApprovalRules;
  readonly #waitMs: number;
  readonly #waiting = new Map<string, Waiting>();

  constructor(rules: ApprovalRules, waitMs: number = limits.approvalWaitMs) {
    this.#rules = rules;
    this.#waitMs = waitMs;
  }

  /** @throws {KeyholeError} BAD_REQUEST where glass is to be broken that is not there. */
  isNeeded(op: OperationName, params: Record<string, unknown>): boolean {
    if (catalogue[op].approval !== true) return false;
    if (this.#rules.patch === 0 && params['breakGlass'] === true)
      throw new KeyholeError('BAD_REQUEST', 'breakGlass: this service asks for no approval', 'Leave --break-glass out.');
    return this.#rules.patch > 0 && params['breakGlass'] !== true;
  }

  /**
   * Resolves when enough others have approved.
   * @throws {KeyholeError} NOT_APPROVED when the time is up or the author has left, BUSY
   */
  wait(
    session: OperatorSession,
    { entry, at, asked, expected, before }: Pick<Waiting, 'entry' | 'at' | 'asked' | 'expected' | 'before'>,
  ): Promise<Approval[]> {
    const id = idOf(asked);
    if (this.#waiting.has(id)) return Promise.reject(new KeyholeError('BUSY', `the same change waits already, as ${id}`));
    if (this.#waiting.size >= limits.maxWaitingChanges)
      return Promise.reject(new KeyholeError('BUSY', `${limits.maxWaitingChanges} changes wait for approval already`));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => settle(new KeyholeError('NOT_APPROVED', 'nobody approved it in time', 'Ask somebody, and try again.')),
        this.#waitMs,
      );
      const settle = (end: Approval[] | KeyholeError): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        if (Array.isArray(end)) resolve(end);
        else reject(end);
      };
      const digest = digestOf(asked);
      this.#waiting.set(id, {
        id,
        session,
        entry,
        at,
        asked,
        digest,
        expected,
        before,
        approvals: [],
        until: performance.now() + this.#waitMs,
        settle,
      });
    });
  }

  /** What waits, oldest first. */
  list(): WaitingChange[] {
    return [...this.#waiting.values()].map(({ id, session, entry, at, asked, expected, approvals, until }) => ({
      id,
      entry,
      operator: session.operator.name,
      fingerprint: session.operator.fingerprint,
      what: whatIsAsked(asked.op, asked.params),
      reason: String(asked.params['reason']),
      at,
      needed: this.#rules.patch,
      approvals: [...approvals],
      leftMs: Math.max(0, Math.round(until - performance.now())),
      expected,
    }));
  }

  /** @throws {KeyholeError} NOT_FOUND */
  asked(id: string): { asked: AskedChange; before: StateValue | null } {
    const { asked, before } = this.#find(id);
    return { asked, before };
  }

  /**
   * Whether that operator may approve what that digest is of.
   * @returns what counts it, and lets the change go on where it is the last that was missing: called when the approval is durable.
   * @throws {KeyholeError} NOT_FOUND, NOT_ALLOWED
   */
  check(session: OperatorSession, id: string, digest: string): (entry: number) => { missing: number } {
    const waiting = this.#find(id);
    const { name, fingerprint } = session.operator;
    const author = waiting.session.operator;
    if (digest !== waiting.digest)
      throw new KeyholeError('NOT_ALLOWED', `what was approved is not what waits as ${id}`, 'Look at it again: keyhole approve shows it.');
    // Somebody with two keys is still one person, and so are two names with one key.
    if (name === author.name || fingerprint === author.fingerprint)
      throw new KeyholeError('NOT_ALLOWED', `${name} has asked for ${id}, and can not approve it too`);
    if (waiting.approvals.some((each) => each.operator === name || each.fingerprint === fingerprint))
      throw new KeyholeError('NOT_ALLOWED', `${name} has approved ${id} already`);
    return (entry) => {
      // It may be gone meanwhile.
      if (this.#find(id) !== waiting) throw new KeyholeError('NOT_FOUND', `${id} waits no longer`);
      waiting.approvals.push({ operator: name, fingerprint, entry });
      const missing = this.#rules.patch - waiting.approvals.length;
      if (missing <= 0) waiting.settle(waiting.approvals);
      return { missing: Math.max(0, missing) };
    };
  }

  /** Its author has left. */
  withdraw(session: OperatorSession): void {
    for (const waiting of this.#waiting.values())
      if (waiting.session === session) waiting.settle(new KeyholeError('NOT_APPROVED', 'its author left before it was approved'));
  }

  #find(id: string): Waiting {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) throw new KeyholeError('NOT_FOUND', `nothing waits as ${id}`, 'keyhole approve TARGET lists what does.');
    return waiting;
  }
}

/** What whoever approves signs besides the id: SHA-512 of the bytes that the author has signed. */
function digestOf(asked: AskedChange): string {
  return createHash('sha512').update(canonicalRequest(asked), 'utf8').digest('hex');
}

function idOf({ op, params }: AskedChange): string {
  return `w${createHash('sha256')
    .update(JSON.stringify([op, params]))
    .digest('hex')
    .slice(0, 8)}`;
}
