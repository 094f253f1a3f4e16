/** Calls of a real service, watched: what is shown is what was there, the service gets what it would have got, and afterwards everything is as before. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Params, WatchedCall } from '../../packages/agent/dist/protocol/index.js';
import type { Connection } from '../../packages/console/dist/index.js';
import { startConsole } from '../helpers/console-process.ts';
import { pushEdits, withConnection } from '../helpers/operator.ts';
import { journalOf, startService, type Service } from '../helpers/service.ts';
import { openWatch } from '../helpers/watching.ts';

const files = {
  'src/kinds.js': `
import { AsyncLocalStorage } from 'node:async_hooks';
export const storage = new AsyncLocalStorage();
export function plain(a, b = 2) { return a + b; }
export const arrow = (...all) => all.length;
export function spread({ x, y: [z] }) { return x + z; }
export function withArguments() { return arguments.length; }
export function fails(what) { throw new TypeError(what); }
export function lazy(id) { return Promise.reject(new Error(id)); }
export async function waits(ms) { await new Promise((resolve) => setTimeout(resolve, ms)); return storage.getStore(); }
export async function rejects(why) { await null; throw new RangeError(why); }
export function* counts(to) { for (let i = 0; i < to; i += 1) yield i; return 'done'; }
export async function* streams(to) { for (let i = 0; i < to; i += 1) yield i; return 'over'; }
export class Base { constructor(name) { this.name = name; this.target = new.target.name; } }
export class Derived extends Base {
  #secret = 7;
  constructor(name) { super(name); this.kind = 'derived'; }
  get secret() { return this.#secret; }
  set secret(value) { this.#secret = value; }
  static make(name) { return new this(name); }
  method(by) { return this.#secret + by; }
}
export function makeTill(name) {
  let sum = 0;
  return { take(amount) { sum += amount; return sum; }, total: () => sum, name };
}
export function hot(n) { return n; }
export function mutates(list) { list.push('later'); return list; }
`,
  'main.js': `
import * as kinds from './src/kinds.js';
const till = kinds.makeTill('a');
const other = kinds.makeTill('b');
const trap = new Proxy({}, { get() { throw new Error('a trap ran'); }, ownKeys() { throw new Error('a trap ran'); }, getPrototypeOf() { throw new Error('a trap ran'); } });
let gets = 0;
const withGetter = { get boom() { gets += 1; return 1; }, plain: 1 };
const settle = (promise) => promise.then((value) => console.log(JSON.stringify(['resolved', value])), (error) => console.log(JSON.stringify(['rejected', error.message])));
let unhandled = 0;
process.on('unhandledRejection', () => { unhandled += 1; });
const texts = new Map(Object.entries(kinds).map(([name, value]) => [name, String(value)]));
const commands = {
  plain: () => kinds.plain(1), arrow: () => kinds.arrow(1, 2, 3), spread: () => kinds.spread({ x: 1, y: [2] }), withArguments: () => kinds.withArguments(1, 2),
  fails: () => { try { kinds.fails('no'); } catch (error) { return error.message; } },
  lazy: () => { kinds.lazy('nobody'); return 'left'; },
  counts: () => [...kinds.counts(3)], countsOne: () => { for (const each of kinds.counts(3)) return each; },
  base: () => new kinds.Base('b'), derived: () => ({ ...new kinds.Derived('d') }), made: () => kinds.Derived.make('m').constructor.name, madeBare: () => kinds.Derived.make().kind,
  method: () => new kinds.Derived('d').method(1), secret: () => { const one = new kinds.Derived('d'); one.secret = 5; return one.secret; },
  take: () => [till.take(2), other.take(3)], totals: () => [till.total(), other.total()],
  hostile: () => kinds.arrow(trap, withGetter), gets: () => gets, unhandled: () => unhandled,
  mutates: () => kinds.mutates(['now']),
  same: () => Object.entries(kinds).every(([name, value]) => texts.get(name) === String(value)),
  slots: () => Object.getOwnPropertyNames(globalThis).filter((name) => Array.isArray(globalThis[name])).length,
  hot: () => { let sum = 0; for (let i = 0; i < 1e5; i += 1) sum += kinds.hot(i); return sum; },
};
function answer(line) {
  if (line.startsWith('hot ')) { let sum = 0; for (let i = 0; i < Number(line.slice(4)); i += 1) sum += kinds.hot(i); return sum; }
  return commands[line]();
}
createInterface({ input: process.stdin }).on('line', async (line) => {
  if (line === 'waits') return settle(kinds.storage.run('mine', () => kinds.waits(5)));
  if (line === 'rejects') return settle(kinds.rejects('late'));
  if (line === 'streams') { const all = []; for await (const each of kinds.streams(2)) all.push(each); return console.log(JSON.stringify(all)); }
  console.log(JSON.stringify(answer(line)));
});
import { createInterface } from 'node:readline';
console.log('ready');
`,
};

const start = (roles?: string): Promise<Service> => startService({ files, main: 'main.js', ...(roles !== undefined && { roles }) });
let common: Promise<Service> | null = null;
/** One for most tests: each leaves it as it was, and looks whether it did. */
const shared = (): Promise<Service> => (common ??= start());

