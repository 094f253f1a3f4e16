/** Patches on trial in a real service: undone unless confirmed, undone when they fail too often, whoever is there to see it. */
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { consoleProgram } from '../helpers/console-process.ts';
import { openPseudoTerminal } from '../helpers/pseudo-terminal.ts';
import { agentUrl, answering, editFile, journalOf, registerUrl, startService, type Service } from '../helpers/service.ts';

/** Between two questions: asking without a break takes the processor from what is waited for. */
const betweenMs = 10;

const files = {
  'src/shop.js': `
export function price(net) { return net * 2; }
export function tax(net) { return net / 10; }
export async function order(id) { return 'order ' + id; }
export function* pages() { yield 1; yield 2; }
`,
  'src/main.js': `
import { price, tax, order, pages } from './shop.js';
const quiet = (call) => { try { return call(); } catch (error) { return error.name; } };
let asynchronous = 'none';
// As soon as the patch is live, however long the console takes to say so.
const whenLive = (work) => {
  const look = setInterval(() => { if (price(100) === 300) { clearInterval(look); work(); } }, 1);
  return 'armed';
};
const answer = (line) => ({
  price: () => quiet(() => price(100)), tax: () => tax(100), pages: () => quiet(() => [...pages()]),
  order: () => { order('7').then((text) => { asynchronous = text; }, (error) => { asynchronous = error.name; }); return 0; }, ordered: () => asynchronous,
  block: () => whenLive(() => { const end = performance.now() + 1500; while (performance.now() < end); }),
  kill: () => whenLive(() => { globalThis.noDoor = true; void globalThis.door.terminate(); }), revive: () => { globalThis.noDoor = false; return 1; },
  broken: () => { globalThis.setTimeout = globalThis.setImmediate = () => { throw new Error('the clock is broken'); }; performance.now = () => 0; Date.now = () => 0; return 1; },
  wait: () => { const timer = setTimeout(() => clearTimeout(timer), 60_000); return price(100); },
})[line]();
${answering}`,
};

interface Pushed {
  ok: boolean;
  patches: { id: string; address: string; trial?: { confirmWithinMs?: number; errors?: { allowed: number; seen: number; forMs: number } } }[];
  refused: { address: string; why: string }[];
  error?: { code: string; message: string };
}

const start = (more: Record<string, string> = {}, nodeArguments?: string[]): Promise<Service> =>
  startService({ files: { ...files, ...more }, main: 'src/main.js', git: true, ...(nodeArguments && { nodeArguments }) });
const edited = (service: Service, from: string, to: string): void => editFile(service, 'src/shop.js', from, to);
const push = async (service: Service, ...words: string[]): Promise<Pushed & { code: number | null }> => {
  const done = await service.keyhole('push', 'svc', 'src/shop.js', '--reason', 'because', '--json', ...words);
  return { ...(done.json() as Pushed), code: done.code };
};
/** Asks until the service answers so; the test's own time limit ends it. */
const becomes = async (service: Service, line: string, answer: string): Promise<void> => {
  while ((await service.ask(line)) !== answer) await setTimeout(betweenMs);
};
const entry = async (service: Service, phase: string): Promise<Record<string, unknown>> => {
  for (;;) {
    const found = journalOf(service).find((each) => each['phase'] === phase);
    if (found !== undefined) return found;
    await setTimeout(betweenMs);
  }
};

test('a patch nobody confirms is undone, with all that was pushed together, and the journal says so', async () => {
  const service = await start();
  edited(service, 'net * 2', 'net * 3');
  edited(service, 'net / 10', 'net / 5');
  const pushed = await push(service, '--confirm', '1s');
  expect(pushed).toMatchObject({ ok: true, patches: [{ trial: {} }, { trial: {} }] });
  const left = pushed.patches[0]?.trial?.confirmWithinMs ?? 0;
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThanOrEqual(1_000);
  await becomes(service, 'price', '200');
  expect(await service.ask('tax')).toBe('10');
  const undone = await entry(service, 'undone');
  const [first, second] = pushed.patches.map(({ id, address }) => ({ id, address, now: null }));
  expect(undone).toMatchObject({ kind: 'revert', by: 'agent', cause: 'not confirmed', patches: [first, second], number: 1 });
  expect(journalOf(service)[Number(undone['entry']) - 1]).toMatchObject({ kind: 'patch', phase: 'intent' });
  const late = await service.keyhole('confirm', 'svc', pushed.patches[0]?.id ?? '', '--json');
  expect(late.code).toBe(1);
  expect(late.json()).toMatchObject({ ok: false, error: { code: 'NOT_FOUND', message: expect.stringContaining('nobody confirmed it in time') } });
  expect((await service.keyhole('ps', '--json')).json()).toMatchObject([{ patches: 0 }]);
  expect((await service.keyhole('log', 'svc')).stdout).toContain('undone by the agent: ');
  expect((await service.keyhole('journal', 'verify', service.journal, '--json')).json()).toMatchObject({ ok: true });
});

