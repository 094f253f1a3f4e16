/** Each command that looks into a process or changes it, once, on a real service while its clients use it: the same suite for services of every kind. */
import { existsSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Finished } from './console-process.ts';
import { editFile, journalOf, startService, type Service, type ServiceOptions } from './service.ts';

/** Where the services of tests import real packages from. */
export const modules = pathToFileURL(path.resolve(import.meta.dirname, '../../node_modules')).href;

/** What the suite knows of a service. */
export interface Subject extends ServiceOptions {
  /** Connects a client. */
  drive(service: Service): Promise<Driver>;
  /** The address of a function that each call of a client runs, and one that it calls. */
  handler: string;
  below: string;
  /** The first line with this text, in the function below: what an expression gives there. */
  line: { text: string; expression: string; value: unknown };
  /** An edit of the function below that shows in what a call answers. */
  edit: { from: string; to: string };
  /** A class with living instances, and the file it stands in. */
  made: { name: string; file: string };
  /** An actor: its type, and a value of its state that can be set. */
  actor(service: Service): Promise<{ id: string; type: string; path: string; value: string; before: unknown }>;
}

export interface Driver {
  /** What a client gets for one call. */
  call(): Promise<string>;
  /** Something that never ends, on the main thread. Whoever asked for it gets no answer. */
  hang(): void;
  close(): void;
}

/** Everything may stand still for as long: the machine is not ours alone. */
const patient = ['--max-pause', '60000'];
const betweenCallsMs = 5;
/** Where every processor is busy, the usual budget would end it. */
const watching = ['--budget', '50', '--for', '60s', '--json'];

