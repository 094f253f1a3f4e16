/** Shadow runs in a real service: new code beside the old one on copies of real calls; nothing of it is used, and nothing is applied that differs. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { ShadowReport } from '../../packages/agent/dist/protocol/index.js';
import { consoleProgram, type Finished } from '../helpers/console-process.ts';
import { openPseudoTerminal } from '../helpers/pseudo-terminal.ts';
import { answering, editFile, journalOf, startService, type Service } from '../helpers/service.ts';

/** Between two questions: asking without a break takes the processor from what is waited for. */
const betweenMs = 10;

const files = {
  'src/shop.js': `
let calls = 0;
export function price(net) { return net * 2; }
export function sorted(list) { list.push(0); return list.toSorted(); }
export async function order(id) { if (id === 'bad') throw new Error('no order'); return { id, lines: [1] }; }
export function lazy(id) { return Promise.resolve(id); }
export function with_(callback) { return callback(1); }
export class Cart {
  items = [];
  owner = 'x';
  add(item) { this.items.push(item); return this.items.length; }
}
export class Locked {
  #secret = 1;
  read() { return this.peek(); }
  peek() { return this.#secret; }
}
export function makeTill() {
  let sum = 0;
  const log = [];
  return { take(amount) { sum += amount; log.push(amount); return sum; }, total: () => sum, log };
}
export function* pages() { yield 1; }
export function count() { calls += 1; return calls; }
`,
  'src/main.js': `
import * as shop from './shop.js';
const cart = new shop.Cart();
const till = shop.makeTill();
const locked = new shop.Locked();
const quiet = (call) => { try { return call(); } catch (error) { return error.name; } };
let n = 0;
setInterval(() => undefined, 1000);
const answer = (line) => ({
  price: () => quiet(() => shop.price((n += 1))), sorted: () => shop.sorted([3, 1]), order: () => { void shop.order('a').catch(() => 0); void shop.order('bad').catch(() => 0); return 1; },
  lazy: () => { void shop.lazy(1); return 1; }, with: () => shop.with_((x) => x), add: () => cart.add('i'), items: () => cart.items.length, take: () => till.take(5), total: () => till.total(), log: () => till.log.length,
  locked: () => locked.read(), count: () => shop.count(), socket: () => shop.price(process.stdin),
})[line]();
${answering}`,
};

interface Pushed {
  ok: boolean;
  patches: unknown[];
  refused: { why: string }[];
  shadow?: { ok: boolean; ended: string; functions: ShadowReport[] };
  error?: { code: string; message: string };
}

const start = (): Promise<Service> => startService({ files, main: 'src/main.js', git: true });
const edited = (service: Service, from: string, to: string): void => editFile(service, 'src/shop.js', from, to);

const shadowEntries = (service: Service): Record<string, unknown>[] => journalOf(service).filter(({ kind }) => kind === 'shadow');

/** Makes real calls, which a shadow run waits for, until something has come about. */
async function callingUntil<T>(service: Service, line: string, promise: Promise<T>): Promise<T> {
  const state = { over: false };
  const ended = promise.finally(() => (state.over = true));
  while (!state.over) {
    await service.ask(line);
    await setTimeout(betweenMs);
  }
  return ended;
}

/** Pushes with a shadow, and makes the calls it waits for until it has its answer. */
async function shadowed(service: Service, line: string, ...words: string[]): Promise<{ done: Finished; pushed: Pushed; report: ShadowReport }> {
  const running = service.keyhole('push', 'svc', 'src/shop.js', '-r', 'x', '--json', '--yes', ...words);
  const finished = await callingUntil(service, line, running);
  const pushed = finished.json() as Pushed;
  return { done: finished, pushed, report: pushed.shadow?.functions[0] as ShadowReport };
}

