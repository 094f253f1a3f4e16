/** `follow` on a real service: told by an actor or looked at, only what differs, and an end that says why. */
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import type { FollowChange, FollowResult, FollowStarted, Params } from '../../packages/agent/dist/protocol/index.js';
import { runConsole, startConsole } from '../helpers/console-process.ts';
import { withConnection } from '../helpers/operator.ts';
import { agentUrl, answering, journalOf, startService, type Service } from '../helpers/service.ts';

const modules = pathToFileURL(path.resolve(import.meta.dirname, '../../node_modules')).href;

const main = `
import { EventEmitter } from 'node:events';
import { startAgent } from '${agentUrl}';
import { assign, createActor, createMachine, fromPromise } from '${modules}/xstate/dist/xstate.cjs.mjs';
const counter = createMachine({
  id: 'counter', context: { n: 0, history: [] }, initial: 'on',
  states: { on: { on: { add: { actions: assign({ n: ({ context }) => context.n + 1 }) }, stop: 'off' } }, off: { type: 'final' } },
});
let actor = createActor(counter).start();
class Room extends EventEmitter { name = 'lobby'; price = 1; members = new Set(); queue = []; }
const rooms = { told: new Room(), looked: new Room(), weak: new Room(), hangs: new Room() };
const agent = await startAgent();
agent.actors.register('told', rooms.told, { mailbox: (room) => room.queue, subscribe: (room, changed) => { room.on('change', changed); return () => room.off('change', changed); }, state: ({ name, price }) => ({ name, price }) });
const off = agent.actors.register('looked', rooms.looked, { state: ({ price, members }) => ({ price, members }) });
agent.actors.register('weak', rooms.weak);
let hangs = false;
agent.actors.register('hangs', rooms.hangs, { state: () => { while (hangs); return 1; } });
const answer = (line) => ({
  told: () => { rooms.told.price += 1; rooms.told.queue.push(1); rooms.told.emit('change'); rooms.told.price += 1; rooms.told.emit('change'); return rooms.told.price; },
  same: () => { rooms.told.emit('change'); return 1; },
  listeners: () => rooms.told.listenerCount('change'),
  looked: () => { rooms.looked.price += 1; rooms.looked.members.add('ann'); return 1; },
  off: () => { off(); return 1; },
  add: () => { actor.send({ type: 'add' }); return 1; },
  stop: () => { actor.send({ type: 'stop' }); return 1; },
  hang: () => { hangs = true; return 1; },
  collect: () => { gc(); return 1; },
  forget: () => { delete rooms.weak; return 1; },
})[line]();
${answering}`;

let service: Service;
beforeAll(async () => {
  service = await startService({ files: { 'main.js': main }, main: 'main.js', environment: { NODE_OPTIONS: '--expose-gc' } });
}, 30_000);

type Item = FollowStarted | FollowChange;

/** Follows while `work` is done, which can wait for so many items. */
function following(
  params: Params<'actor.follow'>,
  work: (until: (count: number) => Promise<Item[]>, stop: () => void) => Promise<void>,
): Promise<FollowResult> {
  return withConnection(service, async (connection) => {
    const items: Item[] = [];
    let wake = (): void => undefined;
    const abort = new AbortController();
    const ended = connection.call(
      'actor.follow',
      { budgetPercent: 50, ...params },
      { timeoutMs: 30_000, signal: abort.signal, onEvent: (_, said) => (items.push(...(said as Item[])), wake()) },
    );
    const until = async (count: number): Promise<Item[]> => {
      while (items.length < count) await Promise.race([new Promise<void>((resolve) => (wake = resolve)), ended]);
      return items;
    };
    await until(1);
    await work(until, () => abort.abort());
    return ended;
  });
}

