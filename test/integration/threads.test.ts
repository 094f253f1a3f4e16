/** A service with worker threads of its own: what is loaded in which, and changes in all of them or in one. */
import { readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { startService, type Service } from '../helpers/service.ts';

// A thread that hangs is waited for, for as long as the agent does.
vi.setConfig({ testTimeout: 90_000 });

interface Changed {
  ok: boolean;
  patches: { id: string; address: string; verified: boolean; threads?: number[] }[];
  refused: { address: string; why: string }[];
  error?: { code: string; message: string };
}
interface Opened {
  threads: { id: number; name: string; patched: boolean | null; patch?: string; why?: string }[];
}
interface Listed {
  id: number;
  name: string;
  state: string;
  parent: number | null;
  patches: string[];
}

const files = {
  'src/price.js': 'export function price(net) {\n  return net * 2;\n}\n',
  // Answers on its own port, and counts what comes that it did not ask for.
  'src/pool.js': `
import { parentPort, workerData, Worker, threadId } from 'node:worker_threads';
import { price } from './price.js';
let strange = 0;
let nested = null;
const until = new Int32Array(workerData.until);
parentPort.on('message', async ({ line, n }) => {
  if (line === 'price') return parentPort.postMessage({ n, value: price(10) });
  if (line === 'spin') { parentPort.postMessage({ n, value: 'spinning' }); while (Atomics.load(until, 0) === 0); return; }
  if (line === 'strange') return parentPort.postMessage({ n, value: strange });
  if (line === 'nest') { nested = new Worker(new URL('./leaf.js', import.meta.url)); return nested.once('message', () => parentPort.postMessage({ n, value: nested.threadId })); }
  if (line === 'leaf') { nested.postMessage('price'); return nested.once('message', (value) => parentPort.postMessage({ n, value })); }
  if (line === 'later') { const { late } = await import('./late.js'); return parentPort.postMessage({ n, value: late() }); }
  strange += 1;
});
parentPort.postMessage('up');
`,
  'src/leaf.js': `
import { parentPort } from 'node:worker_threads';
import { price } from './price.js';
parentPort.on('message', () => parentPort.postMessage(price(10)));
parentPort.postMessage('up');
`,
  'src/late.js': 'export function late() {\n  return 1;\n}\n',
  'src/main.js': `
import { SHARE_ENV, Worker } from 'node:worker_threads';
import { createInterface } from 'node:readline';
const until = new Int32Array(new SharedArrayBuffer(4));
const workers = {};
let n = 0;
let listeners = null;
const start = (name, options = {}) => new Promise((resolve) => {
  const worker = new Worker(new URL('./pool.js', import.meta.url), { name, workerData: { until: until.buffer }, ...options });
  listeners ??= ['message', 'exit', 'error', 'online', 'messageerror'].map((event) => worker.listenerCount(event)).join('');
  workers[name] = worker;
  worker.once('message', () => resolve(worker.threadId));
});
const tell = (name, line) => new Promise((resolve) => {
  const mine = ++n;
  const hear = (message) => { if (message.n === mine) { workers[name].off('message', hear); resolve(message.value); } };
  workers[name].on('message', hear);
  workers[name].postMessage({ line, n: mine });
});
const here = async () => (await import('./price.js')).price(10);
const work = {
  start: (name) => start(name), plain: (name) => start(name, { execArgv: [], env: {} }),
  bare: (name) => start(name, { env: {} }), shared: (name) => start(name, { env: SHARE_ENV, resourceLimits: { maxOldGenerationSizeMb: 64 } }),
  end: async (name) => { workers[name].removeAllListeners(); await workers[name].terminate(); return 'ended'; },
  release: () => { Atomics.store(until, 0, 1); return 'released'; },
  here, listeners: () => listeners,
};
createInterface({ input: process.stdin }).on('line', async (line) => {
  const [verb, name] = line.split(' ');
  console.log(JSON.stringify(await (work[verb]?.(name) ?? tell(name, verb))));
});
console.log('ready');
`,
};

const begin = (): Promise<Service> => startService({ files, main: 'src/main.js', git: true });
const json = async <T>(service: Service, ...words: string[]): Promise<T> => (await service.keyhole(...words, '--json')).json() as T;
const edit = (service: Service, from: string, to: string, file = 'src/price.js'): void => {
  const name = path.join(service.folder, file);
  const text = readFileSync(name, 'utf8');
  expect(text).toContain(from);
  writeFileSync(name, text.replace(from, to));
};
const push = (service: Service, ...words: string[]): Promise<Changed> =>
  json(service, 'push', 'svc', 'src/price.js', '--reason', 'because', ...words);
const threadsOf = async (service: Service): Promise<Opened['threads']> => (await json<Opened>(service, 'fn', 'svc', 'src/price.js:price')).threads;

describe('threads', () => {
  test('a change reaches every thread that has loaded the code, those that load it later, and those that begin later', async () => {
    const service = await begin();
    const a = Number(await service.ask('start a'));
    const b = Number(await service.ask('start b'));
    expect(await threadsOf(service)).toMatchObject([
      { id: a, patched: false },
      { id: b, patched: false },
    ]);
    edit(service, 'net * 2', 'net * 3');
    const dry = await push(service, '--dry-run');
    expect(dry).toMatchObject({ ok: true, patches: [{ address: 'src/price.js:price', threads: [a, b] }] });
    expect(await service.ask('price a')).toBe('20');
    const pushed = await push(service);
    expect(pushed).toMatchObject({ ok: true, patches: [{ verified: true, threads: [a, b] }], refused: [] });
    expect([await service.ask('price a'), await service.ask('price b')]).toEqual(['30', '30']);
    // The main thread had not loaded it; a new worker, and one that a worker starts, begin with it.
    writeFileSync(path.join(service.folder, 'src/price.js'), files['src/price.js']);
    expect(await service.ask('here')).toBe('30');
    await service.ask('start c');
    expect(await service.ask('price c')).toBe('30');
    const leaf = Number(await service.ask('nest c'));
    expect(await service.ask('leaf c')).toBe('30');
    const [patch] = pushed.patches;
    expect((await threadsOf(service)).map((each) => each.patch)).toEqual([patch?.id, patch?.id, patch?.id, patch?.id, patch?.id]);
    const listed = await json<Listed[]>(service, 'threads', 'svc');
    expect(listed).toMatchObject([
      { id: 0, name: 'main', parent: null },
      { id: a },
      { id: b },
      { parent: 0 },
      { id: leaf, state: 'ready', patches: [patch?.id] },
    ]);
    expect(listed.at(-1)?.parent).toBe(listed.at(-2)?.id);

    const reverted = await json<Changed>(service, 'revert', 'svc', patch?.id ?? '', '--reason', 'enough');
    expect(reverted.patches[0]?.threads).toHaveLength(5);
    for (const line of ['price a', 'price b', 'price c', 'leaf c', 'here']) expect(await service.ask(line)).toBe('20');
    await service.ask('start d');
    expect(await service.ask('price d')).toBe('20');
    expect([await service.ask('strange a'), await service.ask('listeners')]).toEqual(['0', '"00000"']);
  });

  test('one thread alone: no other one has it, and none that begins later', async () => {
    const service = await begin();
    const a = Number(await service.ask('start a'));
    await service.ask('start b');
    edit(service, 'net * 2', 'net * 3');
    const pushed = await push(service, '--thread', String(a));
    expect(pushed).toMatchObject({ ok: true, patches: [{ threads: [a] }] });
    expect([await service.ask('price a'), await service.ask('price b')]).toEqual(['30', '20']);
    writeFileSync(path.join(service.folder, 'src/price.js'), files['src/price.js']);
    await service.ask('start c');
    expect(await service.ask('price c')).toBe('20');
    // The threads differ now: a change of all of them would overwrite something that nobody looked at.
    edit(service, 'net * 2', 'net * 4');
    const stale = await push(service);
    expect(stale.error).toMatchObject({ code: 'STALE_BASE' });
    expect(stale.error?.message).toMatch(/^in thread \d+ \(.*\): .*; nothing was changed$/);
    expect(await service.ask('price b')).toBe('20');
    expect(await push(service, '--thread', '99')).toMatchObject({ error: { code: 'NOT_FOUND' } });
    const again = await push(service, '--thread', String(a));
    expect(again.ok).toBe(true);
    expect(await service.ask('price a')).toBe('40');
    expect((await json<{ patches: number }[]>(service, 'ps'))[0]?.patches).toBe(1);
    // What only an ended thread had is gone with it.
    await service.ask('end a');
    expect(await push(service)).toMatchObject({ ok: true, patches: [{ verified: true }] });
    expect((await json<{ patches: number }[]>(service, 'ps'))[0]?.patches).toBe(1);
  });

  test('reverted in one thread alone, it stays reverted there', async () => {
    const service = await begin();
    const a = Number(await service.ask('start a'));
    await service.ask('start b');
    edit(service, 'net * 2', 'net * 3');
    const id = (await push(service)).patches[0]?.id ?? '';
    expect(await json(service, 'revert', 'svc', id, '--thread', String(a), '--reason', 'not here')).toMatchObject({
      ok: true,
      patches: [{ threads: [a] }],
    });
    const other = path.join(service.folder, 'other.txt');
    await service.ask('later b');
    writeFileSync(other, 'function late() {\n  return 2;\n}\n');
    expect(await json(service, 'edit', 'svc', 'src/late.js:late', '--from', other, '--reason', 'x')).toMatchObject({ ok: true });
    expect([await service.ask('price a'), await service.ask('price b')]).toEqual(['20', '30']);
    expect([await service.ask('later a'), await service.ask('later b')]).toEqual(['2', '2']);
  });

  test('a thread that hangs refuses a change of all, and takes part in an undo as soon as it answers', async () => {
    const service = await begin();
    const a = Number(await service.ask('start a'));
    await service.ask('start b');
    edit(service, 'net * 2', 'net * 3');
    expect((await push(service)).ok).toBe(true);
    await service.ask('spin b');
    edit(service, 'net * 3', 'net * 4');
    const refused = await push(service, '--timeout', '30s');
    expect(refused.error).toMatchObject({ code: 'TIMEOUT' });
    expect(refused.error?.message).toMatch(/thread \d+ \(.*\) did not answer within 5000 ms; nothing was changed/);
    expect(await service.ask('price a')).toBe('30');
    expect(await json(service, 'threads', 'svc')).toMatchObject([{ state: 'ready' }, { state: 'ready' }, { state: 'not answering' }]);
    expect(await threadsOf(service)).toMatchObject([{ patched: true }, { patched: null, why: 'it does not answer' }]);
    expect(await push(service, '--thread', String(a))).toMatchObject({ ok: true });
    const reverted = await json<Changed>(service, 'revert', 'svc', '--all', '--reason', 'x', '--timeout', '30s');
    expect(reverted.ok).toBe(false);
    expect(reverted.refused[0]?.why).toContain('it is reverted there as soon as it answers');
    expect(await service.ask('price a')).toBe('20');
    await service.ask('release');
    await vi.waitFor(async () => expect(await service.ask('price b')).toBe('20'), { timeout: 10_000 });
  });

  test('an evaluation in a thread, awaited or ended by its limit; a worker without instrumentation is named', async () => {
    const service = await startService({ files, main: 'src/main.js', roles: 'patch' });
    const a = Number(await service.ask('start a'));
    const bare = Number(await service.ask('plain bare'));
    const evaluate = (expression: string, ...words: string[]): Promise<unknown> => json(service, 'eval', 'svc', expression, ...words);
    expect(
      await evaluate("process.getBuiltinModule?.('node:worker_threads').threadId ?? price.name", '--in', 'src/pool.js', '--thread', String(a)),
    ).toMatchObject({ ok: true });
    expect(await evaluate('Promise.resolve(price(21))', '--in', 'src/pool.js', '--thread', String(a))).toMatchObject({ ok: true, value: 42 });
    expect(await evaluate('for (;;);', '--thread', String(a), '--timeout', '300ms')).toMatchObject({ ok: false, error: { code: 'TIMEOUT' } });
    expect(await evaluate('new Promise(() => {})', '--thread', String(a), '--timeout', '300ms')).toMatchObject({
      ok: false,
      error: { code: 'TIMEOUT' },
    });
    expect(await service.ask('price a')).toBe('20');
    expect(await json(service, 'inspect', 'svc', 'price', '--in', 'src/pool.js', '--thread', String(a))).toMatchObject({ type: 'function' });
    expect(await json(service, 'threads', 'svc')).toMatchObject([{ id: 0 }, { id: a }, { id: bare, state: 'not instrumented' }]);
    const checks = await json<{ check: string; ok: boolean; detail: string }[]>(service, 'doctor', 'svc');
    expect(checks.find(({ check }) => check === 'threads')).toMatchObject({ ok: false, detail: expect.stringContaining(`thread ${bare}`) as string });
    expect(await evaluate('1', '--thread', String(bare))).toMatchObject({
      error: { code: 'NOT_FOUND', message: expect.stringContaining('without instrumentation') as string },
    });
  });

  test('a worker with an environment of its own, a shared one, or a small heap takes part', async () => {
    const service = await begin();
    await service.ask('bare a');
    await service.ask('shared b');
    edit(service, 'net * 2', 'net * 3');
    expect(await push(service)).toMatchObject({ ok: true, patches: [{ verified: true }] });
    expect([await service.ask('price a'), await service.ask('price b')]).toEqual(['30', '30']);
  });

  test('nothing of ours keeps a worker or the process alive', async () => {
    const service = await startService({
      files: {
        ...files,
        'src/main.js': `import { Worker } from 'node:worker_threads';\nnew Worker(new URL('./short.js', import.meta.url)).on('exit', (code) => console.log('worker', code));\nconsole.log('ready');\nprocess.stdin.once('data', () => process.stdin.destroy());\n`,
        'src/short.js': `import { price } from './price.js';\nconsole.log(price(1));\n`,
      },
      main: 'src/main.js',
    });
    await vi.waitFor(() => expect(service.stdout()).toContain('worker 0'), { timeout: 20_000 });
    expect(await json(service, 'threads', 'svc')).toMatchObject([{ id: 0 }]);
    service.write('go');
    expect(await service.ended).toBe(0);
    expect(service.stdout()).toContain('worker 0');
    expect(service.stderr()).toBe('');
  });
});
