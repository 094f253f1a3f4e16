/** One operator who has proven a key. It outlives no connection, and holds none of the service's objects. */
import { randomUUID } from 'node:crypto';
import type { StreamEnd } from '../host/call-stream.ts';
import type { AttachedOperator, Capability, KeyholeError, LoginProof } from '../protocol/index.ts';
import type { Claim, Operator } from './operators.ts';

/** Requests may overtake each other while one is being signed, but not by more than this. */
const rememberedRequests = 1_024;

export class OperatorSession {
  readonly id = randomUUID();
  readonly #since = new Date().toISOString();
  /** Who it is, with what he may do now: the operators file may change it (review.ts). */
  operator: Operator;
  /** What he came in with. */
  readonly claim: Claim;
  /** What the operator's key signed at login. */
  readonly login: LoginProof;
  /** The seq of the journal's entry that holds it, once there is one. */
  loggedAt: number | null = null;
  /** Requests under way: the console's number to the bridge's. */
  readonly calls = new Map<number, number>();

  /** Requests under way that say something before they answer: what each needs, and how it is ended. */
  readonly streams = new Map<number, { needs: Capability; stop: (why: StreamEnd) => void }>();

  /** Sends what a request says before its answer; calls back when it has left. */
  readonly say: (request: number, items: unknown, left: () => void) => void;
  /** Tells the operator what no request of theirs asked for. */
  readonly tell: (event: string, data: unknown) => void;
  /** Says why, and cuts the line. */
  readonly end: (why: KeyholeError) => void;

  /** Signed requests of late, so that none is taken twice. */
  readonly #taken = new Set<number>();
  #latest = 0;

  constructor(
    { operator, claim, login }: Pick<OperatorSession, 'operator' | 'claim' | 'login'>,
    { say, tell, end }: Pick<OperatorSession, 'say' | 'tell' | 'end'>,
  ) {
    this.say = say;
    this.operator = operator;
    this.claim = claim;
    this.login = login;
    this.tell = tell;
    this.end = end;
  }

  /** What he may do has changed: what he may no longer do ends, also where it has begun. */
  become(operator: Operator): void {
    this.operator = operator;
    for (const { needs, stop } of this.streams.values()) if (!operator.capabilities.includes(needs)) stop('not allowed');
  }

  /** As other operators see it. */
  get attached(): Omit<AttachedOperator, 'you'> {
    const { name: operator, fingerprint } = this.operator;
    return { session: this.id, operator, fingerprint, from: this.claim.address, since: this.#since };
  }

  /** False where a signed request with that number was taken before, or is older than can be told. */
  take(request: number): boolean {
    if (request <= this.#latest - rememberedRequests || this.#taken.has(request)) return false;
    this.#taken.add(request);
    this.#latest = Math.max(this.#latest, request);
    if (this.#taken.size > 2 * rememberedRequests)
      for (const old of this.#taken) if (old <= this.#latest - rememberedRequests) this.#taken.delete(old);
    return true;
  }
}
