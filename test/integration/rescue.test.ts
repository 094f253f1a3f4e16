/** A main thread that hangs, in a real service: found, named, and ended so that everything else goes on. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { consoleProgram } from '../helpers/console-process.ts';
import { openPseudoTerminal } from '../helpers/pseudo-terminal.ts';
import { answering, editFile, journalOf, newFolder, startService, type Service } from '../helpers/service.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** Answers a line at once, and then begins to hang in the way that it names. */
const main = `
import { createServer } from 'node:http';
import { spawnSync } from 'node:child_process';
import { AsyncLocalStorage, createHook, executionAsyncId } from 'node:async_hooks';
if (process.env.HOOKS === '1') createHook({ before() {}, after() {} }).enable();
const store = new AsyncLocalStorage();
const ran = { ticks: 0, immediates: 0 };
class Cart {
  total() { for (let sum = 0; ; sum += 1) if (sum < 0) return sum; }
}
function hangIn(kind) { return new Cart().total(kind); }
const hanging = {
  timer: () => setTimeout(() => hangIn('timer'), 10),
  interval: () => { const timer = setInterval(() => { ran.ticks += 1; if (ran.ticks === 1) hangIn('interval'); if (ran.ticks > 2) clearInterval(timer); }, 10); },
  immediate: () => { setImmediate(() => hangIn('immediate')); setImmediate(() => { ran.immediates += 1; }); },
  tick: () => process.nextTick(() => hangIn('tick')),
  job: () => void Promise.resolve().then(() => hangIn('job')),
  microtask: () => queueMicrotask(() => hangIn('microtask')),
  awaiting: () => void (async function spinning() { for (;;) await null; })(),
  inContext: () => store.run('mine', () => setTimeout(() => hangIn('context'), 10)),
  regex: () => setTimeout(function backtracking() { /^(a+)+$/.test('a'.repeat(40) + 'b'); }, 10),
  child: () => setTimeout(() => spawnSync('sleep', ['20']), 10),
};
const server = createServer((request, response) => { if (request.url === '/hang') hangIn('request'); response.end('served ' + request.url); });
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const answer = (line) => {
  if (line === 'port') return server.address().port;
  if (line === 'ran') return { ...ran, context: String(store.getStore()), top: executionAsyncId() };
  setImmediate(() => hanging[line]());
  return line;
};
${answering}`;

let service: Service;
let port: string;

async function start(environment: Record<string, string>): Promise<void> {
  service = await startService({ files: { 'src/main.js': main }, main: 'src/main.js', environment });
  port = await service.ask('port');
}

async function found(of = service): Promise<Record<string, unknown>> {
  for (;;) {
    const looked = await of.keyhole('rescue', 'svc', '--json');
    expect(looked.code, looked.stdout + looked.stderr).toBe(0);
    const rescue = looked.json() as Record<string, unknown>;
    if (rescue['state'] !== 'answers') return rescue;
  }
}

const end = (): ReturnType<Service['keyhole']> => service.keyhole('rescue', 'svc', '--terminate', '--reason', 'it hangs', '--json');
const served = async (): Promise<string> => (await fetch(`http://127.0.0.1:${port}/next`)).text();

const total = { function: 'Cart.total', file: 'src/main.js', address: 'src/main.js:Cart.total' };

const kinds = ['timer', 'interval', 'immediate', 'tick', 'job', 'microtask', 'inContext'];
const few = ['interval', 'immediate'];

describe.each([
  { hooks: '0', callbacks: few },
  { hooks: '1', callbacks: kinds },
])('a main thread that hangs, with asynchronous hooks: $hooks', ({ hooks, callbacks }) => {
  beforeAll(() => start({ HOOKS: hooks }));

  test.each(callbacks)('in a callback of the kind %s', async (kind) => {
    await service.ask(kind);
    const looked = await found();
    expect(looked).toMatchObject({ state: 'javascript', terminated: false, stack: expect.arrayContaining([expect.objectContaining(total)]) });
    // The function that loops, and none that it is inlined into.
    const [hottest] = looked['hottest'] as { function: string; self: number }[];
    expect(hottest).toMatchObject({ function: 'Cart.total' });
    // The rest is samples that V8 could not attribute: up to a quarter on Node 24 and 26.
    expect(hottest?.self).toBeGreaterThan(0.5);
    const ended = await end();
    expect(ended.json()).toMatchObject({ terminated: true, stack: expect.arrayContaining([expect.objectContaining(total)]) });
    expect(ended.code).toBe(0);
    expect(await served()).toBe('served /next');
  });

  test('what waited behind it goes on, and nothing of its context is left', async () => {
    await vi.waitFor(
      async () => expect(JSON.parse(await service.ask('ran'))).toMatchObject({ ticks: 3, immediates: 1, context: 'undefined' }),
      5_000,
    );
  });

  test('in a loop of promise jobs, each of which ends', async () => {
    await service.ask('awaiting');
    expect((await found())['stack']).toBeInstanceOf(Array);
    expect((await end()).json()).toMatchObject({ terminated: true });
    expect(await served()).toBe('served /next');
  });

  test('in a regular expression', async () => {
    await service.ask('regex');
    expect(await found()).toMatchObject({
      stack: expect.arrayContaining([expect.objectContaining({ function: 'hanging.regex.backtracking' })]) as unknown,
    });
    expect((await end()).json()).toMatchObject({ terminated: true });
    expect(await served()).toBe('served /next');
  });
});

