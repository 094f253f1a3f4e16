/** Recorded calls: kept for the session with what they held, looked at later, and done again, also with a text that is not applied. */
import { readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { limits, type Params, type PatchRequest, type Result } from '../../packages/agent/dist/protocol/index.js';
import { planPush } from '../../packages/console/dist/typescript/changes.js';
import type { Connection } from '../../packages/console/dist/index.js';
import { startConsole } from '../helpers/console-process.ts';
import { withConnection } from '../helpers/operator.ts';
import { answering, editFile, startService, type Service } from '../helpers/service.ts';
import { openWatch } from '../helpers/watching.ts';

const files = {
  'src/shop.js': `
export class Cart {
  #lines = [];
  add(line) { this.#lines.push(line); return this.#lines.length; }
}
export function makeTill() {
  let sum = 10;
  return { take(amount) { sum += amount.net; return sum; }, total: () => sum };
}
export async function order(id) { await null; if (id === 'bad') throw new Error('no order'); return { id }; }
export function* each(n) { yield n; }
export function spins(n) { while (n > 0); return n; }
`,
  'main.js': `
import { Cart, each, makeTill, order, spins } from './src/shop.js';
const cart = new Cart();
const till = makeTill();
const line = (text) => ({
  add: () => cart.add({ net: 1 }), take: () => till.take({ net: 5, deep: { er: 1 } }), total: () => till.total(), each: () => [...each(1)].length, spins: () => spins(0),
  cart: () => new Cart() instanceof Cart,
  order: () => { order('o1').catch(() => 0); return 1; }, bad: () => { order('bad').catch(() => 0); return 1; },
})[text]();
const answer = (text) => text.startsWith('times ') ? Array.from({ length: Number(text.slice(6)) }, () => line('total')).length : line(text);
${answering}`,
};
const at = (name: string): string => `src/shop.js:${name}`;
let common: Promise<Service> | null = null;
const shared = (): Promise<Service> => (common ??= startService({ files, main: 'main.js' }));

async function record(connection: Connection, service: Service, name: string, lines: string[]): Promise<number[]> {
  const watch = await openWatch(connection, { addresses: [at(name)], record: true, limit: lines.length });
  for (const line of lines) await service.ask(line);
  await watch.ended;
  return watch.calls.map(({ recorded = 0 }) => recorded);
}

const replay = (connection: Connection, params: Params<'recording.replay'>): Promise<Result<'recording.replay'>> =>
  connection.call('recording.replay', params);

async function edited(connection: Connection, service: Service, from: string, to: string): Promise<PatchRequest | undefined> {
  const file = path.join(service.folder, 'src/shop.js');
  const before = readFileSync(file, 'utf8');
  editFile(service, 'src/shop.js', from, to);
  const { patches } = await planPush(connection, { paths: [file], cwd: service.folder });
  writeFileSync(file, before);
  return patches[0];
}

test('a call is opened later, and done again with its own this, arguments and captured variables', async () => {
  const service = await shared();
  await withConnection(service, async (connection) => {
    const [take = 0] = await record(connection, service, 'makeTill.take', ['take']);
    const page = await connection.call('recording.open', { number: take, depth: 3 });
    expect(page.properties.map(({ name }) => name)).toEqual(['this', 'args', 'returned', '[[Prototype]]']);
    const [argument] = page.properties[1]?.properties ?? [];
    expect(argument?.properties?.map(({ name }) => name).slice(0, 2)).toEqual(['net', 'deep']);
    const before = Number(await service.ask('total'));
    expect(await replay(connection, { number: take })).toMatchObject({
      address: at('makeTill.take'),
      text: 'loaded',
      before: { how: 'returned', value: { value: before } },
      now: { how: 'returned', value: { value: before + 5 } },
    });
    expect(Number(await service.ask('total'))).toBe(before + 5);

    const [add = 0] = await record(connection, service, 'Cart.add', ['add']);
    expect((await replay(connection, { number: add })).now).toMatchObject({ how: 'returned', value: { value: 2 } });
    const [good = 0, bad = 0] = await record(connection, service, 'order', ['order', 'bad']);
    expect((await replay(connection, { number: good })).now).toMatchObject({
      how: 'resolved',
      value: { preview: { properties: [{ name: 'id', value: 'o1' }] } },
    });
    expect((await replay(connection, { number: bad })).now).toMatchObject({ how: 'rejected', value: { className: 'Error' } });
    expect((await connection.call('recording.list', {})).calls.map(({ recorded }) => recorded)).toEqual([take, add, good, bad]);
  });
});

test('an edited text runs without being applied', async () => {
  const service = await shared();
  await withConnection(service, async (connection) => {
    const [take = 0] = await record(connection, service, 'makeTill.take', ['take']);
    const patch = await edited(connection, service, 'sum += amount.net;', 'sum += amount.net * 100;');
    expect(patch?.address).toBe(at('makeTill.take'));
    const before = Number(await service.ask('total'));
    const result = await replay(connection, { number: take, ...(patch !== undefined && { patch }) });
    expect(result).toMatchObject({ text: 'edited', now: { value: { value: before + 500 } } });
    expect(await service.ask('take')).toBe(String(before + 505));
    expect((await connection.call('patch.list', {})).patches).toEqual([]);
    const other = { ...(patch as PatchRequest), baseCode: 'take(amount) {}' };
    await expect(replay(connection, { number: take, patch: other })).rejects.toMatchObject({ code: 'STALE_BASE' });
    await expect(replay(connection, { number: take, patch: { ...other, address: at('order') } })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });
});

test('what can not be done again is refused; what never ends is ended', async () => {
  const service = await shared();
  await withConnection(service, async (connection) => {
    const [each = 0] = await record(connection, service, 'each', ['each']);
    await expect(replay(connection, { number: each })).rejects.toMatchObject({ code: 'NOT_PATCHABLE', message: /it is a generator/ });
    const [spins = 0] = await record(connection, service, 'spins', ['spins']);
    const patch = await edited(connection, service, 'while (n > 0)', 'while (n >= 0)');
    await expect(replay(connection, { number: spins, timeoutMs: 100, ...(patch !== undefined && { patch }) })).rejects.toMatchObject({
      code: 'TIMEOUT',
    });
    expect(await service.ask('spins')).toBe('0');
  });
});

test('recordings are of one session, bounded, and done again by whoever may evaluate', async () => {
  const service = await shared();
  await withConnection(service, async (connection) => {
    const lines = limits.maxRecordedCalls + 1;
    const watch = await openWatch(connection, { addresses: [at('makeTill.total')], record: true, limit: lines, rate: 1_000 });
    await service.ask(`times ${lines}`);
    await watch.ended;
    const { calls } = await connection.call('recording.list', {});
    expect([calls.length, calls[0]?.recorded, calls.at(-1)?.recorded]).toEqual([limits.maxRecordedCalls, 2, lines]);
    await expect(replay(connection, { number: 1 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await withConnection(service, async (other) => {
      expect(await other.call('recording.list', {})).toEqual({ calls: [] });
      await expect(replay(other, { number: 2 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });
  });
  const tracer = await startService({ files, main: 'main.js', roles: 'trace' });
  await withConnection(tracer, async (connection) => {
    const [take = 0] = await record(connection, tracer, 'makeTill.take', ['take']);
    await expect(replay(connection, { number: take })).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    await connection.call('recording.open', { number: take });
  });
});

test('in the REPL: .watch --record, .recorded, .replay; elsewhere it is refused', async () => {
  const service = await shared();
  const refused = await service.keyhole('watch', String(service.pid), at('order'), '--record');
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('Use .watch --record in keyhole attach')]);
  const file = path.join(service.folder, 'src/shop.js');
  const before = readFileSync(file, 'utf8');
  editFile(service, 'src/shop.js', 'return { id };', 'return { id, edited: true };');
  const input = `.watch ${at('order')} --record --limit 1\n.recorded\n.recorded 1\n.replay 1\n.replay 1 --edited\n.exit\n`;
  const repl = startConsole(['attach', String(service.pid)], { env: service.env, cwd: service.folder, input });
  await repl.until('stderr', 'watching');
  await service.ask('order');
  const { stdout, stderr } = await repl.ended;
  writeFileSync(file, before);
  expect(stderr).not.toContain('keyhole: ');
  expect(stderr).toMatch(/of the main thread; what was recorded stays there until you leave, and nothing else\n/);
  const shown = stdout.replaceAll(/\d\d:\d\d:\d\d\.\d{3}/g, '#').replaceAll(/\d+(?:\.\d+)? ms/g, '#');
  expect(shown.match(/1 {2}# src\/shop\.js:order \('o1'\) resolves \{ id: 'o1' \}/g)).toHaveLength(2);
  expect(shown).toContain("  the loaded text\nbefore  resolves { id: 'o1' }\nnow     resolves { id: 'o1' }  #\n");
  expect(shown).toContain("  the edited text, not applied\nbefore  resolves { id: 'o1' }\nnow     resolves { id: 'o1', edited: true }  #\n");
});
