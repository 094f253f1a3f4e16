/** Actors of real libraries, found without a line in the service: XState, Socket.IO, ws, and Node's own HTTP servers, with real clients. */
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { io, type Socket } from 'socket.io-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { agentUrl, answering, startService, type Service } from '../helpers/service.ts';

const modules = pathToFileURL(path.resolve(import.meta.dirname, '../../node_modules')).href;

const main = `
import { createServer } from 'node:http';
import { startAgent } from '${agentUrl}';
import { Server } from '${modules}/socket.io/wrapper.mjs';
import { WebSocketServer } from '${modules}/ws/wrapper.mjs';
import { assign, createActor, createMachine } from '${modules}/xstate/dist/xstate.cjs.mjs';

const clerk = createMachine({ id: 'clerk', initial: 'idle', states: { idle: {} } });
const order = createMachine({
  id: 'order',
  context: { items: 0 },
  initial: 'open',
  invoke: { src: clerk, id: 'clerk' },
  states: { open: { on: { add: { actions: assign({ items: ({ context }) => context.items + 1 }) }, pay: 'paid' } }, paid: { type: 'final' } },
});
const orders = [createActor(order).start(), createActor(order).start()];
createActor(order); // not started: it does nothing yet
orders[0].send({ type: 'add' });

const held = [];
const server = createServer((request, response) => { if (request.url.startsWith('/slow')) held.push(response); else response.end('ok'); });
const io = new Server(server);
io.on('connection', (socket) => { socket.data.name = 'ann'; socket.join('lobby'); });
io.of('/chat');
const sockets = new WebSocketServer({ noServer: true });
const upgrades = createServer().on('upgrade', (request, socket, head) => sockets.handleUpgrade(request, socket, head, () => undefined));
for (const each of [server, upgrades]) await new Promise((done) => each.listen(0, '127.0.0.1', done));
const agent = await startAgent();
const answer = (line) => ({
  ports: () => [server.address().port, upgrades.address().port],
  pay: () => { orders[1].send({ type: 'pay' }); return 1; },
  drop: () => { orders.length = 1; return 1; },
  release: () => { for (const response of held) response.end('late'); return held.length; },
})[line]();
${answering}`;

interface Actor {
  id: string;
  type: string;
  mailbox: number | null;
  state?: string;
  from?: string;
  parent?: string;
  can?: string[];
}

let service: Service;
let http = '';
let client: Socket;
let socket: WebSocket;
const list = async (...words: string[]): Promise<Actor[]> => (await service.keyhole('actors', 'svc', ...words, '--json')).json() as Actor[];

beforeAll(async () => {
  service = await startService({ files: { 'main.js': main }, main: 'main.js' });
  const [port, upgrades] = JSON.parse(await service.ask('ports')) as [number, number];
  http = `http://127.0.0.1:${port}`;
  client = io(http, { transports: ['websocket'] });
  await new Promise<void>((resolve) => client.once('connect', () => resolve()));
  socket = new WebSocket(`ws://127.0.0.1:${upgrades}`);
  await new Promise((resolve) => socket.once('open', resolve));
}, 30_000);

afterAll(() => {
  client.close();
  socket.terminate();
});

test('XState: running roots and their children, with their states and mailboxes', async () => {
  const [first, clerk, second] = await list('--from', 'xstate');
  expect(first).toMatchObject({ id: 'xstate/order#1', type: 'order', mailbox: 0, from: 'xstate', can: ['suspend', 'send', 'subscribe'] });
  expect(first?.state).toContain("value: 'open'");
  expect(first?.state).toContain('items: 1');
  expect(clerk).toMatchObject({ id: 'xstate/order#1/clerk', type: 'clerk', parent: 'xstate/order#1' });
  expect(second).toMatchObject({ id: 'xstate/order#2' });
  expect((await list('order', '--where', 's => s.context.items > 0')).map(({ id }) => id)).toEqual(['xstate/order#1']);
  const opened = await service.keyhole('inspect', 'svc', 'xstate/order#1/clerk');
  expect(opened.stdout).toContain('actor: found by xstate; of xstate/order#1; 0 in its mailbox; can: suspend, send, subscribe');
  // One that has come to its end is no actor any more.
  await service.ask('pay');
  expect((await list('order')).map(({ id }) => id)).toEqual(['xstate/order#1']);
});

