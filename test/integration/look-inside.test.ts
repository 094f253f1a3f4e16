/** Everything that a value can be looked into, by the console: what has no name in the language too. Nothing of the service runs for it. */
import { beforeAll, expect, test, vi } from 'vitest';
import { answering, startService, type Service } from '../helpers/service.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const main = `
let ran = 0;
class Base { #inBase = 1; both() {} get trap() { ran += 1; return 1; } }
class Room extends Base { #inside = { deep: ['x'] }; static #count = 3; name = 'lobby'; get #hidden() { ran += 1; return 1; } }
const key = { id: 7 };
function makeHandler(cache) { let calls = 0; return async function handler() { calls += 1; return cache; }; }
globalThis.s = {
  room: new Room(), Room, far: Object.create(Object.create({ inherited: { yes: true } })), none: Object.create(null), handler: makeHandler({ size: 3 }), bound: Math.max.bind(key, 1),
  pending: new Promise(() => {}), done: Promise.resolve({ a: 1 }), failed: Promise.reject(new RangeError('no')), ref: new WeakRef(key), weak: Object.assign(new WeakMap([[key, { v: 1 }]]), { extra: 'e' }), weakSet: new WeakSet([key]), heldKeys: Array.from({ length: 300 }, (_, i) => ({ i })),
  f64: new Float64Array(1_000_000).fill(1.5), big: new BigInt64Array(3), bytes: Buffer.alloc(300, 7), buffer: new ArrayBuffer(20),
  map: new Map([[key, { found: 1 }]]), set: new Set([key]), proxy: new Proxy({ t: 1 }, { get() { ran += 1; }, getPrototypeOf() { ran += 1; return null; } }),
  holes: Object.assign([, , 1, , 2], { extra: 'e', [Symbol('s')]: 1 }), mapWith: Object.assign(new Map([[1, 2]]), { extra: 'e' }), ids: { 7: 'a', 12: 'b', 300: 'c' },
  long: Object.assign(Array.from({ length: 2_000 }, (_, i) => i), { extra: 'e' }),
};
s.weak200 = new WeakMap(s.heldKeys.map((each, i) => [each, { password: 'hidden', i }]));
s.manyKeys = Array.from({ length: 30_000 }, (_, i) => ({ i }));
s.weakLarge = new WeakMap(s.manyKeys.map((each) => [each, 1]));
s.hiddenKey = { token: 'hidden' };
s.weakHidden = new WeakMap([[s.hiddenKey, 1], [key, 'AKIAABCDEFGHIJKLMNOP']]);
s.symbols = new Map([[Symbol('password'), 'hidden'], [Symbol('plain'), 'shown']]);
s.failed.catch(() => {});
const answer = (line) => ran;
${answering}`;

let service: Service;
beforeAll(async () => {
  service = await startService({ files: { 'src/main.js': main }, main: 'src/main.js', roles: 'inspect' });
});

const table: [words: string, shows: (string | RegExp)[]][] = [
  ['s.room', ['#inside: { deep: [Array(1)] }', '#inBase: 1', '#hidden: [Getter/Setter]', '[[Prototype]]: Base {']],
  ['s.room.#inside', ["deep: [ 'x' ]"]],
  ['s.room.#inside.deep[0]', ["'x'"]],
  ['s.room.[[Prototype]].[[Prototype]]', ['both: [Function: both]', 'trap: [Getter/Setter]']],
  ['s.room.[[Prototype]].constructor', ['[class Room]', '#count: 3']],
  ['s.far.[[Prototype]].[[Prototype]].inherited', ['yes: true']],
  ['s.none.[[Prototype]]', ['null']],
  ['s.f64.[[Prototype]].[[Prototype]]', ['subarray: [Function: subarray]', /\.\.\. \d+ more|with: /]],
  ['s.handler', ['closure: Closure makeHandler', 'calls: 0', 'cache: { size: 3 }']],
  ['s.bound.[[TargetFunction]]', ['[Function: max]']],
  ['s.bound.[[BoundThis]].id', ['7']],
  ['s.pending', ["[[PromiseState]]: 'pending'"]],
  ['s.done.[[PromiseResult]].a', ['1']],
  ['s.failed', ["[[PromiseState]]: 'rejected'", 'RangeError: no']],
  ['s.ref.[[WeakRefTarget]]', ['id: 7']],
  ['s.map.[[Entries]]', ['{ key: [Object], value: [Object] }']],
  ['s.map.[[Entries]][0].value.found', ['1']],
  ['s.weak --max-pause 60000', ['{ id: 7 } => { v: 1 }', "extra: 'e'"]],
  ['s.weak.[[Entries]][0].value.v --max-pause 60000', ['1']],
  ['s.weak.[[Entries]][0].key.id --max-pause 60000', ['7']],
  ['s.weakSet --max-pause 60000', ["'0': { id: 7 }"]],
  ['s.weakSet.[[Entries]][0].value.id --max-pause 60000', ['7']],
  ['s.weak200 --count 2 --start 298 --max-pause 60000', [/\{ i: \d+ \} => \{ password: \[redacted\], i: \d+ \}/]],
  ['s.weakHidden --max-pause 60000', ['{ token: [redacted] } => 1', "{ id: 7 } => '[redacted]**********'"]],
  ['s.symbols', ['Symbol(password) => [redacted]', "Symbol(plain) => 'shown'"]],
  ['s.set', ["'0': { id: 7 }"]],
  ['s.proxy', ['[[Target]]: { t: 1 }']],
  ['s.proxy.[[Target]]', ['t: 1']],
  ['s.f64 --start 999999', ["'999999': 1.5"]],
  ['s.big', ["'2': 0n"]],
  ['s.bytes --start 299', ["'299': 7"]],
  ['s.buffer.[[Uint8Array]] --start 19', ["'19': 0"]],
  ['s.holes --count 1', [/^\[ <2 empty items>, 1, <1 empty item>, 2, extra: 'e', Symbol\(s\): 1 \]\n {2}... 6 more of 7: --start 1\n$/]],
  ['s.holes --start 3', ["'4': 2", "extra: 'e'", 'Symbol(s): 1']],
  ['s.mapWith', ['1 => 2', "extra: 'e'"]],
  ['s.ids --count 1', ["'7': 'a'", '... 3 more of 4: --start 1']],
  ['s.long --start 1999', ["'1999': 1999", "extra: 'e'"]],
  ['s.long --start 2000', ["extra: 'e'"]],
];

test.each(table)('%s', async (words, shows) => {
  const { stdout, stderr } = await service.keyhole('inspect', 'svc', ...words.split(' '));
  for (const each of shows)
    expect(`${stdout}${stderr}`).toMatch(typeof each === 'string' ? new RegExp(each.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')) : each);
});

test('a WeakMap can only be listed whole: the pause is bounded before, and known after the first time', async () => {
  const inspect = (...words: string[]): Promise<{ stdout: string; stderr: string }> => service.keyhole('inspect', 'svc', ...words);
  const first = await inspect('s.weakLarge', '--max-pause', '0');
  expect(first.stderr).toMatch(
    /PAUSE_BUDGET: listing the entries of this WeakMap may stop the process for \d+ ms, if it is as large as .*, and 0 are allowed\n--max-pause \d+ allows it/,
  );
  expect((await inspect('s.weakLarge', '--count', '1', '--max-pause', '60000')).stdout).toContain('... 29999 more of 30000: --start 1');
  expect((await inspect('s.weakLarge', '--max-pause', '0')).stderr).toContain('since it had 30000, and 0 are allowed');
});

test('what is not there, and what would run, is said by name', async () => {
  const why = async (expression: string): Promise<string> => (await service.keyhole('inspect', 'svc', expression, '--max-pause', '60000')).stderr;
  expect(await why('s.room.[[Nothing]]')).toMatch(/\.\[\[Nothing\]\] is not there\nIt has \[\[Prototype\]\]/);
  expect(await why('s.room.#hidden')).toContain('.#hidden is a getter, which would run');
  expect(await why('s.room.#gone')).toMatch(/\.#gone is not there\nIt has .*#inside/);
  expect(await why('s.room.[[Prototype]].trap')).toContain('.trap is a getter, which would run');
  expect(await why('s.room.#inside.deep[4]')).toContain('.deep[4] is not there');
  expect(await why('s.weak.[[Entries]][1]')).toContain('.[[Entries]][1] is not there');
  expect(await why('s.weak.[[Entries]]')).toMatch(/\.\[\[Entries\]\]: which of them\?\n.*\[0\] is the first/);
  expect(await why('s.symbols.[[Entries]][0].value')).toContain('what has that key is hidden');
  expect(await why('s.room.__proto__')).toContain('EXPR.[[Prototype]]');
  expect(await why("s['a.[[b]]']")).not.toContain('is not there');
  expect(await service.ask('ran')).toBe('0');
});
