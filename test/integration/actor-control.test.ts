/** Suspending, resuming and sending, as sys does in Erlang, on actors of XState and ws and on registered ones: journaled, looked up afterwards, undone where that can be. */
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { agentUrl, answering, journalOf, startService, type Service } from '../helpers/service.ts';

const modules = pathToFileURL(path.resolve(import.meta.dirname, '../../node_modules')).href;

const main = `
import { createServer } from 'node:http';
import { startAgent } from '${agentUrl}';
import { WebSocketServer } from '${modules}/ws/wrapper.mjs';
import { assign, createActor, createMachine } from '${modules}/xstate/dist/xstate.cjs.mjs';
const counter = createMachine({ id: 'counter', context: { n: 0 }, on: { add: { actions: assign({ n: ({ context, event }) => context.n + (event.by ?? 1) }) } } });
const actor = createActor(counter).start();
const sockets = new WebSocketServer({ noServer: true });
const heard = [];
const server = createServer().on('upgrade', (request, socket, head) => sockets.handleUpgrade(request, socket, head, (client) => client.on('message', (data) => heard.push(String(data)))));
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const agent = await startAgent();
const room = { paused: false, got: [], throws: false };
agent.actors.register('room/lobby', room, {
  type: 'Room',
  suspend: (each) => { if (each.throws) { each.paused = true; throw new Error('half-way'); } each.paused = true; },
  resume: (each) => { each.paused = false; },
  isSuspended: (each) => each.paused,
  send: (each, message) => {
    if (message.later) return Promise.reject(new Error('not today'));
    if (message.now) throw new Error('never');
    each.got.push(message);
  },
});
agent.actors.register('liar', room, { type: 'Liar', suspend: () => undefined, resume: () => undefined, isSuspended: () => false });
agent.actors.register('plain', room);
const answer = (line) => ({
  port: () => server.address().port,
  add: () => { actor.send({ type: 'add' }); return actor.getSnapshot().context.n; },
  count: () => actor.getSnapshot().context.n,
  room: () => room,
  heard: () => heard,
  throws: () => { room.throws = true; return 1; },
})[line]();
${answering}`;

let service: Service;
interface Done {
  ok: boolean;
  id: string;
  entry: number;
  mailbox: number | null;
}
const act = async (command: string, ...words: string[]): Promise<Done> =>
  (await service.keyhole(command, 'svc', ...words, '--reason', 'stuck', '--json')).json() as Done;

beforeAll(async () => {
  service = await startService({ files: { 'main.js': main }, main: 'main.js' });
}, 30_000);

test('a suspended actor keeps its messages, and handles them when it is resumed; all of it stands in the journal', async () => {
  expect(await service.ask('add')).toBe('1');
  const suspended = await act('suspend', 'xstate/counter#1');
  expect(suspended).toMatchObject({ ok: true, id: `s${suspended.entry}`, actor: 'xstate/counter#1', forMs: 60_000, mailbox: 0 });
  expect(await service.ask('add')).toBe('1');
  const sent = await act('send', 'xstate/counter#1', '{"type":"add","by":10}');
  expect(sent).toMatchObject({ ok: true, suspended: true, mailbox: 2 });
  const [row] = (await service.keyhole('actors', 'svc', 'counter', '--json')).json() as Record<string, unknown>[];
  expect(row).toMatchObject({ mailbox: 2, suspended: true, head: ["{ type: 'add' }", "{ type: 'add', by: 10 }"] });
  expect(await act('suspend', 'xstate/counter#1')).toMatchObject({
    error: { code: 'NOT_PATCHABLE', message: expect.stringContaining('suspended already') as string },
  });
  expect(await act('revert', suspended.id)).toMatchObject({ ok: true, changes: [{ id: suspended.id, actor: 'xstate/counter#1', resumed: true }] });
  expect(await service.ask('count')).toBe('12');
  const entries = journalOf(service).filter(({ kind }) => kind === 'set');
  expect(entries.filter(({ phase }) => phase === 'intent').map(({ op }) => op)).toEqual([
    'actor.suspend',
    'actor.send',
    'actor.suspend',
    'actor.restore',
  ]);
  expect(entries.find(({ phase, intent }) => phase === 'outcome' && intent === suspended.entry)).toMatchObject({
    status: 'done',
    result: { id: suspended.id, forMs: 60_000 },
  });
  const log = (await service.keyhole('log', 'svc')).stdout;
  expect(log).toContain('Actor:    suspend xstate/counter#1');
  expect(log).toContain('Actor:    xstate/counter#1 <- {"type":"add","by":10}');
});