test('confirmed in time it stays, and so does what was pushed with it', async () => {
  const service = await start();
  edited(service, 'net * 2', 'net * 3');
  edited(service, 'net / 10', 'net / 5');
  const { patches } = await push(service, '--confirm', '20m');
  const id = patches[1]?.id ?? '';
  const shown = await service.keyhole('fn', 'svc', 'src/shop.js:price');
  expect(shown.stdout).toMatch(/undone in (20m|19m\d+s) unless confirmed: keyhole confirm T p/);
  expect((await service.keyhole('diff', 'svc')).stderr).toMatch(/undone in (20m|19m\d+s) unless confirmed/);
  const confirmed = await service.keyhole('confirm', 'svc', id, '--json');
  expect(confirmed.json()).toEqual({ ok: true, id, patches: patches.map((each) => each.id) });
  expect((await service.keyhole('fn', 'svc', 'src/shop.js:price')).stdout).not.toContain('undone');
  expect(await service.ask('price')).toBe('300');
  expect(journalOf(service).filter(({ kind }) => kind === 'confirm')).toMatchObject([
    { phase: 'intent', request: { id } },
    { phase: 'outcome', status: 'done' },
  ]);
  expect((await service.keyhole('confirm', 'svc', id, '--json')).json()).toMatchObject({
    error: { message: expect.stringContaining('it was confirmed') },
  });
});

test('what it replaced is live again', async () => {
  const service = await start();
  edited(service, 'net * 2', 'net * 3');
  const first = await push(service);
  edited(service, 'net * 3', 'net * 4');
  await push(service, '--confirm', '1s');
  await becomes(service, 'price', '300');
  expect((await service.keyhole('diff', 'svc', '--json')).json()).toMatchObject({
    diff: expect.stringContaining('+export function price(net) { return net * 3; }'),
  });
  expect(await entry(service, 'undone')).toMatchObject({ patches: [{ now: first.patches[0]?.id }] });
  expect((await service.keyhole('revert', 'svc', first.patches[0]?.id ?? '', '-r', 'x', '--json')).json()).toMatchObject({ ok: true });
  expect(await service.ask('price')).toBe('200');
});

// These wait more than they work.
test.concurrent('the undo needs no door: it happens while that is dead, and the next door journals it', async () => {
  // Before the agent is loaded: lets the service end its door, as running out of memory would, and keep it dead.
  const grab = `
import threads from 'node:worker_threads';
import { syncBuiltinESMExports } from 'node:module';
threads.Worker = class extends threads.Worker {
  constructor(...all) {
    super(...all);
    globalThis.door = this;
    if (globalThis.noDoor) this.terminate();
  }
};
syncBuiltinESMExports();
`;
  const service = await start({ 'grab.mjs': grab }, ['--import', './grab.mjs', '--import', registerUrl]);
  edited(service, 'net * 2', 'net * 3');
  expect(await service.ask('kill')).toBe('"armed"');
  // It may lose its line before the answer is there.
  await service.keyhole('push', 'svc', 'src/shop.js', '-r', 'x', '--confirm', '1s');
  await becomes(service, 'price', '200');
  expect(journalOf(service).filter(({ phase }) => phase === 'undone')).toEqual([]);
  await service.ask('revive');
  expect(await entry(service, 'undone')).toMatchObject({ cause: 'not confirmed', lateMs: expect.any(Number) });
  expect(journalOf(service).filter(({ kind }) => kind === 'start').length).toBeGreaterThan(1);
});

test.concurrent('a service that breaks the timers and the clocks does not break the promise', async () => {
  const service = await start();
  expect(await service.ask('broken')).toBe('1');
  edited(service, 'net * 2', 'net * 3');
  expect(await push(service, '--confirm', '1s')).toMatchObject({ ok: true });
  await becomes(service, 'price', '200');
});

test.concurrent('a thread that was busy past the deadline: undone at the first chance, and said so', async () => {
  const service = await start();
  edited(service, 'net * 2', 'net * 3');
  expect(await service.ask('block')).toBe('"armed"');
  await push(service, '--confirm', '1s');
  await becomes(service, 'price', '200');
  const { lateMs } = (await entry(service, 'undone')) as { lateMs: number };
  expect(lateMs).toBeGreaterThan(200);
  expect((await service.keyhole('log', 'svc')).stdout).toContain('late, since the main thread was busy');
});

