/** Bounds of a session at a real door: the last that is taken, the first that is not, and a service that does not notice. */
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { authMessage, authNamespace, encodeFrame } from '../../packages/agent/dist/protocol/index.js';
import type { DoorLimits } from '../../packages/agent/dist/server/door-limits.js';
import { dial } from '../../packages/console/dist/client/dial.js';
import { armoredSignature, publicKeyLine } from '../../packages/console/dist/client/ssh-wire.js';
import type { Connection } from '../../packages/console/dist/index.js';
import { answering, startService, type Service } from '../helpers/service.ts';
import { greeted, type Street } from '../helpers/street.ts';

const limits = {
  maxSessions: 2,
  idleMs: 1_000,
  maxPendingRequests: 2,
  maxQueuedBytes: 65_536,
  maxFrameBytes: 65_536,
  maxDepth: 8,
  maxNodes: 1_000,
  maxEvaluationTimeoutMs: 3_000,
};
const main = `globalThis.big = Array.from({ length: 100 }, () => 'x'.repeat(500));\nconst answer = (line) => line === 'begun' ? globalThis.begun ?? 0 : line;${answering}`;
const { privateKey } = generateKeyPairSync('ed25519');
let service: Service;
const opened: (Connection | Street)[] = [];

/** With eve among its operators. */
async function start(limits: Partial<DoorLimits>): Promise<Service> {
  const started = await startService({ files: { 'main.js': main, 'keyhole.config.json': JSON.stringify({ limits }) }, main: 'main.js' });
  writeFileSync(started.operators, `${readFileSync(started.operators, 'utf8')}name="eve",roles="inspect" ${publicKeyLine(privateKey)}\n`);
  return started;
}
const socketOf = ({ env, pid }: Service): string => path.join(env['XDG_RUNTIME_DIR'] ?? '', 'keyhole', `svc.${pid}.sock`);

beforeAll(async () => {
  service = await start(limits);
});
afterEach(async () => {
  for (const each of opened.splice(0)) each.close();
  expect(await service.ask('here')).toBe('"here"');
});

const attach = async (): Promise<Connection> => {
  const connection = await dial({ target: socketOf(service), env: service.env });
  opened.push(connection);
  return connection;
};
/** Frame by frame, as eve. */
const enter = async (into: Service): Promise<Street> => {
  const { at, transcript } = await greeted(socketOf(into));
  opened.push(at);
  const publicKey = publicKeyLine(privateKey);
  at.send(encodeFrame({ t: 'auth', publicKey, signature: armoredSignature(privateKey, authNamespace, authMessage(transcript, { publicKey })) }));
  expect(await at.next()).toMatchObject({ t: 'welcome' });
  return at;
};
const request = (id: number, more: object): Uint8Array => encodeFrame({ t: 'req', id, op: 'info', params: {}, ...more });

test('sessions', async () => {
  await attach();
  const last = await attach();
  await expect(attach()).rejects.toMatchObject({ code: 'BUSY', message: 'there are 2 sessions already' });
  last.close();
  // It is free as soon as the door has seen it go.
  for (;;) {
    const next = await attach().catch(() => null);
    if (next !== null) break;
  }
});

test('requests under way, and an interrupt besides', async () => {
  const connection = await attach();
  const expression = 'globalThis.begun = (globalThis.begun ?? 0) + 1; new Promise(() => {})';
  const waiting = [1, 2].map(() => connection.call('evaluate', { expression, timeoutMs: 3_000 }).catch((error: unknown) => error));
  // They are signed and journaled before they begin.
  while ((await service.ask('begun')) !== '2') await new Promise((done) => setTimeout(done, 5));
  await expect(connection.call('info', {})).rejects.toMatchObject({ code: 'BUSY', message: '2 requests wait already' });
  await expect(connection.call('interrupt', { request: 0 })).resolves.toEqual({ interrupted: false });
  for (const each of await Promise.all(waiting)) expect(each).toMatchObject({ code: 'TIMEOUT' });
  expect(await connection.call('info', {})).toMatchObject({ service: 'svc' });
});

