/** Actors of Colyseus, as CommonJS and as ES modules, and what Node itself has: worker threads and what keeps the event loop alive. */
import { once } from 'node:events';
import { connect } from 'node:http2';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test, vi } from 'vitest';
import { modules } from '../helpers/every-command.ts';
import { agentUrl, answering, startService, type Service } from '../helpers/service.ts';

const colyseus = (entry: string): string => path.posix.join('@colyseus/core/build', entry);
const service_ = `
class Battle extends Room {
  onCreate() {
    this.maxClients = 4;
    this.autoDispose = false;
    this.setState({ turn: 1 });
    this.clients.push({ sessionId: 'ann', state: 1, userData: { hp: 7 }, got: [], send(type, message) { this.got.push([type, message]); } });
  }
}
await matchMaker.setup();
await matchMaker.accept();
matchMaker.defineRoomType('battle', Battle);
const { roomId } = await matchMaker.createRoom('battle', {});
const room = matchMaker.getLocalRoomById(roomId);
const broadcasts = [];
room.broadcast = (type, message) => broadcasts.push([type, message]);
`;
const main = `
import { execFileSync } from 'node:child_process';
import { open } from 'node:fs';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { createServer } from 'node:net';
const { matchMaker, Room } = createRequire(import.meta.url)('${new URL(`${modules}/${colyseus('index.cjs')}`).pathname}');
${service_}
const worker = new Worker("const { parentPort } = require('node:worker_threads'); parentPort.on('message', (m) => parentPort.postMessage({ echo: m }));", { eval: true });
const echoes = [];
worker.on('message', (message) => echoes.push(message));
await new Promise((done) => worker.once('online', done));
await new Promise((done) => createServer().listen(0, '127.0.0.1', done));
setInterval(() => undefined, 100_000);
execFileSync('mkfifo', ['fifo']);
// Nobody ever writes to it.
open('fifo', () => undefined);
const answer = (line) => ({ room: () => roomId, got: () => [broadcasts, room.clients[0].got], echoes: () => echoes, end: () => { room._internalState = 2; worker.terminate(); return 1; } })[line]();
${answering}`;

let service: Service;
const list = async (of: Service, ...words: string[]): Promise<Record<string, unknown>[]> =>
  (await of.keyhole('actors', 'svc', ...words, '--json')).json() as Record<string, unknown>[];
const send = async (id: string, message: string): Promise<unknown> =>
  (await service.keyhole('send', 'svc', id, message, '--reason', 'r', '--json')).json();

beforeAll(async () => {
  service = await startService({ files: { 'main.js': main }, main: 'main.js' });
}, 60_000);

test('Colyseus: rooms of this process, and their clients', async () => {
  const id = `colyseus/battle/${JSON.parse(await service.ask('room')) as string}`;
  expect(await list(service)).toMatchObject([
    { id, type: 'battle', from: 'colyseus', state: '{ clients: 1, maxClients: 4, locked: false, state: { turn: 1 } }' },
  ]);
  expect((await list(service, '--from', 'colyseus')).map((each) => each['id'])).toEqual([id, `${id}/ann`]);
  expect(await list(service, 'colyseus.Client', '--where', 's => s.userData.hp < 10')).toHaveLength(1);
  for (const to of [id, `${id}/ann`]) expect(await send(to, '["hit", {"by": 2}]')).toMatchObject({ ok: true });
  expect(JSON.parse(await service.ask('got'))).toEqual([[['hit', { by: 2 }]], [['hit', { by: 2 }]]]);
  expect(await send(id, '{"hit":1}')).toMatchObject({ error: { code: 'ACTOR_FAILED' } });
});

const adapterUrl = new URL('adapters/colyseus.js', agentUrl).href;

interface JoinedRoom {
  roomId: string;
  sessionId: string;
  onMessage(type: string, hear: (message: unknown) => void): void;
  leave(): Promise<unknown>;
}

test('Colyseus with a client of its own: joined, sent to, and gone', async () => {
  const real = await startService({
    files: {
      'main.js': `
import { createRequire } from 'node:module';
const require = createRequire('${fileURLToPath(`${modules}/x.js`)}');
const { Server, Room, matchMaker } = require('@colyseus/core');
// Node 20 gives it the ES module, which nobody sees there.
if (process.versions.node.startsWith('20.')) (await (await import('${agentUrl}')).startAgent()).actors.use((await import('${adapterUrl}')).colyseus([matchMaker]));
const { WebSocketTransport } = require('@colyseus/ws-transport');
class Battle extends Room {
  onCreate() { this.maxClients = 4; this.autoDispose = false; }
  onJoin(client) { client.userData = { hp: 7 }; }
}
const server = new Server({ transport: new WebSocketTransport(), greet: false, gracefullyShutdown: false });
server.define('battle', Battle);
await server.listen(0, '127.0.0.1');
const answer = () => server.transport.server.address().port;
${answering}`,
    },
    main: 'main.js',
  });
  const { Client } = createRequire(import.meta.url)('@colyseus/sdk') as {
    Client: new (url: string) => { joinOrCreate(name: string, options: object): Promise<JoinedRoom> };
  };
  const room = await new Client(`ws://127.0.0.1:${await real.ask('port')}`).joinOrCreate('battle', {});
  const heard: unknown[] = [];
  room.onMessage('news', (message) => heard.push(message));
  const id = `colyseus/battle/${room.roomId}`;
  const client = `${id}/${room.sessionId}`;
  expect(await list(real, 'battle')).toMatchObject([{ id, type: 'battle', state: expect.stringContaining('clients: 1, maxClients: 4') as string }]);
  await vi.waitFor(async () => expect(await list(real, 'colyseus.Client', '--where', 's => s.state === 1')).toHaveLength(1), 10_000);
  expect(await list(real, 'colyseus.Client')).toMatchObject([{ id: client, state: expect.stringContaining('hp: 7') as string }]);
  for (const to of [id, client])
    expect((await real.keyhole('send', 'svc', to, `["news", {"to": "${to}"}]`, '--reason', 'r', '--json')).json()).toMatchObject({ ok: true });
  await vi.waitFor(() => expect(heard).toEqual([{ to: id }, { to: client }]), 10_000);
  await room.leave();
  await vi.waitFor(async () => expect(await list(real, 'colyseus.Client')).toEqual([]), 10_000);
});