test('a probation keeps no service from ending', async () => {
  const service = await start();
  edited(service, 'net * 2', 'net * 3');
  expect(await push(service, '--confirm', '24h')).toMatchObject({ ok: true });
  service.close();
  expect(await service.ended).toBe(0);
});

test('a role below patch may end no probation', async () => {
  const service = await startService({ files, main: 'src/main.js', roles: 'eval' });
  expect((await service.keyhole('confirm', 'svc', 'p1', '--json')).json()).toMatchObject({ error: { code: 'NOT_ALLOWED' } });
});

test('too many errors undo the push; what counts is a call that fails', async () => {
  const service = await start();
  edited(service, 'net * 2;', 'net * 3; } export function added() { return 1;');
  edited(service, 'return net * 3; } export function added() { return 1;', 'throw new RangeError(\'token abcdef0123456789abcdef for "a secret"\');');
  edited(service, 'net / 10', 'net / 5');
  const pushed = await push(service, '--if-errors', '2');
  expect(pushed).toMatchObject({ ok: true });
  expect(pushed.patches[0]?.trial?.errors).toMatchObject({ allowed: 2, seen: 0 });
  expect(await service.ask('price')).toBe('"RangeError"');
  expect(await service.ask('price')).toBe('"RangeError"');
  expect((await service.keyhole('fn', 'svc', 'src/shop.js:price')).stdout).toMatch(
    /more than 2 of its calls fail in the next \d+s|1m .*\(2 so far\)/,
  );
  expect(await service.ask('tax')).toBe('20');
  expect(await service.ask('price')).toBe('"RangeError"');
  await becomes(service, 'price', '200');
  expect(await service.ask('tax')).toBe('10');
  const undone = await entry(service, 'undone');
  expect(undone).toMatchObject({ cause: 'errors', errors: { allowed: 2, seen: 3, name: 'RangeError', message: 'token … for "…"' } });
  expect(JSON.stringify(undone)).not.toContain('secret');
});

test('a rejected promise and a generator that throws count as well', async () => {
  const service = await start();
  edited(service, "return 'order ' + id;", "await null; throw new TypeError('no');");
  await push(service, '--if-errors', '0');
  await service.ask('order');
  await becomes(service, 'ordered', '"TypeError"');
  await entry(service, 'undone');
  await service.ask('order');
  await becomes(service, 'ordered', '"order 7"');

  const other = await start();
  edited(other, 'yield 2;', "throw new EvalError('no');");
  await push(other, '--if-errors', '0');
  expect(await other.ask('pages')).toBe('"EvalError"');
  await becomes(other, 'pages', '[1,2]');
});

test.concurrent('an attached operator hears of it, and the prompt counts down', async () => {
  const service = await start();
  edited(service, 'net * 2', 'net * 3');
  const terminal = openPseudoTerminal([process.execPath, consoleProgram, 'attach', 'svc'], service.env, service.folder);
  await terminal.see(/> /);
  terminal.type('.push src/shop.js --reason x --confirm 6s\r');
  await terminal.see(/unless confirmed/);
  await terminal.see(/\(p\d+ undone in [1-6]s\)> /);
  await terminal.see(/undone by the agent: p\d+ \(src\/shop\.js:price\): not confirmed in time/);
  await terminal.see(/svc#\d+> /);
  terminal.type('.exit\r');
  expect(await terminal.ended).toBe(0);
});

test.concurrent('code that was not instrumented: a probation holds there too, what looks at calls is refused', async () => {
  const main = `import { startAgent } from '${agentUrl}';
export function f() { return 1; }
await startAgent({ service: 'svc', operators: process.env.KEYHOLE_OPERATORS, journal: { dir: process.env.KEYHOLE_JOURNAL_DIR } });
const answer = () => f();
${answering}`;
  const service = await startService({ files: { 'main.js': main }, main: 'main.js', nodeArguments: [] });
  const text = path.join(service.folder, 'new.txt');
  writeFileSync(text, 'function f() { return 2; }');
  const edit = async (...words: string[]): Promise<Pushed> =>
    (await service.keyhole('edit', 'svc', 'main.js:f', '--from', text, '-r', 'x', '--json', '--max-pause', '60000', ...words)).json() as Pushed;
  for (const words of [
    ['--if-errors', '1'],
    ['--shadow', '1', '--yes'],
  ]) {
    const { ok, refused } = await edit(...words);
    expect(ok).toBe(false);
    expect(refused[0]?.why).toContain('start the service with --import @keyhole/agent/register');
  }
  const { ok } = await edit('--confirm', '1s');
  // Where no strategy can replace it, there is nothing to be on probation.
  if (!ok) return;
  await becomes(service, 'f', '1');
  expect(await entry(service, 'undone')).toMatchObject({ cause: 'not confirmed', patches: [{ address: 'main.js:f' }] });
});
