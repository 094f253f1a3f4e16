/** Where fuzzing begins: one good example or two of each, so that it does not have to find out what a frame is. */
import { certificateBlob, certificateLine } from './issued.mjs';
import { encodeFrame } from '../../packages/agent/dist/protocol/index.js';

const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPBE1uMqpyxyYKjRpPZQEiPE5cm5TEsqf3KxYbDBvR9r';
const hello = encodeFrame({ t: 'hello', versions: [2], clientNonce: new Uint8Array(32) });
const auth = encodeFrame({ t: 'auth', publicKey: key, signature: '-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----\n' });
const patch = { address: 'a.js:f', code: 'function f() {}', baseCode: '', source: '', baseSource: '' };

const digest = 'ab'.repeat(32);
const hotfix = {
  format: 'keyhole hotfix',
  version: 1,
  service: 'svc',
  patches: [{ id: 'p9', address: 'a.js:f', commit: null, pushes: [0] }],
  pushes: [
    {
      entry: 9,
      entryHash: digest,
      at: '2026-01-01T00:00:00.000Z',
      operator: 'alice',
      fingerprint: `SHA256:${'a'.repeat(43)}`,
      session: '01234567-89ab-4def-8123-456789abcdef',
      request: { patches: [patch], reason: 'R' },
      signed: { request: 1, head: { seq: 8, hash: digest }, nonce: 'ab'.repeat(16), signature: 'U1NIU0lH' },
      login: { service: 'svc', bootId: 'b', publicKey: key, sessionKey: null, signature: 'U1NIU0lH', message: 'm' },
    },
  ],
};

export const seeds = {
  frame: [hello, auth],
  handshake: [Buffer.concat([Buffer.from([0]), auth]), Buffer.concat([Buffer.from([1]), hello, auth])],
  patchRequest: [encodeFrame({ t: 'req', id: 1, op: 'patch.apply', params: { patches: [patch], reason: 'R', confirmMs: 1000 } })],
  keyFile: [
    `name="alice",roles="patch",from="10.0.0.0/8,!10.0.0.1",expiry-time="202712312359Z" ${key} alice@example.com\n`,
    `cert-authority,principals="a,b",roles="eval" ${key}\n`,
  ],
  certificate: [Buffer.from(key.split(' ')[1], 'base64'), key, certificateBlob, certificateLine],
  journal: [
    '{"seq":1,"time":"2026-01-01T00:00:00.000Z","prev":"' + '0'.repeat(64) + '","kind":"start","service":"svc","crc":"00000000"}',
    `{"seq":1,"time":"2026-01-01T00:00:00.000Z","prev":"${'0'.repeat(64)}","kind":"patch","phase":"intent","request":{"patches":[]},"crc":"00000000"}`,
  ],
  hotfix: [JSON.stringify(hotfix)],
  exportPath: [
    'src/a.ts\u0000fix: a\n\ndiff --git a/x b/x\n---\u0000Alice\u0000a@example.com\u0000src/a.ts:f',
    '../.git/config\u0000Re: [x]\u0000<b>\u0000x',
  ],
};
