/** What belongs to the language is replaced by something broken: the way back works where it can, and the service never notices that there is an agent. */
import { expect, test } from 'vitest';
import { answering, editFile, startService, type Service } from '../helpers/service.ts';

const main = `export const price = (n) => n + 1;\nconst answer = (n) => price(Number(n));${answering}`;
const thrower = "() => { throw new Error('broken') }";
/** What the service itself needs to answer stays as it is: the lines it reads would else be lost without us, too. */
const start = (): Promise<Service> => startService({ files: { 'main.js': main }, main: 'main.js' });

test.each([
  `JSON.stringify = JSON.parse = ${thrower}`,
  `Promise.prototype.then = Promise.prototype.catch = Promise.prototype.finally = ${thrower}`,
  `globalThis.setTimeout = globalThis.setImmediate = globalThis.clearTimeout = globalThis.queueMicrotask = ${thrower}`,
  `Date.now = performance.now = ${thrower}`,
])('evaluating, patching and reverting go on: %s', async (code) => {
  const service = await start();
  await service.keyhole('eval', 'svc', code);
  expect((await service.keyhole('eval', 'svc', '6*7', '--json')).json()).toMatchObject({ ok: true, value: 42 });
  editFile(service, 'main.js', 'n + 1', 'n + 2');
  expect((await service.keyhole('push', 'svc', 'main.js', '--reason', 'R', '--json')).json()).toMatchObject({
    ok: true,
    patches: [{ verified: true }],
  });
  expect((await service.keyhole('eval', 'svc', 'price(1)', '--in', 'main.js', '--json')).json()).toMatchObject({ value: 3 });
  expect((await service.keyhole('revert', 'svc', '--all', '--reason', 'R', '--json')).json()).toMatchObject({ ok: true });
  expect(service.stderr()).toBe('');
});

test.each([
  `Array.prototype.map = Array.prototype.filter = Array.prototype.find = Array.prototype.some = ${thrower}`,
  `Map.prototype.get = Map.prototype.set = Set.prototype.has = ${thrower}`,
  `Array.prototype[Symbol.iterator] = ${thrower}`,
  'globalThis.Map = globalThis.Set = globalThis.Promise = class {}',
  'Object.prototype.get = () => 1; Object.prototype.error = 1; Object.prototype.ok = false',
])('the service lives on, whatever becomes of the agent: %s', async (code) => {
  const service = await start();
  await service.keyhole('eval', 'svc', `setTimeout(() => { ${code} }, 1)`);
  for (const words of [
    ['eval', 'svc', '1'],
    ['fn', 'svc', 'main.js:price'],
    ['revert', 'svc', '--all', '--reason', 'R'],
  ])
    expect((await service.keyhole(...words)).stderr).not.toContain('NO_TARGET');
  expect(() => process.kill(service.pid, 0)).not.toThrow();
  expect(service.stderr()).not.toMatch(/^\s+throw /m);
});