test('an actor that tells: what changed within a turn is one change, and nothing is left in it', async () => {
  const result = await following({ actor: 'told' }, async (until, stop) => {
    expect(await service.ask('listeners')).toBe('1');
    await service.ask('told');
    const [started, change] = await until(2);
    expect(started).toMatchObject({ t: 'started', actor: 'told', how: 'told', mailbox: 0 });
    expect(change).toMatchObject({ t: 'change', number: 1, changes: 2, mailbox: 1 });
    expect(JSON.stringify(change?.state)).toContain('{"name":"price","type":"number","value":"3"}');
    // That it tells is no change yet.
    await service.ask('same');
    await service.ask('told');
    expect(await until(3)).toHaveLength(3);
    stop();
  });
  expect(result).toMatchObject({ ended: 'stopped', shown: 2, seen: 5, missed: { unread: 0 } });
  expect(await service.ask('listeners')).toBe('0');
});

test('one that does not tell is looked at; taken off the list, it has come to its end', async () => {
  const result = await following({ actor: 'looked', everyMs: 100 }, async (until) => {
    expect((await until(1))[0]).toMatchObject({ how: 'looked at', everyMs: 100 });
    await service.ask('looked');
    await until(2);
    await service.ask('off');
  });
  expect(result).toMatchObject({ ended: 'actor', shown: 1 });
});

test('XState: each transition, until it is done; the journal has it', async () => {
  const result = await following({ actor: 'xstate/counter#1' }, async (until) => {
    await service.ask('add');
    expect((await until(2))[0]).toMatchObject({ how: 'told', type: 'counter' });
    await service.ask('add');
    await until(3);
    await service.ask('stop');
  });
  expect(result).toMatchObject({ ended: 'actor' });
  const entries = journalOf(service).filter(({ kind }) => kind === 'trace');
  expect(entries.at(-1)).toMatchObject({ phase: 'outcome', status: 'done', result: { ended: 'actor', shown: result.shown } });
});

test('being followed keeps nothing alive, and one that does not answer is said to', async () => {
  const result = await following({ actor: 'weak', everyMs: 100 }, async () => {
    await service.ask('forget');
    for (let times = 0; times < 3; times += 1) await service.ask('collect');
  });
  expect(result).toMatchObject({ ended: 'actor', shown: 0 });
  await following({ actor: 'hangs', everyMs: 500 }, async (until, stop) => {
    await service.ask('hang');
    expect((await until(2))[1]).toMatchObject({ error: 'did not answer within 250 ms' });
    stop();
  });
});

test('what it takes of the thread is bounded, and so are changes', async () => {
  const result = await following({ actor: 'hangs', everyMs: 100, budgetPercent: 1 }, () => Promise.resolve());
  expect(result).toMatchObject({ ended: 'budget' });
  const limited = await following({ actor: 'told', limit: 1 }, async () => {
    await service.ask('told');
  });
  expect(limited).toMatchObject({ ended: 'limit', shown: 1 });
});

test('the command shows the state once, then what differs', async () => {
  const console_ = startConsole(['follow', 'svc', 'told', '--budget', '50'], { env: service.env });
  await console_.until('stdout', '(mailbox)');
  await service.ask('told');
  await console_.until('stdout', '+price');
  console_.child.kill('SIGINT');
  const { code, stdout, stderr } = await console_.ended;
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^name: 'lobby'\nprice: (\d+)\n\(mailbox\): (\d+)\n[\d:.]+ {2}2 changes\n name: 'lobby'\n-price: \1\n-\(mailbox\): \2\n\+price: \d+\n\+\(mailbox\): \d+\n$/,
  );
  expect(stderr).toContain('following told (Room): it tells of each change; Ctrl-C ends it');
  expect(stderr).toMatch(/ended after .*: you ended it\n2 changes, 1 shown\nlooking took .* nothing of it is left in the service/);
  expect((await service.keyhole('follow', 'svc', 'nobody', '--json')).json()).toMatchObject({ error: { code: 'NOT_FOUND' } });
});

test('in the REPL it is .follow, and what is typed next is heard when it has ended', async () => {
  const { code, stdout, stderr } = await runConsole(['attach', 'svc'], { env: service.env, input: '.follow told --for 200ms --budget 50\n40 + 2\n' });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^name: 'lobby'\n[^]*\n42\n$/);
  expect(stderr).toContain('the time is up');
});