test('Socket.IO: servers, namespaces, rooms and sockets', async () => {
  const actors = await list('--from', 'socket.io');
  const id = client.id ?? '';
  expect(actors.map((each) => [each.id, each.type, each.parent])).toEqual([
    ['socket.io/1', 'io.Server', undefined],
    ['socket.io/1/', 'io.Namespace', 'socket.io/1'],
    ['socket.io/1/#lobby', 'io.Room', 'socket.io/1/'],
    [`socket.io/1/@${id}`, 'io.Socket', 'socket.io/1/'],
    ['socket.io/1/chat', 'io.Namespace', 'socket.io/1'],
  ]);
  expect(actors[0]?.state).toContain('clients: 1');
  expect(actors[2]?.state).toContain(`sockets: [ '${id}' ]`);
  expect(actors[3]).toMatchObject({ mailbox: 0, can: ['send', 'subscribe'] });
  const where = `s => s.connected && s.data.name === 'ann'`;
  expect((await list('io.Socket', '--where', where)).map((each) => each.id)).toEqual([`socket.io/1/@${id}`]);
});

test('ws: a server and its connections; the one that Socket.IO has of its own is no server of the service', async () => {
  const [server, connection, ...others] = await list('--from', 'ws');
  expect(server).toMatchObject({ id: 'ws/1', type: 'WebSocketServer' });
  expect(server?.state).toContain('clients: 1');
  expect(connection).toMatchObject({ id: 'ws/1/1', type: 'WebSocket', parent: 'ws/1', can: ['suspend', 'send'] });
  expect(connection?.state).toContain("state: 'open'");
  expect(others).toEqual([]);
});

test('connections are shown where somebody asks for them, since there may be very many', async () => {
  expect((await list()).map(({ type }) => type)).toEqual([
    'order',
    'clerk',
    'io.Server',
    'io.Namespace',
    'io.Room',
    'io.Namespace',
    'WebSocketServer',
  ]);
  expect((await list('WebSocket')).map(({ id }) => id)).toEqual(['ws/1/1']);
});

test('HTTP: servers and open requests, only where they are asked for; values of a query are not shown', async () => {
  expect((await list()).filter(({ from }) => from === 'http')).toEqual([]);
  expect((await list('http.Server')).map(({ id }) => id)).toContain(http.replace('http://', 'http/'));
  const slow = fetch(`${http}/slow?token=hunter2&page=1`);
  let requests: Actor[] = [];
  while (requests.length === 0) requests = await list('http.Request');
  expect(requests).toMatchObject([{ type: 'http.Request', parent: http.replace('http://', 'http/') }]);
  expect(requests[0]?.state).toContain("url: '/slow?token=...&page=...'");
  // It began after the first look.
  expect(requests[0]?.state).toMatch(/ageMs: \d+/);
  expect(JSON.stringify(requests)).not.toContain('hunter2');
  expect(await service.ask('release')).toBe('1');
  expect(await (await slow).text()).toBe('late');
  expect(await list('http.Request')).toEqual([]);
});

test('an adapter that there is not is said; an actor that is not there too', async () => {
  expect((await service.keyhole('actors', 'svc', '--from', 'akka', '--json')).json()).toMatchObject({
    error: {
      code: 'NOT_FOUND',
      message: 'there is no adapter akka',
      hint: expect.stringContaining('xstate, socket.io, ws, colyseus, http, workers, timers, resources') as string,
    },
  });
  expect((await service.keyhole('inspect', 'svc', 'xstate/order#9', '--json')).json()).toMatchObject({
    error: { code: 'NOT_FOUND', message: 'there is no actor xstate/order#9' },
  });
});