test('a loop that is nothing but promise jobs is stopped each time, and what is not stopped is not said to answer', async () => {
  const folder = newFolder();
  const part = (name: string): string => JSON.stringify(new URL(`../../packages/agent/dist/server/rescue/${name}.js`, import.meta.url).href);
  const files = {
    'main.mjs': `import { Worker } from 'node:worker_threads';
const worker = new Worker(new URL('./door.mjs', import.meta.url));
await new Promise((begun) => worker.once('message', begun));
setImmediate(async function spinning() { for (;;) await null; });
`,
    // It answers when it is asked whether it hangs, so nothing is sampled, which would take long; that changes how often V8 loses a pause, one time in ten.
    'door.mjs': `import { writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { MainThread } from ${part('main-thread')};
import { Rescuer } from ${part('rescuer')};
let [asked, looks, stopped] = [0, 0, 0];
const { next } = MainThread.prototype;
MainThread.prototype.next = async function (...given) { const event = await next.apply(this, given); if (event !== null) stopped += 1; return event; };
const pulse = { last: 0n, blockedMs: () => ((asked += 1) % 2 === 1 ? 5_000 : 0) };
const parts = { root: ${JSON.stringify(folder)}, pid: process.pid, startedAt: new Date().toISOString() };
const rescuer = new Rescuer({ ...parts, pulse });
parentPort.postMessage('begun');
for (; looks < 60; looks += 1) await rescuer.look();
// Nothing can be stopped any more; the second time a turn is taken meanwhile.
MainThread.prototype.next = () => Promise.resolve(null);
let turn = 0n;
const ends = [];
for (const pulse of [{ last: 0n }, { get last() { return (turn += 1n); } }])
  ends.push(await new Rescuer({ ...parts, pulse: Object.defineProperty(pulse, 'blockedMs', { value: () => 5_000 }) }).end().catch(({ code }) => code));
writeSync(1, JSON.stringify({ looks, stopped, ends }));
process.kill(process.pid, 'SIGKILL');
`,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  const child = spawn(process.execPath, ['main.mjs'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await once(child, 'close');
  expect(JSON.parse(said)).toEqual({ looks: 60, stopped: 60, ends: ['NO_RESCUE', 'NOT_HANGING'] });
});

describe('a main thread that hangs', () => {
  beforeAll(() => start({ HOOKS: '0' }));

  test('in a request: that one is ended, others are served, and the journal says so', async () => {
    const lost = fetch(`http://127.0.0.1:${port}/hang`, { signal: AbortSignal.timeout(30_000) }).catch(() => 'lost');
    const looked = await found();
    expect(looked['blockedMs']).toBeGreaterThanOrEqual(1_000);
    const waiting = served();
    expect((await end()).json()).toMatchObject({ terminated: true });
    expect(await waiting).toBe('served /next');
    const [intent, outcome] = journalOf(service).filter(({ kind }) => kind === 'rescue');
    expect(intent).toMatchObject({ phase: 'intent', op: 'rescue.end', operator: 'alice', request: { reason: 'it hangs' } });
    expect(outcome).toMatchObject({ phase: 'outcome', status: 'done', result: { terminated: true } });
    void lost;
  });

  test('before its first turn: the door does not wait for it', async () => {
    const hanging = await startService({
      files: { 'src/main.js': "import { writeSync } from 'node:fs';\nwriteSync(1, 'ready\\n');\nfor (;;);\n" },
      main: 'src/main.js',
    });
    expect(await found(hanging)).toMatchObject({
      state: 'javascript',
      stack: expect.arrayContaining([expect.objectContaining({ file: 'src/main.js' })]) as unknown,
    });
  });

  test('that answers is not ended', async () => {
    const ended = await end();
    expect(ended.code).toBe(1);
    expect(ended.json()).toMatchObject({ ok: false, error: { code: 'NOT_HANGING' } });
    expect((await service.keyhole('rescue', 'svc')).stdout).toContain('the main thread answers');
  });

  test.skipIf(process.platform !== 'linux')(
    'in a synchronous child process: the child is named, and nothing is ended (skipped elsewhere: only Linux names it)',
    async () => {
      await service.ask('child');
      const looked = await found();
      expect(looked).toMatchObject({ state: 'native', stack: [], native: { asleep: true, children: [{ command: 'sleep 20' }] } });
      const ended = await end();
      expect(ended.json()).toMatchObject({ ok: false, error: { code: 'NO_RESCUE', message: expect.stringContaining('sleep 20') as string } });
      const [child] = (looked['native'] as { children: { pid: number }[] }).children;
      process.kill(child?.pid ?? 0);
      expect(await served()).toBe('served /next');
    },
  );

  test('with a patch: ended first, then replaced', async () => {
    await service.ask('timer');
    await found();
    editFile(service, 'src/main.js', 'for (let sum = 0; ; sum += 1) if (sum < 0) return sum;', 'return 0;');
    const ended = await service.keyhole('rescue', 'svc', '--terminate', '--patch', 'src/main.js', '--reason', 'it hangs', '--json');
    expect(ended.json()).toMatchObject({
      terminated: true,
      ended: 1,
      push: { ok: true, patches: [{ address: 'src/main.js:Cart.total', verified: true }] },
    });
    await service.ask('timer');
    expect(await served()).toBe('served /next');
    await service.keyhole('revert', 'svc', '--all', '--reason', 'done', '--json');
  });

  test('the prompt says it, and shows where', async () => {
    const terminal = openPseudoTerminal([process.execPath, consoleProgram, 'attach', 'svc'], service.env);
    await terminal.see(/svc#\d+> /);
    await service.ask('timer');
    await terminal.see(/has not answered for/);
    await terminal.see(/\(does not answer\)> /);
    terminal.type('.rescue --terminate --reason hangs\r');
    await terminal.see(/ended what had held/);
    await terminal.see(/answers again/);
    terminal.type('.exit\r');
    expect(await terminal.ended).toBe(0);
  });
});