test('equal on every call: compared, said what happens, and applied', async () => {
  const service = await start();
  edited(service, 'net * 2', 'net + net');
  const { done, pushed, report } = await shadowed(service, 'price', '--shadow', '20');
  expect(report).toMatchObject({ calls: 20, equal: 20, different: 0, skipped: 0, incomparable: 0 });
  expect(done.stderr).toContain('what it sends, writes, or changes through modules and globals does happen');
  expect(pushed).toMatchObject({ ok: true, patches: [{ verified: true }], shadow: { ended: 'enough calls' } });
  expect(shadowEntries(service)).toMatchObject([{ phase: 'intent' }, { phase: 'outcome', status: 'done' }]);
});

test('different and throwing calls are shown, and nothing is applied', async () => {
  const service = await start();
  edited(service, 'return net * 2;', "if (net % 2 === 0) throw new RangeError('even'); return net * 2 + 1;");
  const { done, pushed, report } = await shadowed(service, 'price', '--shadow', '10');
  expect(report).toMatchObject({ calls: 10, equal: 0, different: 10, threw: 5 });
  expect(report.differences).toHaveLength(5);
  const [first] = report.differences;
  expect(first?.old.threw).toBe(false);
  expect(first?.old.value.value).toBe(2 * Number(first?.args[0]?.value));
  expect(pushed).toMatchObject({ ok: false, patches: [] });
  expect(done.code).toBe(1);
  const before = Number(await service.ask('price'));
  expect(Number(await service.ask('price'))).toBe(before + 2);
});

test('arguments, this and captured variables are copies from before the real call', async () => {
  const service = await start();
  edited(service, 'list.push(0);', 'list.push(...[0]);');
  expect((await shadowed(service, 'sorted', '--shadow', '5')).report).toMatchObject({ equal: 5 });

  edited(service, 'this.items.push(item);', "this.items.push(item); this.owner = 'shadow';");
  expect((await shadowed(service, 'add', '--shadow', '5')).report).toMatchObject({ equal: 5 });
  const items = Number(await service.ask('items'));
  expect(await service.ask('add')).toBe(String(items + 1));

  edited(service, 'sum += amount;', 'sum = sum + amount;');
  const { report } = await shadowed(service, 'take', '--shadow', '5');
  expect(report).toMatchObject({ equal: 5, different: 0 });
  const total = Number(await service.ask('total'));
  expect(await service.ask('log')).toBe(String(total / 5));
});

test('async functions are awaited, resolved and rejected', async () => {
  const service = await start();
  edited(service, 'return { id, lines: [1] };', 'await null; return { id, lines: [1] };');
  expect((await shadowed(service, 'order', '--shadow', '10')).report).toMatchObject({ equal: 10 });
  edited(service, 'return { id, lines: [1] };', 'return { id, lines: [2] };');
  expect((await shadowed(service, 'order', '--shadow', '10')).report).toMatchObject({ equal: 5, different: 5, threw: 0 });
});

test('what can not be copied or compared is skipped and counted, with the reason; nothing compared is nothing applied', async () => {
  const cases = [
    ['return callback(1);', 'return callback(1) + 0;', 'with', 'there is a function in its arguments, which has no copy'],
    ['return Promise.resolve(id);', 'return Promise.resolve(id + 0);', 'lazy', 'it returns a promise and is no async function'],
    ['return net * 2;', 'return net * 2 + 0;', 'socket', 'in its arguments, which has no copy'],
    ['return this.peek();', 'return this.peek() + 0;', 'locked', 'it reads a private name, which a copy of this does not have'],
  ] as const;
  const service = await start();
  for (const [from, to, line, why] of cases) {
    edited(service, from, to);
    const { pushed, report } = await shadowed(service, line, '--shadow', '3');
    expect([line, report.equal + report.different, report.skipped + report.incomparable]).toEqual([line, 0, 3]);
    expect(report.reasons.map((each) => each.why).join()).toContain(why);
    expect(pushed).toMatchObject({ ok: false, patches: [] });
    edited(service, to, from);
  }
});