test('worker threads: how busy they are, and a message', async () => {
  const [worker, ...others] = await list(service, 'Worker');
  expect(others).toEqual([]);
  expect(worker).toMatchObject({
    id: expect.stringMatching(/^workers\/\d+$/) as string,
    state: expect.stringMatching(/utilization: [\d.]+/) as string,
  });
  expect(await send(String(worker?.['id']), '{"n":1}')).toMatchObject({ ok: true });
  await vi.waitFor(async () => expect(JSON.parse(await service.ask('echoes'))).toEqual([{ echo: { n: 1 } }]), 10_000);
});

test('resources: kinds with their number, and handles one by one', async () => {
  const resources = await list(service, '--from', 'resources');
  expect(resources.find(({ id }) => id === 'resources/Timeout')).toMatchObject({
    type: 'resource',
    state: expect.stringMatching(/count: [1-9]/) as string,
  });
  const [server] = await list(service, 'Server');
  expect(server).toMatchObject({ id: expect.stringMatching(/^resources\/Server\/\d+$/) as string });
  expect((await service.keyhole('inspect', 'svc', String(server?.['id']), '--json')).json()).toMatchObject({ type: 'object' });
  expect(await list(service, 'FSReqCallback')).toMatchObject([{ id: expect.stringMatching(/^resources\/FSReqCallback\/\d+$/) as string }]);
  // None of it is in a list that does not ask for it.
  expect((await list(service)).map(({ from }) => from)).toEqual(['colyseus']);
});

test('what has come to its end is no actor any more', async () => {
  await service.ask('end');
  await vi.waitFor(async () => expect([...(await list(service)), ...(await list(service, 'Worker'))]).toEqual([]), 10_000);
});

test.skipIf(process.versions.node.startsWith('20.'))(
  'Colyseus as ES modules (not on Node 20: its hooks run on another thread, and Colyseus asks for Node 22)',
  async () => {
    const modern = await startService({
      files: {
        'main.js': `import { matchMaker, Room } from '${modules}/${colyseus('index.mjs')}';\n${service_}\nconst answer = () => roomId;\n${answering}`,
      },
      main: 'main.js',
    });
    expect((await list(modern)).map(({ type }) => type)).toEqual(['battle']);
  },
);

test('HTTP/2: servers with their connections, and requests where Node keeps them', async () => {
  const plain = await startService({
    files: {
      'main.js': `
import { createServer } from 'node:http2';
const waiting = [];
const server = createServer((request, response) => waiting.push(response));
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const answer = (line) => (line === 'end' ? waiting.splice(0).map((each) => each.end('done')).length : line === 'waiting' ? waiting.length : server.address().port);
${answering}`,
    },
    main: 'main.js',
  });
  const client = connect(`http://127.0.0.1:${await plain.ask('port')}`);
  const requests = ['/a?token=canary', '/b'].map((path) => client.request({ ':path': path, ':method': 'GET' }));
  const answered = requests.map((request) => once(request, 'response'));
  await vi.waitFor(async () => expect(await plain.ask('waiting')).toBe('2'), 10_000);
  const [server] = await list(plain, 'http.Server');
  // Before Node 24 a server does not know its sessions.
  const keeps = Number(process.versions.node.split('.')[0]) >= 24;
  expect(server?.['state']).toMatch(new RegExp(`connections: 1,\\s+openRequests: ${keeps ? '2' : 'null'},`));
  const open = await list(plain, 'http.Request');
  expect(open.map(({ state }) => /method: '(\w+)',\s+url: '([^']+)'/.exec(String(state))?.slice(1))).toEqual(
    keeps
      ? [
          ['GET', '/a?token=...'],
          ['GET', '/b'],
        ]
      : [],
  );
  if (keeps) expect(open[0]?.['state']).toMatch(/ageAtLeastMs: \d+,\s+from: '127\.0\.0\.1:\d+',\s+stream: 1/);
  await plain.ask('end');
  await Promise.all(answered);
  client.close();
  await vi.waitFor(async () => expect(await list(plain, 'http.Request')).toEqual([]), 10_000);
});