test('an agent that came late, and adapters of the service: what fails or never ends is said, and hides no other', async () => {
  const late = await startService({
    nodeArguments: [],
    main: 'main.js',
    files: {
      'main.js': `
import { startAgent } from '${agentUrl}';
import { createActor, createMachine } from '${modules}/xstate/dist/xstate.cjs.mjs';
const cart = createMachine({ id: 'cart' });
const early = createActor(cart).start();
const { KEYHOLE_OPERATORS: operators, KEYHOLE_JOURNAL_DIR: dir } = process.env;
const agent = await startAgent({ adapters: ["xstate"], operators, journal: { dir } });
const actor = createActor(cart).start();
const queue = { name: 'mails', jobs: [{ to: 'ann' }, { to: 'bob' }, { to: 'cid' }, { to: 'dee' }] };
const one = (name, more) => agent.actors.use({ name, shown: 'always', list: () => [{ actor: queue, name: 'one', type: name }], ...more });
one('queue', { mailbox: (each) => ({ length: each.jobs.length, head: each.jobs }) });
one('broken', { list() { throw new Error('no list'); } });
one('endless', { list: function* () { yield { actor: queue, name: 'first', type: 'endless' }; for (;;); } });
one('strange', { list: () => [null, 7, { name: 'x' }, { actor: queue, name: 'fine', type: 'strange' }] });
one('hangs', { state: () => { for (;;); } });
one('throws', { state: () => { throw new Error('no state'); } });
one('many', { list: function* () { for (let n = 0; n < 3000; n += 1) yield { actor: { n }, name: String(n), type: 'many' }; } });
agent.actors.register('slow', queue, { type: 'slow', state: () => { for (;;); } });
agent.actors.register('jobs', queue, { mailbox: (each) => each.jobs });
globalThis.kept = [early, actor, agent];
const answer = (line) => {
  try {
    agent.actors.use(JSON.parse(line));
  } catch (error) {
    return error.message;
  }
};
${answering}`,
    },
  });
  const looked = await late.keyhole('actors', 'svc', '--json');
  const actors = looked.json() as (Actor & { error?: string; head?: string[] })[];
  const of = (id: string): (typeof actors)[number] | undefined => actors.find((each) => each.id === id);
  // What was started before the agent is not seen.
  expect(actors.filter(({ from }) => from === 'xstate').map(({ id }) => id)).toEqual(['xstate/cart#1']);
  expect(of('queue/one')).toMatchObject({ mailbox: 4, head: ["{ to: 'ann' }", "{ to: 'bob' }", "{ to: 'cid' }"] });
  expect(of('jobs')).toMatchObject({ mailbox: 4, head: expect.arrayContaining(["{ to: 'ann' }"]) as string[] });
  expect(of('endless/first')).toBeDefined();
  expect(of('strange/fine')).toBeDefined();
  for (const id of ['slow', 'hangs/one']) expect(of(id)).toMatchObject({ error: 'did not answer within 250 ms' });
  expect(of('throws/one')).toMatchObject({ error: 'no state' });
  expect(actors.filter(({ from }) => from === 'many')).toHaveLength(500);
  // A condition is asked of all of them, also beyond what a list holds and a session has handles for.
  const last = await late.keyhole('actors', 'svc', 'many', '--where', 's => s.n === 0 || s.n > 2997', '--json');
  expect((last.json() as Actor[]).map(({ id }) => id)).toEqual(['many/0', 'many/2998', 'many/2999']);
  const most = await late.keyhole('actors', 'svc', 'many', '--where', 's => s.n >= 0', '--json');
  expect((most.json() as Actor[]).length).toBeGreaterThanOrEqual(500);
  expect(most.stderr).toContain('not all of many: the condition holds for more than 499');
  expect(looked.stderr).toContain('not all of broken: it failed: no list');
  expect(looked.stderr).toContain('not all of endless: it did not come to its end within 250 ms');
  expect(looked.stderr).toContain('not all of many: there are more than 500');
  expect(await late.ask('{"name":"Up","shown":"always"}')).toContain('the name must be lower-case letters');
  expect(await late.ask('{"name":"up","shown":"always"}')).toContain('list must be a function');
});