test('what can not be undone says so: a message, a resume, a suspension that is over', async () => {
  const sent = await act('send', 'xstate/counter#1', '{"type":"add"}');
  expect(await act('revert', sent.id)).toMatchObject({
    error: { code: 'NOT_PATCHABLE', message: expect.stringContaining('can not be taken back') as string },
  });
  const suspended = await act('suspend', 'xstate/counter#1');
  const resumed = await act('resume', 'xstate/counter#1');
  expect(resumed).toMatchObject({ ok: true, mailbox: 0 });
  for (const { id } of [suspended, resumed]) expect(await act('revert', id)).toMatchObject({ error: { code: 'NOT_PATCHABLE' } });
  expect(await act('resume', 'xstate/counter#1')).toMatchObject({
    error: { code: 'NOT_PATCHABLE', message: expect.stringContaining('not suspended') as string },
  });
});

test('a suspension ends by itself', async () => {
  const before = Number(await service.ask('count'));
  expect(await act('suspend', 'xstate/counter#1', '--for', '300ms')).toMatchObject({ ok: true, forMs: 300 });
  await service.ask('add');
  await vi.waitFor(async () => expect(Number(await service.ask('count'))).toBe(before + 1), 10_000);
  expect((await service.keyhole('actors', 'svc', 'counter')).stdout).not.toContain('suspended');
});

test('ws: a connection is not read from, and takes a message for its client', async () => {
  const client = new WebSocket(`ws://127.0.0.1:${await service.ask('port')}`);
  const got = new Promise<string>((resolve) => client.once('message', (data: Buffer) => resolve(data.toString())));
  await new Promise((resolve) => client.once('open', resolve));
  const { id } = await act('suspend', 'ws/1/1');
  client.send('hello');
  expect(await act('send', 'ws/1/1', '{"news":1}')).toMatchObject({ ok: true });
  expect(await got).toBe('{"news":1}');
  expect(await service.ask('heard')).toBe('[]');
  expect(await act('revert', id)).toMatchObject({ ok: true });
  await vi.waitFor(async () => expect(await service.ask('heard')).toBe('["hello"]'), 10_000);
  client.terminate();
  await vi.waitFor(async () => expect(await act('send', 'ws/1/1', '"x"')).toMatchObject({ error: { code: 'NOT_FOUND' } }), 10_000);
});

test('registered actors: what throws is said, and a rejection does not end the service', async () => {
  expect(await act('send', 'room/lobby', '{"bid":5}')).toMatchObject({ ok: true, mailbox: null });
  expect(await service.ask('room')).toContain('{"bid":5}');
  for (const message of ['{"later":1}', '{"now":1}'])
    expect(await act('send', 'room/lobby', message)).toMatchObject({
      ok: false,
      error: { code: 'ACTOR_FAILED', message: expect.stringMatching(/not today|never/) as string },
    });
  const failed = journalOf(service).filter(({ phase, status }) => phase === 'outcome' && status === 'failed');
  expect(failed).toHaveLength(2);
  expect(await act('suspend', 'liar')).toMatchObject({ error: { code: 'UNPROVEN' } });
  expect(await act('suspend', 'plain')).toMatchObject({
    error: { code: 'NOT_PATCHABLE', message: expect.stringContaining('registered without') as string },
  });
  expect(await act('send', 'plain', '1')).toMatchObject({ error: { code: 'NOT_PATCHABLE' } });
  expect(await act('send', 'room/lobby', '{bid}')).toMatchObject({ error: { code: 'BAD_REQUEST' } });
  expect(await act('send', 'xstate/counter#1', '"add"')).toMatchObject({
    error: { code: 'ACTOR_FAILED', message: expect.stringContaining('object with a type') as string },
  });
  // It is suspended all the same, and resumed when its time is over.
  await service.ask('throws');
  expect(await act('suspend', 'room/lobby', '--for', '300ms')).toMatchObject({ error: { code: 'ACTOR_FAILED' } });
  await vi.waitFor(async () => expect(await service.ask('room')).toContain('"paused":false'), 10_000);
});

test('secrets in a message do not get into the journal', async () => {
  await act('send', 'room/lobby', '{"password":"opensesame"}');
  expect(JSON.stringify(journalOf(service))).not.toContain('opensesame');
});
