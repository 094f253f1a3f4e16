/** What the door takes for signed by an operator: exactly this request, in this session, once, by a key that may. */
import { generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { canonicalJson, canonicalRequest, unarmorSignature } from '../../packages/agent/dist/protocol/index.js';
import type { RequestSignature } from '../../packages/agent/dist/protocol/index.js';
import { checkRequestSignature } from '../../packages/agent/dist/server/request-signature.js';
import { OperatorSession } from '../../packages/agent/dist/server/session.js';
import { armoredSignature, publicKeyLine } from '../../packages/console/dist/client/ssh-wire.js';

const own = generateKeyPairSync('ed25519').privateKey;
const sessionKey = generateKeyPairSync('ed25519').privateKey;
const newSession = (): OperatorSession => {
  const login = { service: 'svc', bootId: 'boot', publicKey: publicKeyLine(own), sessionKey: publicKeyLine(sessionKey), signature: '', message: '' };
  const operator = { name: 'alice', email: 'a@example.com', publicKey: login.publicKey, fingerprint: 'f', capabilities: [], verifyRequired: false };
  const claim = { publicKey: login.publicKey, certificate: null, address: 'local' };
  return new OperatorSession({ operator, claim, login }, { say: () => undefined, tell: () => undefined, end: () => undefined });
};

function sign(
  session: OperatorSession,
  key: KeyObject,
  changed: Partial<Parameters<typeof canonicalRequest>[0]> = {},
  namespace = 'keyhole',
): RequestSignature {
  const asked = { service: 'svc', bootId: 'boot', session: session.id, request: 7, op: 'evaluate', params: { expression: '1' }, head: null };
  const signed = { ...asked, nonce: randomBytes(16).toString('hex'), ...changed };
  return { head: signed.head, nonce: signed.nonce, signature: unarmorSignature(armoredSignature(key, namespace, canonicalRequest(signed))) };
}
const asked = (signed: RequestSignature | undefined, more: object = {}): Parameters<typeof checkRequestSignature>[2] => ({
  request: 7,
  op: 'evaluate',
  params: { expression: '1' },
  signed,
  ...more,
});

test('the session may sign an evaluation, the operator everything', () => {
  const session = newSession();
  expect(checkRequestSignature(session, 'eval', asked(sign(session, sessionKey)))).toMatchObject({ request: 7, head: null });
  const patch = { op: 'patch.apply', params: { patches: [] }, request: 8 };
  expect(checkRequestSignature(session, 'patch', asked(sign(session, own, patch), patch))).toMatchObject({ request: 8 });
});

describe('refused', () => {
  const session = newSession();
  const head = { seq: 1, hash: 'a'.repeat(64) };
  const cases: [string, string, Parameters<typeof checkRequestSignature>[2], string][] = [
    ['nothing', 'eval', asked(undefined), 'NOT_ALLOWED'],
    ['a patch by the session', 'patch', asked(sign(session, sessionKey)), 'NOT_ALLOWED'],
    ['a stranger', 'eval', asked(sign(session, generateKeyPairSync('ed25519').privateKey)), 'NOT_ALLOWED'],
    ['other parameters', 'eval', asked(sign(session, own), { params: { expression: '2' } }), 'NOT_ALLOWED'],
    ['one parameter more', 'eval', asked(sign(session, own), { params: { expression: '1', depth: 1 } }), 'NOT_ALLOWED'],
    ['another operation', 'eval', asked(sign(session, own), { op: 'inspect' }), 'NOT_ALLOWED'],
    ['another number', 'eval', asked(sign(session, own), { request: 8 }), 'NOT_ALLOWED'],
    ['another session', 'eval', asked(sign(session, own, { session: newSession().id })), 'NOT_ALLOWED'],
    ['another run of the agent', 'eval', asked(sign(session, own, { bootId: 'before' })), 'NOT_ALLOWED'],
    ['another service', 'eval', asked(sign(session, own, { service: 'other' })), 'NOT_ALLOWED'],
    ['another namespace', 'eval', asked(sign(session, own, {}, 'keyhole-auth')), 'NOT_ALLOWED'],
    ['another head', 'eval', asked({ ...sign(session, own), head }), 'NOT_ALLOWED'],
    ['another nonce', 'eval', asked({ ...sign(session, own), nonce: '0'.repeat(32) }), 'NOT_ALLOWED'],
    ['a short nonce', 'eval', asked({ ...sign(session, own), nonce: '0' }), 'BAD_REQUEST'],
    ['a head that is none', 'eval', asked({ ...sign(session, own), head: { seq: 0, hash: '' } }), 'BAD_REQUEST'],
    ['no head at all', 'eval', asked({ ...sign(session, own), head: undefined } as unknown as RequestSignature), 'BAD_REQUEST'],
    ['no signature', 'eval', asked({ ...sign(session, own), signature: '' }), 'BAD_REQUEST'],
    ['a signature that is none', 'eval', asked({ ...sign(session, own), signature: 'AAAA' }), 'NOT_ALLOWED'],
  ];
  for (const [name, kind, request, code] of cases)
    test(name, () => expect(() => checkRequestSignature(session, kind, request)).toThrow(expect.objectContaining({ code })));
});

test('a request is taken once; numbers may overtake each other, but not by more than 1024', () => {
  const session = newSession();
  const signed = sign(session, own);
  checkRequestSignature(session, 'eval', asked(signed));
  expect(() => checkRequestSignature(session, 'eval', asked(signed))).toThrow('was signed before');
  expect([session.take(9), session.take(8), session.take(9)]).toEqual([true, true, false]);
  for (let request = 10; request <= 5_000; request += 1) expect(session.take(request)).toBe(true);
  expect([session.take(5_000 - 1_024), session.take(3_000)]).toEqual([false, false]);
});

test('canonical JSON: sorted keys, no blanks, nothing undefined', () => {
  expect(canonicalJson({ b: [1, { d: 1, c: undefined }, null], a: 'é\u2028"\n', '10': 1, '9': 1.5e300 })).toBe(
    '{"10":1,"9":1.5e+300,"a":"é\u2028\\"\\n","b":[1,{"d":1},null]}',
  );
});
