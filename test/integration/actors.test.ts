/** Actors by a condition and in an order, and instances of a class: looking only, with the pause said. */
import { beforeAll, expect, test, vi } from 'vitest';
import { agentUrl, answering, startService, type Service } from '../helpers/service.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const main = `
import { EventEmitter } from 'node:events';
import { startAgent } from '${agentUrl}';
let ran = 0;
class Room { constructor(name, bids) { this.name = name; this.bids = bids; this.queue = []; this.deep = { closed: bids > 5 }; } get trap() { ran += 1; return 1; } }
class Hall extends Room {}
export class Unused {}
const rooms = [new Room('a', 3), new Room('b', 12), new Hall('c', 40), new Room('d', 7)];
globalThis.rooms = rooms;
rooms[1].queue.length = 2; rooms[3].queue.length = 9;
const agent = await startAgent();
for (const room of rooms) agent.actors.register('room/' + room.name, room, { mailbox: (each) => each.queue.length });
// The registry alone keeps nothing alive.
globalThis.counted = [{ n: 1 }, {}];
agent.actors.register('count', counted[0], { state: () => 30 });
agent.actors.register('broken', counted[1], { state: () => { throw new Error('no state'); } });
const others = { long: 'x'.repeat(20_000), huge: 2n ** 5_000n, sign: Symbol('x'), short: 'x' };
for (const [id, state] of Object.entries(others)) agent.actors.register(id, others, { type: 'Other', state: () => state });
globalThis.kept = [agent, others];
class Feed extends EventEmitter { get trap() { ran += 1; return 1; } }
globalThis.feeds = Array.from({ length: 130 }, () => new Feed());
for (let at = 0; at < 12; at += 1) feeds[120].on('tick', () => undefined);
feeds[120].once('AKIAABCDEFGHIJKLMNOP', () => undefined).on(Symbol('end'), () => undefined);
feeds[7].on('tick', () => undefined);
Object.defineProperty(feeds[8], '_events', { get() { ran += 1; return {}; } });
const answer = (line) => ({ ran: () => ran })[line]();
${answering}`;

let service: Service;
beforeAll(async () => {
  service = await startService({ files: { 'src/main.js': main }, main: 'src/main.js' });
});

const ids = async (...words: string[]): Promise<string[]> =>
  ((await service.keyhole('actors', 'svc', ...words, '--json')).json() as { id: string }[]).map(({ id }) => id);

test('a condition over what they show, and an order', async () => {
  expect(await ids('--where', 's => s.bids > 5', '--sort', 'mailbox')).toEqual(['room/d', 'room/b', 'room/c']);
  expect(await ids('Room', '--where', "it => it.deep.closed && it.name !== 'd'")).toEqual(['room/b']);
  expect(await ids('--where', 's => s === 30')).toEqual(['count']);
  const looked = await service.keyhole('actors', 'svc', '--where', 's => s.bids > 5');
  expect(looked.stderr).toContain('not asked: broken: ');
});

test('of what is not at hand whole nothing is said', async () => {
  expect(await ids('Other', '--where', 's => s.length === 1')).toEqual(['short']);
  const looked = await service.keyhole('actors', 'svc', 'Other', '--where', 's => s.length === 10000 || s === undefined', '--json');
  expect(looked.json()).toEqual([]);
  for (const id of ['long', 'huge', 'sign']) expect(looked.stderr).toContain(`${id}: its state is too large`);
});

test.each([
  's => s.trap',
  's => s.bids = 1',
  's => s.queue.push(1)',
  's => { return true }',
  '(a, b) => true',
  'async s => true',
  's.bids > 1',
  's => (() => 1)()',
  '({ bids }) => bids > 1',
  's => s.bids > 5) || (1',
  'eval => eval.bids > 1',
])('a condition that is more than looking changes nothing: %s', async (condition) => {
  const looked = await service.keyhole('actors', 'svc', '--where', condition, '--json');
  if (condition === 's => s.trap') {
    expect(looked.json()).toEqual([]);
    expect(looked.stderr).toMatch(/not asked: room\/a: EvalError: Possible side-effect/);
  } else expect(looked.json()).toMatchObject({ ok: false, error: { code: 'NOT_ALLOWED' } });
  expect(await service.ask('ran')).toBe('0');
});

test('instances: how many, the first of them, and the pause', async () => {
  const found = (await service.keyhole('instances', 'svc', 'Room', '--in', 'src/main.js', '--max-pause', '60000', '--json')).json() as Record<
    string,
    unknown
  >;
  expect(found).toMatchObject({
    class: 'Room',
    count: 4,
    classes: [
      { name: 'Room', count: 3 },
      { name: 'Hall', count: 1 },
    ],
  });
  expect((found['instances'] as { className: string }[]).map(({ className }) => className).sort()).toEqual(['Hall', 'Room', 'Room', 'Room']);
  expect(found['expectedMs']).toBeGreaterThan(30);
  expect(found['pauseMs']).toBeGreaterThan(0);
  // What the first walk took counts for the next one.
  const again = (await service.keyhole('instances', 'svc', 'Room', '--in', 'src/main.js', '--max-pause', '60000', '--json')).json() as Record<
    string,
    unknown
  >;
  expect(again['expectedMs']).toBeGreaterThanOrEqual(Number(found['pauseMs']) * 0.5);
  expect((await service.keyhole('instances', 'svc', 'Unused', '--in', 'src/main.js', '--max-pause', '60000', '--json')).json()).toMatchObject({
    count: 0,
    instances: [],
  });
});

test('instances of EventEmitter: how many listeners each class has, and those with the most first', async () => {
  const found = (await service.keyhole('instances', 'svc', 'EventEmitter', '--count', '3', '--max-pause', '60000', '--json')).json() as {
    classes: { name: string; count: number; listeners: number }[];
    instances: { className: string; listeners: { event: string; count: number }[] }[];
  };
  // Node's own process is one, too.
  expect(found.classes).toEqual(expect.arrayContaining([{ name: 'Feed', count: 130, listeners: 15 }, expect.objectContaining({ name: 'process' })]));
  const feeds = (await service.keyhole('instances', 'svc', 'Feed', '--in', 'src/main.js', '--max-pause', '60000')).stdout;
  expect(feeds).toMatch(/^130 of Feed, .*\nby class: Feed 130 \(15 listeners\)\nFeed /);
  expect(feeds.match(/^ {2}listeners: .*/gm)).toEqual(['  listeners: tick 12, [redacted]********** 1, Symbol(end) 1', '  listeners: tick 1']);
  expect(feeds.match(/^ {2}no listeners/gm)).toHaveLength(98);
  expect(await service.ask('ran')).toBe('0');
});

test('instances: a pause that is longer than allowed is refused, with its length', async () => {
  const refused = await service.keyhole('instances', 'svc', 'Room', '--in', 'src/main.js', '--json');
  expect(refused.json()).toMatchObject({
    ok: false,
    error: {
      code: 'PAUSE_BUDGET',
      message: expect.stringMatching(/about \d+ ms, and 50 are allowed/) as string,
      hint: expect.stringMatching(/^--max-pause \d+ allows it/) as string,
    },
  });
  expect((await service.keyhole('instances', 'svc', 'rooms', '--max-pause', '60000', '--json')).json()).toMatchObject({
    error: { code: 'BAD_REQUEST', message: 'rooms is no class' },
  });
});

test('a heap that is nearly full is not walked unless insisted', async () => {
  const full = await startService({
    files: {
      'src/main.js': `import { getHeapStatistics } from 'node:v8';
globalThis.kept = [];
while (process.memoryUsage().heapUsed < getHeapStatistics().heap_size_limit * 0.87) kept.push(new Array(50_000).fill(1.5));
class Room {}; globalThis.room = new Room(); globalThis.Room = Room;
const answer = (line) => line;
${answering}`,
    },
    main: 'src/main.js',
    environment: { NODE_OPTIONS: '--max-old-space-size=200 --max-semi-space-size=1' },
  });
  const refused = await full.keyhole('instances', 'svc', 'Room', '--max-pause', '60000', '--json');
  expect(refused.json()).toMatchObject({ ok: false, error: { code: 'HEAP_FULL' } });
  expect((await full.keyhole('profile', 'svc', '--heap', '--seconds', '0.1', '--json')).json()).toMatchObject({
    ok: false,
    error: { code: 'HEAP_FULL' },
  });
  expect((await full.keyhole('top', 'svc', '--once', '--json')).json()).toMatchObject({ memory: { nearlyFull: true } });
});
