/** Checks that a request which is to be journaled was signed by its operator: nothing is done that he could deny, or that somebody else could put in his mouth. */
import { createHash } from 'node:crypto';
import { KeyholeError, canonicalRequest, mayBeSignedBySession, requestNamespace } from '../protocol/index.ts';
import type { RequestProof, RequestSignature } from '../protocol/index.ts';
import { isSigned, signerOf } from '../ssh/index.ts';
import type { OperatorSession } from './session.ts';

/** A request as it came in. */
export interface Asked {
  request: number;
  op: string;
  params: Record<string, unknown>;
  signed: RequestSignature | undefined;
}

/**
 * The proof has both nonce and digest; the journal keeps one of them, as the request is redacted or not.
 * @param kind the kind of the entry it is journaled as.
 * @throws {KeyholeError} NOT_ALLOWED
 */
export function checkRequestSignature(session: OperatorSession, kind: string, { request, op, params, signed }: Asked): RequestProof {
  if (signed === undefined)
    throw new KeyholeError(
      'NOT_ALLOWED',
      `${op} has to be signed by the operator, and was not`,
      'Is the console older than the agent? Use one of its version.',
    );
  if (!isWhole(signed)) throw new KeyholeError('BAD_REQUEST', `${op}: the signature is not of the right shape`);
  const { head, nonce, signature } = signed;
  const { publicKey, sessionKey, service, bootId } = session.login;
  const blob = Buffer.from(signature, 'base64');
  const signer = signerOf(blob);
  const mayBeSession = mayBeSignedBySession(kind);
  if (signer === null || !(signer === publicKey || (mayBeSession && signer === sessionKey)))
    throw new KeyholeError('NOT_ALLOWED', `${op} has to be signed by ${mayBeSession ? 'the operator or this session' : "the operator's own key"}`);
  const message = canonicalRequest({ service, bootId, session: session.id, request, op, params, head, nonce });
  if (!isSigned(blob, signer, requestNamespace, message)) throw new KeyholeError('NOT_ALLOWED', `${op}: the signature is not one of this request`);
  if (!session.take(request)) throw new KeyholeError('NOT_ALLOWED', `${op}: request ${request} was signed before`);
  return { request, head, nonce, signature, digest: createHash('sha512').update(message, 'utf8').digest('hex') };
}

function isWhole(signed: RequestSignature): boolean {
  if (typeof signed !== 'object' || signed === null) return false;
  const { head, nonce, signature } = signed;
  if (typeof nonce !== 'string' || typeof signature !== 'string') return false;
  const soundHead =
    head === null || (Number.isSafeInteger(head?.seq) && head.seq > 0 && typeof head.hash === 'string' && /^[0-9a-f]{64}$/.test(head.hash));
  return soundHead && /^[0-9a-f]{32}$/.test(nonce) && /^[A-Za-z0-9+/=]{1,4096}$/.test(signature);
}