const at = (name: string): string => `src/kinds.js:${name}`;

/** Watches, lets the service do something, and gives what was shown. */
async function shown(
  connection: Connection,
  service: Service,
  params: Partial<Params<'watch'>> & { addresses: string[] },
  lines: string[],
  count: number,
): Promise<{ calls: WatchedCall[]; answers: string[] }> {
  const watch = await openWatch(connection, { limit: 100, ...params });
  const answers: string[] = [];
  for (const line of lines) answers.push(await service.ask(line));
  const calls = await watch.until(count);
  await watch.stop();
  return { calls, answers };
}

/** What is exported hands over what it was called with, where that costs nothing. */
const handsOnAll = Number(process.versions.node.split('.')[0]) >= 24;

/** Name, command of the service, what it answers, and of what is shown: how, arguments, value. */
const kinds: [name: string, line: string, answer: unknown, how: WatchedCall['how'], args: unknown[], value: unknown][] = [
  ['plain', 'plain', 3, 'returned', handsOnAll ? [1] : [1, undefined], 3],
  ['arrow', 'arrow', 3, 'returned', [1, 2, 3], 3],
  ['spread', 'spread', 3, 'returned', ['Object'], 3],
  ['withArguments', 'withArguments', 2, 'returned', [1, 2], 2],
  ['fails', 'fails', 'no', 'threw', ['no'], 'TypeError: no'],
  ['lazy', 'lazy', 'left', 'returned', ['nobody'], 'Promise'],
  ['waits', 'waits', ['resolved', 'mine'], 'resolved', [5], 'mine'],
  ['rejects', 'rejects', ['rejected', 'late'], 'rejected', ['late'], 'RangeError: late'],
  ['counts', 'counts', [0, 1, 2], 'returned', [3], 'done'],
  ['counts', 'countsOne', 0, 'closed', [3], undefined],
  ['streams', 'streams', [0, 1], 'returned', [2], 'over'],
  ['Base.constructor', 'base', { name: 'b', target: 'Base' }, 'returned', ['b'], 'Base'],
  ['Derived.constructor', 'derived', { name: 'd', target: 'Derived', kind: 'derived' }, 'returned', ['d'], 'Derived'],
  ['Derived.make', 'made', 'Derived', 'returned', ['m'], 'Derived'],
  // Short, and not exported: it hands over what it has parameters for.
  ['Derived.make', 'madeBare', 'derived', 'returned', [undefined], 'Derived'],
  ['Derived.method', 'method', 8, 'returned', [1], 8],
  ['makeTill.take', 'take', [2, 3], 'returned', [2], 2],
];

test('each kind of function is shown with its arguments and its end, and the service gets what it would have got', async () => {
  const service = await shared();
  await withConnection(service, async (connection) => {
    for (const [name, line, answer, how, args, value] of kinds) {
      const { calls, answers } = await shown(connection, service, { addresses: [at(name)] }, [line], 1);
      expect([line, JSON.parse(answers[0] ?? '')]).toEqual([line, answer]);
      const [call] = calls;
      const short = (each: WatchedCall['value']): unknown => each?.value ?? each?.description;
      expect([line, call?.address, call?.how, call?.args.map(short), short(call?.value)]).toEqual([line, at(name), how, args, value]);
      expect(call?.ms).toBeGreaterThanOrEqual(0);
    }
    // Nothing was watched of it that would have made its rejection a handled one.
    expect(await service.ask('unhandled')).toBe('1');
    expect(await service.ask('same')).toBe('true');
    expect(await service.ask('slots')).toBe('0');
  });
});

