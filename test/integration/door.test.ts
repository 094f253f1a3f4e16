/** The door of a real service, from the street: what is not exactly ours gets nothing, and the service does not notice. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, verify } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import * as path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  authMessage,
  authNamespace,
  encodeFrame,
  hostMessage,
  limits,
  protocolVersion,
  subprotocol,
} from '../../packages/agent/dist/protocol/index.js';
import type { Transcript } from '../../packages/agent/dist/protocol/index.js';
import { armoredSignature, publicKeyLine } from '../../packages/console/dist/client/ssh-wire.js';
import { answering, journalOf, startService, type Service } from '../helpers/service.ts';
import { greeted, street } from '../helpers/street.ts';

let service: Service;
let socketPath: string;
const { privateKey } = generateKeyPairSync('ed25519');
const publicKey = publicKeyLine(privateKey);

beforeAll(async () => {
  service = await startService({ files: { 'main.js': `const answer = () => 'here';${answering}` }, main: 'main.js' });
  const runtime = path.join(path.dirname(service.folder), 'run/keyhole');
  socketPath = path.join(runtime, `svc.${service.pid}.sock`);
  const operators = path.join(path.dirname(service.folder), 'operators');
  writeFileSync(operators, `${readFileSync(operators, 'utf8')}name="eve",roles="view" ${publicKey}\n`);
});

const upgrade = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': randomBytes(16).toString('base64'),
};

/** The status of a request with these headers. */
function knock(headers: Record<string, string | string[]>, more: { method?: string; path?: string } = {}): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, setHost: false, headers, ...more }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asking.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve(response.statusCode);
    });
    asking.on('error', reject);
    asking.end();
  });
}

const ours = { ...upgrade, host: 'keyhole', 'sec-websocket-protocol': subprotocol };