// These wait more than they work.
test.concurrent('new code that never ends is ended, and the service goes on', async () => {
  const service = await start();
  edited(service, 'return net * 2;', 'for (;;);');
  const { pushed, report } = await shadowed(service, 'price', '--shadow', '3');
  expect(report.different).toBeGreaterThan(0);
  expect(report.reasons.map((each) => each.why).join()).toContain('ran longer than 500 ms');
  expect(pushed.ok).toBe(false);
  expect(Number(await service.ask('price')) % 2).toBe(0);
});

test.concurrent('no calls: the time ends it; a generator is refused', async () => {
  const service = await start();
  edited(service, 'net * 2', 'net + net');
  const { pushed, report } = await shadowed(service, 'items', '--shadow', '1000', '--shadow-for', '1s');
  expect(pushed).toMatchObject({ ok: false, patches: [], shadow: { ended: 'time is up' } });
  expect(report).toMatchObject({ calls: 0 });
  edited(service, 'yield 1;', 'yield 2;');
  const generator = await shadowed(service, 'items', '--shadow', '1');
  expect(generator.pushed.refused[0]?.why).toContain('it is a generator');
});

test.concurrent('somebody pushes meanwhile: their patch stays', async () => {
  const service = await start();
  edited(service, 'net * 2', 'net + net');
  const running = service.keyhole('push', 'svc', 'src/shop.js', '-r', 'x', '--json', '--yes', '--shadow', '1000', '--shadow-for', '5s');
  while (shadowEntries(service).length === 0) await setTimeout(betweenMs);
  const text = path.join(service.folder, 'new.txt');
  writeFileSync(text, 'function price(net) { return -1; }');
  const edit = await service.keyhole('edit', 'svc', 'src/shop.js:price', '--from', text, '-r', 'x', '--json');
  expect(edit.json()).toMatchObject({ ok: true });
  const pushed = (await running).json() as Pushed;
  expect(pushed.ok).toBe(false);
  expect(await service.ask('price')).toBe('-1');
});

test('at a terminal it asks before it starts and before it applies', async () => {
  const service = await start();
  edited(service, 'net * 2', 'net + net');
  const words = [process.execPath, consoleProgram, 'push', 'svc', 'src/shop.js', '-r', 'x', '--shadow', '2'];
  const no = openPseudoTerminal(words, service.env, service.folder);
  await no.see(/does happen, a second time/);
  await no.see(/Run it on the next 2 calls\? \[y\/N\] /);
  no.type('n\r');
  expect(await no.ended).toBe(1);
  const yes = openPseudoTerminal(words, service.env, service.folder);
  await yes.see(/\[y\/N\] /);
  yes.type('y\r');
  await yes.see(/waiting for 2 calls/);
  await callingUntil(service, 'price', yes.see(/2 calls, 2 compared: 2 equal, 0 different/));
  await yes.see(/Apply it now\? \[y\/N\] /);
  yes.type('y\r');
  await yes.see(/patched p\d+/);
  expect(await yes.ended).toBe(0);
});

test('the operator goes away: the run ends with the session, and no observer is left', async () => {
  const service = await start();
  edited(service, 'net * 2', 'net + net');
  const words = ['push', 'svc', 'src/shop.js', '-r', 'x', '--yes', '--shadow', '1000', '--shadow-for', '10m'];
  const operator = spawn(process.execPath, [consoleProgram, ...words], { env: service.env, cwd: service.folder, stdio: 'ignore' });
  while (shadowEntries(service).length === 0) await setTimeout(betweenMs);
  operator.kill('SIGKILL');
  while (shadowEntries(service).length === 1) await setTimeout(betweenMs);
  expect(shadowEntries(service)[1]).toMatchObject({ phase: 'outcome', result: { ended: 'stopped' } });
  expect((await shadowed(service, 'price', '--shadow', '3')).report).toMatchObject({ equal: 3 });
});