test('arguments are shown as they were at the call, and nothing of the service runs to show them', async () => {
  const service = await shared();
  await withConnection(service, async (connection) => {
    const { calls } = await shown(connection, service, { addresses: [at('mutates'), at('arrow')] }, ['mutates', 'hostile'], 2);
    const [mutated, hostile] = calls;
    expect(mutated?.args[0]).toMatchObject({ description: 'Array(1)', preview: { properties: [{ name: '0', value: 'now' }] } });
    expect(mutated?.value).toMatchObject({ description: 'Array(2)' });
    expect(hostile?.args[0]).toEqual({ type: 'object', subtype: 'proxy', description: 'Proxy' });
    expect(hostile?.args[1]?.preview?.properties).toEqual([
      { name: 'boom', type: 'accessor' },
      { name: 'plain', type: 'number', value: '1' },
    ]);
    expect(await service.ask('gets')).toBe('0');
  });
});

test('it ends at its limit, when the time is up, when it is ended, and says what it did not show', async () => {
  const service = await shared();
  await withConnection(service, async (connection) => {
    const limited = await openWatch(connection, { addresses: [at('hot')], limit: 3 });
    await service.ask('hot 10');
    expect(await limited.ended).toMatchObject({ ended: 'limit', functions: [{ address: at('hot'), shown: 3 }], missed: { rate: 0, unread: 0 } });
    expect(limited.calls.map(({ number, args }) => [number, args[0]?.value])).toEqual([
      [1, 0],
      [2, 1],
      [3, 2],
    ]);

    const timed = await openWatch(connection, { addresses: [at('hot')], forMs: 100 });
    expect(await timed.ended).toMatchObject({ ended: 'time', functions: [{ seen: 0, shown: 0 }] });

    const rated = await openWatch(connection, { addresses: [at('hot')], limit: 1_000, rate: 5, budgetPercent: 50 });
    await service.ask('hot 1000');
    await rated.until(5);
    const { ended, functions, missed } = await rated.stop();
    expect(ended).toBe('stopped');
    expect([functions[0]?.seen, (functions[0]?.shown ?? 0) + missed.rate]).toEqual([1_000, 1_000]);
    expect(functions[0]?.shown).toBeLessThan(20);
  });
});

test('a watch that takes more than its share of the main thread ends, and the service goes on', async () => {
  const service = await shared();
  await withConnection(service, async (connection) => {
    const watch = await openWatch(connection, { addresses: [at('hot')], limit: 100_000, rate: 1_000 });
    // A condition is paid for with every call.
    const costly = await openWatch(connection, { addresses: [at('hot')], if: 'n < 0', limit: 1, budgetPercent: 1 });
    service.write('hot 3000000');
    expect(await costly.ended).toMatchObject({ ended: 'budget', functions: [{ shown: 0 }] });
    await watch.stop();
    await service.ask('plain');
    expect(await service.ask('plain')).toBe('3');
    expect(await service.ask('slots')).toBe('0');
  });
});

