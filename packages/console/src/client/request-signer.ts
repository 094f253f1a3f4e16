/** Signs what is to be journaled, with the session's key or the operator's own, and says with each signature which entry of the journal was seen last. */
import { randomBytes, type KeyObject } from 'node:crypto';
import { canonicalRequest, catalogue, mayBeSignedBySession, requestNamespace, unarmorSignature } from '@keyhole/agent/protocol';
import type { JournalHead, OperationName, RequestSignature, SignedRequest } from '@keyhole/agent/protocol';
import type { SigningKey } from './sign.ts';
import { armoredSignature } from './ssh-wire.ts';

export interface SessionKeys {
  /** The operator's. */
  key: SigningKey;
  /** The session's, which the operator's key has named at login. */
  sessionKey: KeyObject;
  service: string;
  bootId: string;
  session: string;
}

/** Something that needs the terminal for itself: ssh-keygen may ask for a passphrase. */
export type HandOver = <T>(work: () => Promise<T>) => Promise<T>;

export class RequestSigner {
  readonly #keys: SessionKeys;

  constructor(keys: SessionKeys) {
    this.#keys = keys;
  }

  /** The operator's. */
  get key(): SigningKey {
    return this.#keys.key;
  }

  /** Whether the agent wants a signature: a dry run changes nothing. */
  wants(op: OperationName, params: object): boolean {
    return catalogue[op].journal !== null && !('dryRun' in params && params.dryRun === true);
  }

  async sign(
    op: OperationName,
    params: object,
    asked: { request: number; head: JournalHead | null; handOver?: HandOver | undefined },
  ): Promise<RequestSignature> {
    const { key, sessionKey, service, bootId, session } = this.#keys;
    const { request, head, handOver } = asked;
    const nonce = randomBytes(16).toString('hex');
    const signed: SignedRequest = { service, bootId, session, request, op, params, head, nonce };
    const message = canonicalRequest(signed);
    const armored = mayBeSignedBySession(catalogue[op].journal ?? '')
      ? armoredSignature(sessionKey, requestNamespace, message)
      : key.mayAsk && handOver !== undefined
        ? await handOver(() => key.sign(requestNamespace, message))
        : await key.sign(requestNamespace, message);
    return { head, nonce, signature: unarmorSignature(armored) };
  }
}
