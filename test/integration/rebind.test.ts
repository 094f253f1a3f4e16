/** Functions of a service that was not instrumented, on every Node: what a rebind reaches, what it names as not reached, and what it leaves as it was. */
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { agentUrl, startService, type Service } from '../helpers/service.ts';

interface Done {
  ok: boolean;
  patches: { id: string; address: string; strategy: string; verified: boolean; unreached?: { holder: string; count: number | null }[] }[];
  refused: { address: string; why: string }[];
  error?: { code: string; message: string };
}

const start = (files: Record<string, string>, main: string): Promise<Service> =>
  startService({
    files: {
      ...files,
      'main.mjs': `import { startAgent } from '${agentUrl}';
${main}
await startAgent({ service: 'svc', operators: process.env.KEYHOLE_OPERATORS, journal: { dir: process.env.KEYHOLE_JOURNAL_DIR } });
import { createInterface } from 'node:readline';
createInterface({ input: process.stdin }).on('line', async (line) => console.log(JSON.stringify(await answer(line))));
// The service's own life: what is waited for is called now and then.
setInterval(() => { for (const each of alive) each(); }, 20);
console.log('ready');
`,
    },
    main: 'main.mjs',
    nodeArguments: [],
  });

let number = 0;
/** Without more words with a budget that no live edit fits into, where Node has it; it would come first. */
const edit = async (service: Service, address: string, text: string, ...words: string[]): Promise<Done & { stderr: string }> => {
  number += 1;
  const file = path.join(service.folder, `new${number}.txt`);
  writeFileSync(file, text);
  const done = await service.keyhole('edit', 'svc', address, '--from', file, '--reason', 'because', '--json', '--max-pause', '400', ...words);
  return { ...(done.json() as Done), stderr: done.stderr };
};
/** Lets the service call its functions until the change is made. */
const askUntil = async (done: Promise<unknown>, service: Service, line: string): Promise<void> => {
  const state = { open: true };
  void done.finally(() => {
    state.open = false;
  });
  while (state.open) await service.ask(line);
};
const revert = async (service: Service): Promise<void> => {
  expect((await service.keyhole('revert', 'svc', '--all', '--reason', 'x', '--json')).json()).toMatchObject({ ok: true });
};