test('conditions: by arguments, by how it ends, by how long it took; what fails in them is counted and reaches nobody', async () => {
  const service = await shared();
  await withConnection(service, async (connection) => {
    const chosen = async (params: Partial<Params<'watch'>>, lines: string[], count: number): Promise<WatchedCall[]> =>
      (await shown(connection, service, { addresses: [at('hot'), at('fails'), at('waits'), at('plain')], ...params }, lines, count)).calls;
    const hot = await shown(connection, service, { addresses: [at('hot')], if: 'n === 7 || args[0] === 9' }, ['hot 10'], 2);
    expect(hot.calls.map(({ args }) => args[0]?.value)).toEqual([7, 9]);
    const result = await shown(connection, service, { addresses: [at('hot')], if: 'result > 7' }, ['hot 10'], 2);
    expect(result.calls.map(({ args, argsSeen }) => [args[0]?.value, argsSeen])).toEqual([
      [8, 'after'],
      [9, 'after'],
    ]);
    expect((await chosen({ throws: true }, ['hot 3', 'fails'], 1)).map(({ address }) => address)).toEqual([at('fails')]);
    expect((await chosen({ slowerMs: 2 }, ['hot 3', 'waits'], 1)).map(({ address }) => address)).toEqual([at('waits')]);

    const failing = await openWatch(connection, { addresses: [at('plain')], if: 'args[0].no.way > 1' });
    expect(await service.ask('plain')).toBe('3');
    expect((await failing.stop()).conditionErrors).toEqual({ calls: 1, first: 'TypeError: no of a number is not looked at' });
    // Whoever may evaluate may say anything.
    const free = await shown(connection, service, { addresses: [at('hot')], if: 'String(n).endsWith("4")' }, ['hot 10'], 1);
    expect(free.calls.map(({ args }) => args[0]?.value)).toEqual([4]);
    await expect(openWatch(connection, { addresses: [at('hot')], if: 'm > 1' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: /has m, which is not known/,
    });
  });
});

test('an operator below eval watches with looking alone, and one below trace not at all', async () => {
  const tracer = await start('trace');
  await withConnection(tracer, async (connection) => {
    await expect(openWatch(connection, { addresses: [at('hot')], if: 'String(n)' })).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    const { calls } = await shown(connection, tracer, { addresses: [at('hot')], if: 'n > 1' }, ['hot 3'], 1);
    expect(calls.map(({ args }) => args[0]?.value)).toEqual([2]);
  });
  const viewer = await start('inspect');
  await withConnection(viewer, async (connection) => {
    await expect(openWatch(connection, { addresses: [at('hot')] })).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
  });
});

test('a patch may come and go while its function is watched, and stays when the watch ends', async () => {
  const service = await shared();
  await withConnection(service, async (connection) => {
    const watch = await openWatch(connection, { addresses: [at('plain'), at('makeTill.take')], limit: 100 });
    expect(await service.ask('plain')).toBe('3');
    const [plain, take] = await pushEdits(service, 'src/kinds.js', [
      ['return a + b;', 'return a + b + 100;'],
      ['sum += amount;', 'sum += amount * 10;'],
    ]);
    expect(await service.ask('plain')).toBe('103');
    const [before = 0, others = 0] = JSON.parse(await service.ask('totals')) as number[];
    expect(JSON.parse(await service.ask('take'))).toEqual([before + 20, others + 30]);
    await connection.call('patch.revert', { ids: [plain ?? ''], reason: 'enough' });
    expect(await service.ask('plain')).toBe('3');
    const calls = await watch.until(5);
    expect(calls.map(({ value }) => value?.value)).toEqual([3, 103, before + 20, others + 30, 3]);
    expect(await watch.stop()).toMatchObject({ ended: 'stopped' });
    expect([await service.ask('plain'), JSON.parse(await service.ask('take'))]).toEqual(['3', [before + 40, others + 60]]);
    await connection.call('patch.revert', { ids: [take ?? ''], reason: 'enough' });
    expect(JSON.parse(await service.ask('take'))).toEqual([before + 42, others + 63]);
    expect(await service.ask('slots')).toBe('0');
  });
});

test('several watch one function, and each ends for itself', async () => {
  const service = await shared();
  await withConnection(service, async (connection) => {
    const first = await openWatch(connection, { addresses: [at('plain')], limit: 100 });
    const second = await openWatch(connection, { addresses: [at('*').replace('*', 'Derived.*')], limit: 100 });
    const third = await openWatch(connection, { addresses: [at('plain')], limit: 100 });
    await service.ask('plain');
    await Promise.all([first.until(1), third.until(1)]);
    await first.stop();
    await service.ask('plain');
    expect(await third.until(2)).toHaveLength(2);
    expect(first.calls).toHaveLength(1);
    await service.ask('secret');
    expect((await second.until(3)).map(({ address }) => address)).toEqual([
      at('Derived.constructor'),
      at('Derived.set-secret'),
      at('Derived.get-secret'),
    ]);
    await third.stop();
    await second.stop();
    expect(await service.ask('slots')).toBe('0');
  });
});

test('what can not be watched is refused by name, and so are too many', async () => {
  const generated = Array.from({ length: 21 }, (_, index) => `export function f${index}() {}`).join('\n');
  const service = await startService({
    files: {
      ...files,
      'src/many.js': generated,
      'src/odd.js': 'export function* odd({ a }) { yield a; }\nexport const even = 1;',
      'more.js': "import './src/many.js'; import './src/odd.js'; import './main.js';",
    },
    main: 'more.js',
  });
  await withConnection(service, async (connection) => {
    const refused = (address: string): Promise<unknown> =>
      openWatch(connection, { addresses: [address] }).then(
        () => 'watched',
        (error: unknown) => error,
      );
    expect(await refused('src/many.js:*')).toMatchObject({ code: 'TOO_LARGE', message: /means 21 functions, where 20/ });
    expect(await refused('src/odd.js:odd')).toMatchObject({
      code: 'NOT_PATCHABLE',
      message: /it has no slot: it is a generator with a destructured parameter/,
    });
    expect(await refused('src/odd.js:*')).toMatchObject({ code: 'NOT_PATCHABLE' });
    expect(await refused('src/none.js:f')).toMatchObject({ code: 'NOT_FOUND' });
    expect(await refused('src/kinds.js')).toMatchObject({ code: 'NOT_FOUND' });
    expect(await refused('src/*')).toMatchObject({ code: 'BAD_REQUEST' });
    const twenty = await openWatch(connection, { addresses: Array.from({ length: 20 }, (_, index) => `src/many.js:f${index}`) });
    expect(twenty.started.functions).toHaveLength(20);
    await twenty.stop();
  });
});

test('a console that goes ends its watch, and the journal says what was looked at', async () => {
  const service = await start();
  await withConnection(service, async (connection) => {
    await openWatch(connection, { addresses: [at('plain')], if: 'a > 0' });
    await service.ask('plain');
  });
  await withConnection(service, async (connection) => {
    const outcome = async (): Promise<Record<string, unknown> | undefined> =>
      journalOf(service).find((each) => each['kind'] === 'trace' && each['phase'] === 'outcome');
    // Asking is what lets the door get on with it.
    while ((await outcome()) === undefined) await connection.call('info', {});
    expect(await outcome()).toMatchObject({ status: 'done', result: { ended: 'gone', functions: [{ address: at('plain'), seen: 1, shown: 1 }] } });
  });
  const intent = journalOf(service).find((each) => each['kind'] === 'trace' && each['phase'] === 'intent');
  expect(intent).toMatchObject({ op: 'watch', operator: 'alice', request: { addresses: [at('plain')], if: 'a > 0' } });
  expect(await service.ask('slots')).toBe('0');
});

test('an operator who may no longer trace sees no more', async () => {
  const service = await start('trace');
  const text = readFileSync(service.operators, 'utf8');
  await withConnection(service, async (connection) => {
    const watch = await openWatch(connection, { addresses: [at('plain')] });
    writeFileSync(service.operators, text.replace('roles="trace"', 'roles="inspect"'));
    expect(await watch.ended).toMatchObject({ ended: 'not allowed' });
    expect(await service.ask('slots')).toBe('0');
  });
});

test('the command shows a line for each call, ends with Ctrl-C, and says how it ended', async () => {
  const service = await shared();
  const watching = startConsole(['watch', String(service.pid), at('plain'), at('fails'), '--stack', '1'], { env: service.env, cwd: service.folder });
  await watching.until('stderr', 'watching src/kinds.js:plain, src/kinds.js:fails');
  await service.ask('plain');
  await service.ask('fails');
  await watching.until('stdout', 'throws');
  watching.child.kill('SIGINT');
  const { code, stdout, stderr } = await watching.ended;
  expect(stdout).toContain(handsOnAll ? 'plain (1) =' : 'plain (1, undefined) =');
  expect(stdout.replaceAll(/\d\d:\d\d:\d\d\.\d{3}|\d+(?:\.\d+)? ms/g, '#')).toMatch(
    /^# src\/kinds.js:plain \(1(?:, undefined)?\) = 3 {2}#\n {4}from (?:commands\.)?plain main.js:\d+\n# src\/kinds.js:fails \('no'\) throws TypeError: no {2}#\n {4}from (?:commands\.)?fails main.js:\d+\n$/,
  );
  expect(stderr).toMatch(/you ended it\nsrc\/kinds.js:plain: 1 calls, 1 shown\n/);
  expect(code).toBe(0);

  const json = startConsole(['watch', String(service.pid), at('plain'), '--limit', '1', '--json'], { env: service.env, cwd: service.folder });
  await json.until('stderr', 'watching');
  await service.ask('plain');
  const lines = (await json.ended).stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  expect(lines).toMatchObject([{ address: at('plain'), how: 'returned', value: { value: 3 } }, { ended: 'limit' }]);
});
