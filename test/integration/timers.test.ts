/** Timers and immediates of a real service, one by one: as Node keeps them, without a walk of the heap and without running anything. */

import { beforeAll, expect, test, vi } from 'vitest';
import { timers } from '../../packages/agent/dist/adapters/timers.js';
import { answering, startService, type Service } from '../helpers/service.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const main = `
import { setTimeout as later } from 'node:timers/promises';
let ran = 0;
class Sweeper {
  constructor() { this.timer = setInterval(this.sweep.bind(this), 70_000); }
  sweep() { ran += 1; }
}
globalThis.sweeper = new Sweeper();
const named = setTimeout(function flush() { ran += 1; }, 90_000);
setTimeout(() => { ran += 1; }, 80_000).unref();
void later(85_000);
for (let at = 0; at < 600; at += 1) setTimeout(() => undefined, 3_600_000);
const gone = setTimeout(() => undefined, 60_000);
clearTimeout(gone);
let on = true;
function again() { if (on) setImmediate(again); }
const answer = (line) => ({ clear: () => clearTimeout(named), immediates: () => again(), enough: () => { on = false; }, ran: () => ran })[line]() ?? null;
${answering}`;

let service: Service;
beforeAll(async () => {
  service = await startService({ files: { 'src/main.js': main }, main: 'src/main.js', roles: 'inspect' });
});
interface Listed {
  id: string;
  type: string;
  state: string;
}
const list = async (...words: string[]): Promise<Listed[]> => (await service.keyhole('actors', 'svc', ...words, '--json')).json() as Listed[];

test('each with what it calls, where that was written, and when', async () => {
  const [sweep, ...others] = await list('Interval');
  expect(others).toEqual([]);
  expect(sweep?.state).toMatch(
    /^\{\s+callback: 'sweep',\s+at: 'src\/main\.js:6',\s+afterMs: 70000,\s+inMs: (?:[3-6]\d|70)\d{3},\s+keepsAlive: true\s+\}$/,
  );
  const timeouts = (await list('Timeout', '--where', 's => s.afterMs < 100000')).map(({ state }) =>
    [/callback: '(.*)'/, /at: '(.*)'/, /afterMs: (\d+)/, /keepsAlive: (\w+)/].map((field) => field.exec(state)?.[1]),
  );
  expect(timeouts).toEqual([
    ['(anonymous)', 'src/main.js:10', '80000', 'false'],
    // Node's own code, for timers/promises.
    ['(anonymous)', undefined, '85000', 'true'],
    ['flush', 'src/main.js:9', '90000', 'true'],
  ]);
  expect((await service.keyhole('inspect', 'svc', sweep?.id ?? '')).stdout).toContain('_idleTimeout: 70000');
});

test('immediates too, as long as they wait', async () => {
  await service.ask('immediates');
  const [first, ...others] = await list('Immediate');
  expect([first?.state.replace(/\s+/g, ' '), others]).toEqual(["{ callback: 'again', at: 'src/main.js:16', keepsAlive: true }", []]);
  await service.ask('enough');
});

test('as many as a list holds; what was cleared and what is Keyhole’s own is not among them, and nothing ran', async () => {
  const { stderr, stdout } = await service.keyhole('actors', 'svc', '--from', 'timers', '--json');
  expect(JSON.parse(stdout)).toHaveLength(500);
  expect(stderr).toContain('not all of timers: there are more than 500; a TYPE shows fewer');
  expect(await list('--from', 'timers', '--where', 's => s.afterMs < 69000')).toEqual([]);
  await service.ask('clear');
  expect(await list('Timeout', '--where', 's => s.afterMs === 90000')).toEqual([]);
  expect(await service.ask('ran')).toBe('0');
});

test('a Node that keeps them elsewhere is said to', () => {
  const facts = { variable: () => undefined, madeAt: () => null };
  expect(() => [...timers(() => facts).list()]).toThrow(/keeps its timers where they can not be read, .*; --from resources counts them/);
});
