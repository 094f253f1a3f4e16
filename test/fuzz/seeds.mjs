/** Where fuzzing begins: one good example or two of each, so that it does not have to find out what a frame is. */
import { encodeFrame } from '../../packages/agent/dist/protocol/index.js';

const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPBE1uMqpyxyYKjRpPZQEiPE5cm5TEsqf3KxYbDBvR9r';
const hello = encodeFrame({ t: 'hello', versions: [2], clientNonce: new Uint8Array(32) });
const auth = encodeFrame({ t: 'auth', publicKey: key, signature: '-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----\n' });
const patch = { address: 'a.js:f', code: 'function f() {}', baseCode: '', source: '', baseSource: '' };

export const seeds = {
  frame: [hello, auth],
  handshake: [Buffer.concat([Buffer.from([0]), auth]), Buffer.concat([Buffer.from([1]), hello, auth])],
  patchRequest: [encodeFrame({ t: 'req', id: 1, op: 'patch.apply', params: { patches: [patch], reason: 'R', confirmMs: 1000 } })],
  keyFile: [
    `name="alice",roles="patch",from="10.0.0.0/8,!10.0.0.1",expiry-time="202712312359Z" ${key} alice@example.com\n`,
    `cert-authority,principals="a,b",roles="eval" ${key}\n`,
  ],
  certificate: [Buffer.from(key.split(' ')[1], 'base64'), key],
  journal: [
    '{"seq":1,"time":"2026-01-01T00:00:00.000Z","prev":"' + '0'.repeat(64) + '","kind":"start","service":"svc","crc":"00000000"}',
    '{"keyhole":"hotfix","version":1,"service":"svc","patches":[]}',
  ],
  exportPath: [
    'src/a.ts\u0000fix: a\n\ndiff --git a/x b/x\n---\u0000Alice\u0000a@example.com\u0000src/a.ts:f',
    '../.git/config\u0000Re: [x]\u0000<b>\u0000x',
  ],
};