describe('CommonJS', () => {
  const lib = `
function rate(n) { return n + 1; }
function total(count) { let sum = 0; for (let i = 0; i < count; i += 1) sum += rate(i); return sum; }
class Cart {
  #items = 1;
  get size() { return this.#items; }
  add(n) { this.#items += n; return this.#items; }
  static make() { return new Cart(); }
}
rate.calls = 7;
module.exports = { rate, total, Cart, other: 1 };
`;
  const files = {
    'lib.cjs': lib,
    'user.cjs': `const { rate } = require('./lib.cjs'); exports.use = () => rate(1);
exports.map = new Map([['rate', rate]]); exports.list = [rate]; exports.bound = rate.bind(null, 1); setTimeout(rate, 1e8).unref();
exports.a = { kept: rate }; exports.b = { kept: rate };`,
  };
  const main = `import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
const lib = require('./lib.cjs');
const user = require('./user.cjs');
const cart = new lib.Cart();
for (let i = 0; i < 3000; i += 1) lib.total(1000);
const alive = [() => lib.total(2), () => cart.size];
const descriptors = () => Object.entries(Object.getOwnPropertyDescriptors(lib)).map(([name, each]) => [name, each.writable, each.enumerable, each.configurable]);
const answer = (line) => ({
  total: () => lib.total(1000), rate: () => lib.rate(1), user: () => user.use(), size: () => cart.size, add: () => cart.add(1), make: () => typeof lib.Cart.make(),
  shape: () => [descriptors(), lib.rate.name, lib.rate.length, lib.rate.calls, Object.keys(lib.rate)],
  proto: () => Object.getOwnPropertyNames(lib.Cart.prototype),
})[line]();`;

  test('variable and export change, also for code that was optimized with the old one in it; revert is exact', async () => {
    const service = await start(files, main);
    const shape = await service.ask('shape');
    const done = await edit(service, 'lib.cjs:rate', 'function rate(n) { return n + 100; }');
    expect(done).toMatchObject({ ok: true, patches: [{ strategy: 'rebind', verified: true }] });
    // Nobody looked for them: that is said, with what it would take.
    expect(done.patches[0]?.unreached).toEqual([{ holder: expect.stringContaining('others were not looked for') as string, count: null }]);
    expect(await service.ask('rate')).toBe('101');
    expect(await service.ask('total')).toBe('599500');
    expect(await service.ask('user')).toBe('2');
    expect(await service.ask('shape')).toBe(shape);
    await revert(service);
    expect(await service.ask('rate')).toBe('2');
    expect(await service.ask('total')).toBe('500500');
    expect(await service.ask('shape')).toBe(shape);
  });

  test('what is on probation goes back to the patch before it, which runs then', async () => {
    const service = await start(files, main);
    const first = await edit(service, 'lib.cjs:rate', 'function rate(n) { return n + 100; }');
    expect(await edit(service, 'lib.cjs:rate', 'function rate(n) { return n + 200; }', '--confirm', '1s')).toMatchObject({ ok: true });
    expect(await service.ask('rate')).toBe('201');
    while ((await service.ask('rate')) === '201');
    expect(await service.ask('rate')).toBe('101');
    expect(await service.ask('total')).toBe('599500');
    const { patches } = (await service.keyhole('fn', 'svc', 'lib.cjs:rate', '--json')).json() as { patches: string[] };
    expect(patches).toEqual([first.patches[0]?.id]);
    await revert(service);
    expect(await service.ask('rate')).toBe('2');
  });

  test('who keeps the old function is counted and named, where the budget allows it', async () => {
    const service = await start(files, main);
    // It uses what no function of the file does, so that live edit does not take it.
    const done = await edit(
      service,
      'lib.cjs:rate',
      'function rate(n) { return typeof require === "function" ? n + 100 : 0; }',
      '--max-pause',
      '600000',
    );
    expect(done).toMatchObject({ ok: true, patches: [{ strategy: 'rebind' }] });
    expect(done.patches[0]?.unreached).toEqual(
      expect.arrayContaining([
        { holder: 'the variable rate of a scope', count: 1 },
        { holder: 'a Map', count: 1 },
        { holder: 'an array', count: 1 },
        { holder: 'a bound function', count: 1 },
        { holder: 'a timer', count: 1 },
        { holder: 'the property kept of an object', count: 2 },
      ]),
    );
    expect(done.patches[0]?.unreached).toHaveLength(6);
    expect(await service.ask('rate')).toBe('101');
    expect(await service.ask('user')).toBe('2');
  });

  test('methods, accessors and statics, private names, several in one turn; the class keeps its shape', async () => {
    const service = await start(files, main);
    const proto = await service.ask('proto');
    expect(await edit(service, 'lib.cjs:Cart.add', 'add(n) { this.#items += n * 10; return this.#items; }')).toMatchObject({ ok: true });
    expect(await edit(service, 'lib.cjs:Cart.get-size', 'get size() { return -this.#items; }')).toMatchObject({ ok: true });
    expect(await edit(service, 'lib.cjs:Cart.make', 'static make() { return Cart.name; }')).toMatchObject({ ok: true });
    expect(await service.ask('add')).toBe('11');
    expect(await service.ask('size')).toBe('-11');
    expect(await service.ask('make')).toBe('"string"');
    expect(await service.ask('proto')).toBe(proto);
    // Patched again: the scope is there already, nothing has to be waited for.
    expect(await edit(service, 'lib.cjs:Cart.add', 'add(n) { return n; }', '--timeout', '50ms')).toMatchObject({ ok: true });
    expect(await service.ask('add')).toBe('1');
    await revert(service);
    expect(await service.ask('add')).toBe('12');
    expect(await service.ask('size')).toBe('12');
    expect(await service.ask('make')).toBe('"object"');
    expect(await service.ask('proto')).toBe(proto);
  });
});