test('time of an evaluation', async () => {
  const connection = await attach();
  expect(await connection.call('evaluate', { expression: '1', timeoutMs: 3_000 })).toMatchObject({ ok: true });
  await expect(connection.call('evaluate', { expression: '1', timeoutMs: 3_001 })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
});

test('a session that asks nothing is ended; one that waits for an answer is not idle', async () => {
  const connection = await attach();
  const waited = await connection.call('evaluate', { expression: 'await new Promise((done) => setTimeout(done, 1_500)); 7', timeoutMs: 3_000 });
  expect(waited).toMatchObject({ ok: true, value: { value: 7 } });
  const at = await enter(service);
  expect(await at.next()).toMatchObject({ t: 'error', error: { code: 'TIMEOUT', message: 'nothing was asked for 1 s' } });
  await at.closed;
});

test('bytes that wait for a console which does not read: it is cut, and nobody else', async () => {
  const other = await attach();
  const slow = await enter(service);
  slow.pause();
  for (let id = 1; id <= 200; id += 1) slow.send(request(id, { op: 'inspect', params: { expression: 'big' } }));
  for (;;) {
    const { sessions } = await other.call('sessions.list', {});
    if (!sessions.some(({ operator }) => operator === 'eve')) break;
  }
});

test.each<[string, (at: number) => object, number]>([
  ['levels of a message', (depth) => ({ more: nested(depth - 1) }), limits.maxDepth],
  // Beside the frame, its four fields and the list.
  ['values of a message', (count) => ({ more: Array.from({ length: count - 6 }, () => 0) }), limits.maxNodes],
])('%s', async (_, more, most) => {
  const at = await enter(service);
  at.send(request(1, more(most)));
  expect(await at.next()).toMatchObject({ t: 'res', id: 1, ok: true });
  at.send(request(2, more(most + 1)));
  expect(await at.next()).toMatchObject({ t: 'error', error: { code: 'BAD_FRAME' } });
  await at.closed;
});

test('bytes of a message', async () => {
  const at = await enter(service);
  const of = (bytes: number): Uint8Array => request(1, { more: new Uint8Array(bytes) });
  const others = of(60_000).length - 60_000;
  at.send(of(limits.maxFrameBytes - others));
  expect(await at.next()).toMatchObject({ t: 'res', ok: true });
  at.send(of(limits.maxFrameBytes - others + 1));
  await at.closed;
  expect(await at.next()).toBeNull();
});

function nested(levels: number): unknown {
  return levels <= 1 ? 0 : [nested(levels - 1)];
}

test('time of the main thread for looking: who waits for a turn can be interrupted, and what is no look does not wait', async () => {
  const slow = await start({ maxLookMsPerSecond: 1, maxLookBurstMs: 1 });
  const eve = await enter(slow);
  const look = { op: 'inspect', params: { expression: 'big', depth: 1 } };
  // Each owes a second, so the last can not be there yet.
  for (let id = 1; id <= 9; id += 1) eve.send(request(id, look));
  expect(await eve.next()).toMatchObject({ t: 'res', id: 1 });
  eve.send(request(10, { op: 'interrupt', params: { request: 9 } }));
  const answers: { id: number }[] = [];
  while (!(answers.some(({ id }) => id === 9) && answers.some(({ id }) => id === 10))) answers.push((await eve.next()) as unknown as { id: number });
  expect(answers.find(({ id }) => id === 9)).toMatchObject({ ok: false, error: { code: 'INTERRUPTED' } });
  expect(answers.find(({ id }) => id === 10)).toMatchObject({ result: { interrupted: true } });
  const other = await dial({ target: socketOf(slow), env: slow.env });
  opened.push(other);
  expect(await other.call('evaluate', { expression: '1' })).toMatchObject({ value: { value: 1 } });
});
