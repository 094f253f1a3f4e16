/** Who calls, what is called, how often and how long: of a real service, through the built console. */
import { expect, test } from 'vitest';
import type { CallTree, MonitorInterval, MonitorResult, StackResult, TraceResult } from '../../packages/agent/dist/protocol/index.js';
import { startConsole } from '../helpers/console-process.ts';
import { startService, type Service } from '../helpers/service.ts';

const files = {
  'src/order.js': `
import { price, slow } from './price.js';
export function checkout(order) { const sum = order.lines.map(line).reduce((a, b) => a + b, 0); return rounded(sum); }
export function line({ net, count }) { let sum = 0; for (let i = 0; i < count; i += 1) sum += price(net); return sum; }
export function rounded(sum) { return Math.round(sum); }
export async function later(order) { await null; const one = checkout(order); await slow(5); return rounded(one); }
export async function both() { const all = await Promise.all([later({ lines: [] }), later({ lines: [] })]); return all.length; }
export function down(n) { return n === 0 ? 0 : 1 + down(n - 1); }
export function fails(n) { if (n % 2 === 1) throw new RangeError('odd'); return n; }
export const viaA = (n) => fails(n);
export const viaB = (n) => viaA(n);
`,
  'src/price.js': `
export function price(net) { return net * 1.5; }
export const slow = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
`,
  'main.js': `
import * as order from './src/order.js';
import { createInterface } from 'node:readline';
const one = { lines: [{ net: 1, count: 2 }, { net: 2, count: 1 }] };
const quiet = (work) => { try { return work(); } catch { return 'failed'; } };
const commands = {
  checkout: () => order.checkout(one), later: () => order.later(one), both: () => order.both(), down: () => order.down(3),
  a: () => quiet(() => order.viaA(1)), b: () => quiet(() => order.viaB(2)),
  texts: () => String(order.checkout), slots: () => Object.getOwnPropertyNames(globalThis).filter((name) => Array.isArray(globalThis[name])).length,
};
createInterface({ input: process.stdin }).on('line', async (line) => console.log(JSON.stringify(await commands[line]())));
console.log('ready');
`,
};

let common: Promise<Service> | null = null;
const shared = (): Promise<Service> => (common ??= startService({ files, main: 'main.js', roles: 'trace' }));
const at = (name: string): string => `src/order.js:${name}`;

/** Runs a command, lets the service do something once it looks, and gives the lines of its answer. */
async function run(service: Service, words: string[], lines: string[], interrupt = false): Promise<{ items: unknown[]; stderr: string }> {
  const console_ = startConsole([words[0] ?? '', String(service.pid), ...words.slice(1), '--budget', '50', '--json'], {
    env: service.env,
    cwd: service.folder,
  });
  await console_.until('stderr', 'watching');
  for (const line of lines) await service.ask(line);
  if (interrupt) console_.child.kill('SIGINT');
  const { stdout, stderr, code } = await console_.ended;
  expect([code, stderr.includes('keyhole:')]).toEqual([0, false]);
  return {
    items: stdout
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text) as unknown),
    stderr,
  };
}

const drawn = (tree: CallTree): string[] =>
  tree.nodes.map(({ level, address, calls }) => `${' '.repeat(level)}${address.replace(/^.*:/, '')} ${calls}`);

test('trace: a tree of what is called below, in its file and where it was asked for', async () => {
  const service = await shared();
  const { items } = await run(service, ['trace', at('checkout'), '--limit', '1'], ['checkout']);
  const [tree, result] = items as [CallTree, TraceResult];
  expect(drawn(tree)).toEqual(['checkout 1', ' line 2', ' 3 2', ' rounded 1']);
  expect(result).toMatchObject({ ended: 'limit', seen: 1, shown: 1 });
  const wider = await run(service, ['trace', at('checkout'), 'src/price.js:*', at('line'), '--limit', '1'], ['checkout']);
  const [wide] = wider.items as [CallTree];
  expect(drawn(wide)).toEqual(['checkout 1', ' line 2', '  price 3']);
  const [top, line, price] = wide.nodes;
  expect(top?.ms).toBeGreaterThanOrEqual(line?.ms ?? Infinity);
  expect(line?.selfMs).toBeCloseTo((line?.ms ?? 0) - (price?.ms ?? 0), 2);
});

test('trace: behind an await, side by side, and in recursion, each call stands below its own caller', async () => {
  const service = await shared();
  const below = [at('later'), at('checkout'), at('rounded'), 'src/price.js:slow'];
  const one = await run(service, ['trace', at('later'), ...below, '--limit', '1'], ['later']);
  const [later] = one.items as [CallTree];
  expect(drawn(later)).toEqual(['later 1', ' checkout 1', '  rounded 1', ' slow 1', ' rounded 1']);
  expect(later.nodes[0]?.ms).toBeGreaterThan(4);
  const two = await run(service, ['trace', at('both'), ...below, '--limit', '1'], ['both']);
  expect(drawn((two.items as [CallTree])[0])).toEqual(['both 1', ' later 2', '  checkout 2', '   rounded 2', '  slow 2', '  rounded 2']);
  const deep = await run(service, ['trace', at('down'), at('down'), '--limit', '1'], ['down']);
  expect(drawn((deep.items as [CallTree])[0])).toEqual(['down 1', ' down 1', '  down 1', '   down 1']);
  expect(await service.ask('slots')).toBe('0');
});

test('stack: the ways to a function, counted', async () => {
  const service = await shared();
  const { items } = await run(service, ['stack', at('fails'), '--calls', '3', '--frames', '2'], ['b', 'a', 'b']);
  const [{ stacks, seen, looked, ended }] = items as [StackResult];
  expect([ended, seen, looked]).toEqual(['limit', 3, 3]);
  expect(stacks.map(({ calls, frames }) => [calls, frames.map((frame) => frame.replace(/:\d+$/, ''))])).toEqual([
    [2, ['viaA src/order.js', 'viaB src/order.js']],
    [1, ['viaA src/order.js', expect.stringMatching(/main\.js$/) as string]],
  ]);
});

test('monitor: calls, failures and times of each interval, and of the whole', async () => {
  const service = await shared();
  const { items } = await run(service, ['monitor', at('fails'), at('later'), '--every', '1s', '--count', '1'], ['a', 'a', 'b', 'later']);
  const [interval, result] = items as [MonitorInterval, MonitorResult];
  expect(interval.functions.map(({ address, calls, failed, open }) => [address, calls, failed, open])).toEqual([
    [at('fails'), 3, 2, 0],
    [at('later'), 1, 0, 0],
  ]);
  expect(interval.functions[1]?.ms?.p50).toBeGreaterThan(4);
  expect(result).toMatchObject({ ended: 'limit', functions: [{ calls: 3, failed: 2 }, { calls: 1 }] });
  const ended = await run(service, ['monitor', at('fails')], ['a'], true);
  expect(ended.items).toMatchObject([{ ended: 'stopped', functions: [{ address: at('fails'), calls: 1, failed: 1 }] }]);
  expect(await service.ask('slots')).toBe('0');
  expect(JSON.parse(await service.ask('texts'))).toContain('function checkout(order) {');
});