export function everyCommand(subject: Subject): void {
  vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });
  let service: Service;
  let driver: Driver;
  let answer = '';
  const file = subject.below.slice(0, subject.below.indexOf(':'));
  const json = async (...words: string[]): Promise<Record<string, unknown>> =>
    (await service.keyhole(words[0] ?? '', 'svc', ...words.slice(1), '--json')).json() as Record<string, unknown>;
  /** Clients go on calling until the command has seen enough, and leave the processor to it in between. */
  const whileCalled = async (...words: string[]): Promise<Finished> => {
    const command = service.keyhole(...words);
    const over = command.then(() => true);
    for (;;) {
      // One at a time: the next call is another test's.
      expect(await driver.call()).toBe(answer);
      if (await Promise.race([over, delay(betweenCallsMs, false)])) return command;
    }
  };
  const items = ({ stdout }: Finished): Record<string, unknown>[] =>
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  beforeAll(async () => {
    service = await startService(subject);
    driver = await subject.drive(service);
    answer = await driver.call();
  });
  afterAll(() => driver?.close());

  test('ps, doctor, threads, who, top', async () => {
    expect((await service.keyhole('ps', '--json')).json()).toMatchObject([{ name: 'svc', pid: service.pid, instrumented: true }]);
    expect((await json('doctor')) as unknown as object[]).toEqual(expect.arrayContaining([expect.objectContaining({ ok: true })]));
    expect(await json('threads')).toBeDefined();
    expect((await json('who')) as unknown).toMatchObject([{ operator: 'alice' }]);
    expect(await json('top', '--once', '--every', '100ms')).toMatchObject({ memory: { nearlyFull: false }, patches: [] });
  });

  test('actors, inspect, set, revert, follow', async () => {
    const { id, type, path: way, value, before } = await subject.actor(service);
    const actors = (await json('actors', type)) as unknown as { id: string; error?: string }[];
    expect(actors.find((each) => each.id === id)).toMatchObject({ type });
    expect(actors.filter(({ error }) => error !== undefined)).toEqual([]);
    expect(await json('inspect', id)).toMatchObject({ id, type: 'object' });
    const set = await json('set', id, way, value, '--reason', 'r');
    expect(set).toMatchObject({ ok: true, before, after: JSON.parse(value) as unknown });
    expect(await json('revert', String(set['id']), '--reason', 'r')).toMatchObject({ ok: true });
    const followed = await whileCalled('follow', 'svc', id, '--for', '100ms', '--every', '100ms', '--budget', '50', '--json');
    expect(items(followed).at(-1)).toMatchObject({ ended: 'time' });
  });

  test('eval and instances', async () => {
    expect(await json('eval', 'await Promise.resolve(process.pid)')).toMatchObject({ ok: true, value: service.pid });
    expect(await json('eval', 'typeof import.meta.url', '--in', file)).toMatchObject({ value: 'string' });
    const { name, file: from } = subject.made;
    const found = await json('instances', name, '--in', from, ...patient);
    expect(found['count']).toBeGreaterThan(0);
  });

  test('fn', async () => {
    const listed = (await json('fn', file)) as unknown as { address: string }[];
    expect(listed.map(({ address }) => address)).toContain(subject.below);
    const detail = await json('fn', subject.below);
    expect(detail).toMatchObject({
      address: subject.below,
      strategies: expect.arrayContaining([expect.objectContaining({ name: 'slots', possible: true })]) as unknown,
    });
  });

  test('watch: a call with its arguments and its end', async () => {
    const seen = items(await whileCalled('watch', 'svc', subject.handler, '--limit', '2', ...watching));
    expect(seen[0]).toMatchObject({ address: subject.handler, how: expect.stringMatching(/returned|resolved/) as string });
    expect(seen.at(-1)).toMatchObject({ ended: 'limit' });
  });

  test('trace, stack and monitor', async () => {
    const [tree] = items(await whileCalled('trace', 'svc', subject.handler, subject.below, '--limit', '1', ...watching));
    expect((tree as unknown as { nodes: { address: string }[] }).nodes.map(({ address }) => address)).toEqual([subject.handler, subject.below]);
    const stack = items(await whileCalled('stack', 'svc', subject.below, '--calls', '2', ...watching)).at(-1);
    expect(stack).toMatchObject({ ended: 'limit', looked: 2 });
    const monitor = items(await whileCalled('monitor', 'svc', subject.below, '--every', '1s', '--count', '1', ...watching));
    const [{ functions }] = monitor as unknown as [{ functions: [{ calls: number }] }];
    expect(functions[0].calls).toBeGreaterThan(0);
  });

  test('logpoint: an expression at a line, until there were enough', async () => {
    const lines = readFileSync(path.join(service.folder, file), 'utf8').split('\n');
    const line = lines.findIndex((each) => each.includes(subject.line.text)) + 1;
    expect(line).toBeGreaterThan(0);
    const seen = items(await whileCalled('logpoint', 'svc', `${file}:${line}`, subject.line.expression, '--limit', '1', ...patient, ...watching));
    expect(seen[0]).toMatchObject({ address: subject.below, value: { value: subject.line.value } });
    expect(seen.at(-1)).toMatchObject({ ended: 'limit', shown: 1 });
  });

  test('profile: what runs while clients call', async () => {
    const out = path.join(service.folder, 'hot.cpuprofile');
    const profiled = await whileCalled('profile', 'svc', '--seconds', '0.1', '-o', out, '--json');
    expect(profiled.json()).toMatchObject({ file: out, hottest: expect.any(Array) as unknown });
    expect(existsSync(out)).toBe(true);
  });

  test('push, status, diff, revert: clients get the new answer, and the old one again', async () => {
    const { from, to } = subject.edit;
    editFile(service, file, from, to);
    const pushed = await json('push', file, '--reason', 'r');
    expect(pushed).toMatchObject({ ok: true, patches: [{ address: subject.below, strategy: 'slots', verified: true }] });
    const patched = await driver.call();
    expect(patched).not.toBe(answer);
    expect(await json('status')).toMatchObject({ functions: [{ address: subject.below, state: 'live-only' }] });
    expect(String((await json('diff'))['diff'])).toContain('@@');
    const [{ id } = { id: '' }] = pushed['patches'] as { id: string }[];
    expect(await json('revert', id, '--reason', 'r')).toMatchObject({ ok: true });
    expect(await driver.call()).toBe(answer);
    editFile(service, file, to, from);
  });

  test('rescue: what hangs is shown and ended, and the service serves on', async () => {
    expect(await json('rescue')).toMatchObject({ state: 'answers' });
    driver.hang();
    // It has to hang for a second before it is looked at, and before it may be ended.
    const looked = await vi.waitFor(
      async () => {
        const found = await json('rescue');
        expect(found['state']).toBe('javascript');
        return found;
      },
      { timeout: 30_000, interval: 150 },
    );
    expect(looked).toMatchObject({
      stack: expect.arrayContaining([expect.objectContaining({ function: expect.stringContaining('spin') as string })]) as unknown,
    });
    expect(await json('rescue', '--terminate', '--reason', 'r')).toMatchObject({ terminated: true });
    expect(await driver.call()).toBe(answer);
  });

  test('log, and a journal that holds all of it, with its signatures', async () => {
    const kinds = new Set(journalOf(service).map(({ kind }) => kind));
    for (const kind of ['eval', 'set', 'patch', 'revert', 'trace', 'rescue']) expect(kinds).toContain(kind);
    // Whoever asked whether it still hangs has left an entry each time.
    expect((await service.keyhole('log', 'svc', '-n', '1000')).stdout).toContain(subject.below);
    expect((await service.keyhole('journal', 'verify', 'svc', '--json')).json()).toMatchObject({ ok: true });
    expect(service.stderr()).toBe('');
  });
}

/** A client of HTTP. */
export function httpDriver(base: string): Driver {
  const leaving = new AbortController();
  return {
    call: async () => (await fetch(`${base}/order/7`)).text(),
    hang() {
      // Its answer was in what hung.
      fetch(`${base}/hang`, { signal: leaving.signal }).catch(() => undefined);
    },
    close: () => leaving.abort(),
  };
}

/** What the services compute: two functions, the second of which is edited, and one that never ends. */
export const orders = `
export class Order {
  constructor(id) { this.id = id; this.lines = 2; }
}
export const latest = { order: new Order(0) };
export function place(id) {
  latest.order = new Order(id);
  return total(latest.order);
}
export function total(order) {
  const net = order.lines * 10;
  return 'total ' + net;
}
export function spin() {
  for (;;);
}
`;

/** What the suite has to know of these. */
export const ordersSubject = {
  handler: 'orders.js:place',
  below: 'orders.js:total',
  line: { text: "return 'total '", expression: 'net', value: 20 },
  edit: { from: '* 10', to: '* 11' },
  made: { name: 'Order', file: 'orders.js' },
  git: true,
  main: 'main.js',
};

/** For services without actors of their own: their server's. */
export async function serverActor(service: Service): Promise<{ id: string; type: string; path: string; value: string; before: unknown }> {
  const port = JSON.parse(await service.ask('port')) as number;
  return { id: `http/127.0.0.1:${port}`, type: 'http.Server', path: 'maxRequestsPerSocket', value: '100', before: 0 };
}