describe('a request is let in only when it is exactly ours', () => {
  test('ours', async () => expect(await knock(ours)).toBe(101));
  const refused: [string, number, Record<string, string | string[]>, object?][] = [
    ['an Origin', 403, { ...ours, origin: 'https://evil.example' }],
    ['Origin: null', 403, { ...ours, origin: 'null' }],
    ['our own Origin', 403, { ...ours, origin: 'http://keyhole' }],
    ['Sec-Fetch-Site', 403, { ...ours, 'sec-fetch-site': 'same-origin' }],
    ['another Host', 403, { ...ours, host: 'localhost' }],
    ['our Host with a port', 403, { ...ours, host: 'keyhole:80' }],
    ['our Host with a dot', 403, { ...ours, host: 'keyhole.' }],
    ['our Host in capitals', 403, { ...ours, host: 'KEYHOLE' }],
    ['no subprotocol', 400, { ...upgrade, host: 'keyhole' }],
    ['another subprotocol', 400, { ...ours, 'sec-websocket-protocol': 'keyhole.2' }],
    ['two subprotocols', 400, { ...ours, 'sec-websocket-protocol': `${subprotocol}, chat` }],
    ['another path', 404, ours, { path: '/x' }],
    ['a query', 404, ours, { path: '/?token=1' }],
    ['POST', 404, ours, { method: 'POST' }],
    ['no upgrade', 400, { host: 'keyhole' }],
  ];
  for (const [name, status, headers, more] of refused) test(name, async () => expect(await knock(headers, more)).toBe(status));

  test('two Hosts', async () => {
    const socket = connect(socketPath);
    const lines = Object.entries({ ...upgrade, 'sec-websocket-protocol': subprotocol }).map(([name, value]) => `${name}: ${value}`);
    socket.write(`GET / HTTP/1.1\r\nHost: keyhole\r\nHost: keyhole\r\n${lines.join('\r\n')}\r\n\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 40[03]/);
    socket.destroy();
  });
});

/** Says hello, and what has to be signed. */
async function greet(): Promise<Awaited<ReturnType<typeof greeted>> & { message: (key: string) => string }> {
  const greeting = await greeted(socketPath);
  return { ...greeting, message: (key) => authMessage(greeting.transcript, { publicKey: key }) };
}

describe('the agent proves its own key first', () => {
  test('over this meeting, with the key that it keeps beside the journal', async () => {
    const { at, hello, transcript } = await greet();
    const file = `${service.journal}.host_key`;
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const publicKeyOfHost = createPublicKey(readFileSync(file));
    expect(hello).toMatchObject({ version: protocolVersion, service: 'svc', hostKey: publicKeyLine(publicKeyOfHost) });
    const proven = (changed: Partial<Transcript>): boolean =>
      verify(null, Buffer.from(hostMessage({ ...transcript, ...changed })), publicKeyOfHost, hello.hostSignature);
    expect(proven({})).toBe(true);
    const others: Partial<Transcript>[] = [
      { binding: 'unix:/other.sock' },
      { exporter: randomBytes(32) },
      { offered: [1, protocolVersion] },
      { version: protocolVersion + 1 },
      { clientNonce: randomBytes(32) },
      { serverNonce: randomBytes(32) },
      { service: 'other' },
      { bootId: 'other' },
      { hostKey: publicKey },
    ];
    for (const changed of others) expect(proven(changed), JSON.stringify(changed)).toBe(false);
    at.close();
  });

  test('what it signed is not what an operator signs: sent back, it opens nothing', async () => {
    const { at, hello, transcript } = await greet();
    const { hostKey, hostSignature } = hello;
    expect(hostMessage(transcript)).not.toBe(authMessage(transcript, { publicKey: hostKey }));
    at.send(encodeFrame({ t: 'auth', publicKey: hostKey, signature: Buffer.from(hostSignature).toString('base64') }));
    expect(await at.next()).toMatchObject({ t: 'error', error: { code: 'NOT_ALLOWED' } });
    await at.closed;
  });
});

describe('a key has to be proven', () => {
  test('by a signature over both nonces and this socket', async () => {
    const { at, message } = await greet();
    at.send(encodeFrame({ t: 'auth', publicKey, signature: armoredSignature(privateKey, authNamespace, message(publicKey)) }));
    expect(await at.next()).toMatchObject({ t: 'welcome', operator: { name: 'eve', capabilities: ['view'] } });
    at.send(encodeFrame({ t: 'req', id: 1, op: 'evaluate', params: { expression: '1' } }));
    expect(await at.next()).toMatchObject({ t: 'res', id: 1, ok: false, error: { code: 'NOT_ALLOWED' } });
    at.send(encodeFrame({ t: 'req', id: 2, op: 'nothing', params: {} }));
    expect(await at.next()).toMatchObject({ ok: false, error: { code: 'BAD_REQUEST' } });
    at.send(encodeFrame({ t: 'req', id: 3, op: 'info', params: {} }));
    expect(await at.next()).toMatchObject({ ok: true, result: { service: 'svc' } });
    at.close();
    await at.closed;
  });

  test('the same words for an unknown key, a wrong signature, another namespace and a replayed one', async () => {
    const stranger = generateKeyPairSync('ed25519').privateKey;
    const earlier = await greet();
    const old = armoredSignature(privateKey, authNamespace, earlier.message(publicKey));
    earlier.at.close();
    const attempts: ((message: (key: string) => string) => { publicKey: string; signature: string })[] = [
      (message) => ({ publicKey: publicKeyLine(stranger), signature: armoredSignature(stranger, authNamespace, message(publicKeyLine(stranger))) }),
      (message) => ({
        publicKey,
        signature: armoredSignature(createPrivateKey(stranger.export({ type: 'pkcs8', format: 'pem' })), authNamespace, message(publicKey)),
      }),
      (message) => ({ publicKey, signature: armoredSignature(privateKey, 'file', message(publicKey)) }),
      () => ({ publicKey, signature: old }),
    ];
    const answers: string[] = [];
    for (const attempt of attempts) {
      const { at, message } = await greet();
      at.send(encodeFrame({ t: 'auth', ...attempt(message) }));
      answers.push(JSON.stringify(await at.next()));
      await at.closed;
    }
    expect(new Set(answers)).toEqual(
      new Set([JSON.stringify({ t: 'error', error: { code: 'NOT_ALLOWED', message: 'this key is not allowed here' } })]),
    );
  });
});

describe('a login is worth something once, in one place', () => {
  /** A login that was recorded, and a key that may come in. */
  const login = async (changed: Partial<Transcript>): Promise<{ code: string } | 'welcome'> => {
    const { at, transcript } = await greet();
    const signature = armoredSignature(privateKey, authNamespace, authMessage({ ...transcript, ...changed }, { publicKey }));
    at.send(encodeFrame({ t: 'auth', publicKey, signature }));
    const answer = await at.next();
    at.close();
    await at.closed;
    return answer?.t === 'welcome' ? 'welcome' : (answer?.error ?? { code: 'none' });
  };

  test('this one', async () => expect(await login({})).toBe('welcome'));
  test.each<[string, Partial<Transcript>]>([
    ['another socket', { binding: 'unix:/run/other/svc.sock' }],
    ['a TCP listener of the same service', { binding: 'wss:127.0.0.1:4444' }],
    ['a TLS connection', { exporter: randomBytes(32) }],
    ['another service', { service: 'other' }],
    ['another run of the agent', { bootId: 'another' }],
    ['another host key', { hostKey: publicKey }],
    ['versions that were not offered', { offered: [1, protocolVersion] }],
    ['an older version', { version: 1 }],
    ['a nonce of ours from before', { clientNonce: randomBytes(32) }],
    ['a nonce of its from before', { serverNonce: randomBytes(32) }],
  ])('for %s: refused', async (_, changed) => expect(await login(changed)).toMatchObject({ code: 'NOT_ALLOWED' }));

  test('and not twice on one connection', async () => {
    const { at, message } = await greet();
    const frame = encodeFrame({ t: 'auth', publicKey, signature: armoredSignature(privateKey, authNamespace, message(publicKey)) });
    at.send(frame);
    expect(await at.next()).toMatchObject({ t: 'welcome' });
    at.send(frame);
    expect(await at.next()).toMatchObject({ t: 'error', error: { code: 'BAD_FRAME' } });
    await at.closed;
  });

  test('a console of before is told which version is spoken here', async () => {
    const at = await street(socketPath);
    at.send(encodeFrame({ t: 'hello', versions: [1], clientNonce: randomBytes(32) }));
    expect(await at.next()).toMatchObject({
      t: 'error',
      error: { code: 'BAD_FRAME', message: `this agent speaks version ${protocolVersion} of the protocol, the console 1` },
    });
    await at.closed;
  });

  test('while many wrong keys come at once a right one comes in, and the journal does not fill', async () => {
    const stop = new AbortController();
    const flood = Array.from({ length: 6 }, async () => {
      while (!stop.signal.aborted) {
        const { at } = await greet();
        at.send(encodeFrame({ t: 'auth', publicKey: 'ssh-ed25519 AAAA', signature: 'none' }));
        await at.closed;
      }
    });
    const ended = Promise.allSettled(flood);
    for (let index = 0; index < 3; index += 1) expect(await login({})).toBe('welcome');
    stop.abort();
    await ended;
    const refusals = journalOf(service).filter(({ kind }) => kind === 'refusal');
    // The first, and those of roles in other tests; not one for each attempt.
    expect(refusals.filter(({ why }) => String(why).startsWith('an unknown key')).length).toBe(1);
    expect(refusals[0]).toMatchObject({ why: 'an unknown key or a wrong signature, from local' });
  });
});

describe('what breaks the protocol ends the connection, and nothing else', () => {
  const frames: [string, Uint8Array | string][] = [
    ['text', 'hello'],
    ['a request before the key', encodeFrame({ t: 'req', id: 1, op: 'info', params: {} })],
    ['a bomb of arrays', Uint8Array.from(Array.from({ length: 60 }, () => [0xdd, 1, 0, 0, 0]).flat())],
    ['a short nonce', encodeFrame({ t: 'hello', versions: [protocolVersion], clientNonce: randomBytes(31) })],
    ['another version', encodeFrame({ t: 'hello', versions: [1], clientNonce: randomBytes(32) })],
    [
      'more bytes than a stranger may send',
      encodeFrame({ t: 'hello', versions: [protocolVersion], clientNonce: randomBytes(limits.maxUnauthenticatedFrameBytes) }),
    ],
    ['nothing', new Uint8Array()],
  ];
  test('the largest frame of a stranger is read', async () => {
    const at = await street(socketPath);
    const of = (bytes: number): Uint8Array =>
      encodeFrame({ t: 'hello', versions: [protocolVersion], clientNonce: randomBytes(32), more: new Uint8Array(bytes) });
    const others = of(60_000).length - 60_000;
    const frame = of(limits.maxUnauthenticatedFrameBytes - others);
    expect(frame.length).toBe(limits.maxUnauthenticatedFrameBytes);
    at.send(frame);
    expect(await at.next()).toMatchObject({ t: 'hello' });
    at.close();
  });

  for (const [name, frame] of frames) {
    test(name, async () => {
      const at = await street(socketPath);
      at.send(frame);
      expect(await at.next()).toMatchObject({ t: 'error', error: { code: expect.stringMatching(/BAD_FRAME|TOO_LARGE/) } });
      await at.closed;
      expect(await service.ask('x')).toBe('"here"');
    });
  }
});