describe('listeners and handlers', () => {
  const app = `
import { EventEmitter } from 'node:events';
export const bus = new EventEmitter();
const seen = [];
function onSale(value) { seen.push(value); }
bus.on('sale', onSale);
bus.on('sale', () => undefined);
const onGift = (value) => { seen.push('gift ' + value); };
bus.prependListener('gift', onGift);
export const off = () => { bus.off('sale', onSale); bus.off('gift', onGift); return [bus.listenerCount('sale'), bus.listenerCount('gift')]; };
export const emit = (event) => { bus.emit(event, 1); return seen.splice(0); };
export const count = () => bus.listeners('sale').length;
`;
  const list = `// As express keeps its handlers.
const stack = [];
const use = (handle) => stack.push({ handle });
function greet(response) { response.body = 'hello'; }
use(greet);
exports.request = () => { const response = {}; for (const { handle } of stack) handle(response); return response.body; };
exports.direct = () => { const response = {}; greet(response); return response.body; };
`;
  const main = `import * as app from './app.mjs';
const alive = [app.count];
const answer = (line) => app[line.split(' ')[0]](line.split(' ')[1]);`;

  test('a registered listener takes the patch, in its place; its owner takes it off with the function it has', async () => {
    const service = await start({ 'app.mjs': app }, main);
    expect(await edit(service, 'app.mjs:onSale', "function onSale(value) { seen.push('new ' + value); }")).toMatchObject({ ok: true });
    expect(await service.ask('emit sale')).toBe('["new 1"]');
    const fn = (await service.keyhole('fn', 'svc', 'app.mjs:onGift', '--json')).json() as {
      strategies: { name: string; possible: boolean; why: string }[];
    };
    const why = /onGift is a constant.*functions of its file call it by that name.*--import @keyhole\/agent\/register/;
    expect(fn.strategies[2]).toMatchObject({ name: 'rebind', possible: false, why: expect.stringMatching(why) as string });
    expect(await service.ask('off')).toBe('[1,0]');
    expect(await service.ask('emit sale')).toBe('[]');
    await revert(service);
    expect(await service.ask('count')).toBe('1');
  });

  test('a list of handlers keeps the old one, which is named; a name takes the new one', async () => {
    const service = await start(
      { 'list.cjs': list },
      main.replace('app.mjs', 'list.cjs').replace('app.count', 'app.default.direct').replace('app[', 'app.default['),
    );
    // It uses what no function of the file does, so that live edit does not take it.
    const done = await edit(
      service,
      'list.cjs:greet',
      "function greet(response) { response.body = 'new'; return __dirname; }",
      '--max-pause',
      '600000',
    );
    expect(done).toMatchObject({ ok: true, patches: [{ unreached: [{ holder: 'the property handle of an object', count: 1 }] }] });
    expect(await service.ask('direct')).toBe('"new"');
    expect(await service.ask('request')).toBe('"hello"');
  });
});

describe('waiting', () => {
  const app = `
export function rare() { return 1; }
export function alsoRare() { return 2; }
export class Own { #a = 1; read() { return this.#a; } }
`;
  const main = `import * as app from './app.mjs';
const alive = [];
const answer = (line) => app[line]();`;

  test('a function that nobody calls: what is waited for is said, then it is refused', async () => {
    const service = await start({ 'app.mjs': app }, main);
    const done = await edit(service, 'app.mjs:rare', 'function rare() { return 10; }', '--timeout', '2s');
    expect(done).toMatchObject({ ok: false, refused: [{ why: 'no call showed its scope within 2000 ms: waited for rare, alsoRare, Own.read' }] });
    expect(done.stderr).toMatch(/app\.mjs:rare waits for the service to call rare or alsoRare or Own.read, for \d s more \(--timeout\)/);
    expect(await service.ask('rare')).toBe('1');
  });

  test('a call of a neighbour that sees the same variables is enough', async () => {
    const service = await start({ 'app.mjs': app }, main);
    const done = edit(service, 'app.mjs:rare', 'function rare() { return 10; }', '--timeout', '20s');
    await askUntil(done, service, 'alsoRare');
    expect(await done).toMatchObject({ ok: true });
    expect(await service.ask('rare')).toBe('10');
  });
});

test('another debugger that is attached at the same time keeps its breakpoints', async () => {
  const app = 'export function f() { return 1; }\nexport function g() { return 2; }\n';
  const main = `import * as app from './app.mjs';
import { Session } from 'node:inspector';
const session = new Session();
session.connect();
session.on('Debugger.scriptParsed', ({ params: { url, scriptId } }) => {
  if (!url.endsWith('app.mjs')) return;
  for (const lineNumber of [0, 1]) session.post('Debugger.setBreakpoint', { location: { scriptId, lineNumber, columnNumber: 22 }, condition: 'globalThis.hits += 1, false' });
});
globalThis.hits = 0;
session.post('Debugger.enable');
const alive = [];
const answer = (line) => (line === 'hits' ? globalThis.hits : [app.f(), app.g(), app.f(), app.g()]);`;
  const service = await start({ 'app.mjs': app }, main);
  expect(await service.ask('call')).toBe('[1,2,1,2]');
  expect(await service.ask('hits')).toBe('4');
  const done = edit(service, 'app.mjs:f', 'function f() { return 10; }', '--timeout', '20s');
  await askUntil(done, service, 'call');
  expect(await done).toMatchObject({ ok: true, patches: [{ strategy: 'rebind' }] });
  const hits = Number(await service.ask('hits'));
  expect(await service.ask('call')).toBe('[10,2,10,2]');
  // The old f is called no more, and g still hits.
  expect(Number(await service.ask('hits'))).toBe(hits + 2);
  await revert(service);
  expect(await service.ask('call')).toBe('[1,2,1,2]');
  expect(Number(await service.ask('hits'))).toBe(hits + 6);
});
