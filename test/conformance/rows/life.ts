/** What lives on while functions change: running calls, functions handed out before, patches of patches. */
import { applies, course, esm, reverts, runs, sees, type Patch, type Row } from '../row.ts';

/** A way by which a function was handed out before it was patched. The program ends with `f`. */
const handedOut = (program: string, more: Partial<Parameters<typeof esm>[2]> = {}): Row =>
  esm(`export const listener = () => 'old';\n${program}`, { listener: "() => 'new'" }, more);

const nested = `export function make(n) {
  function inner() { return 'inner' + n }
  return () => 'old' + inner();
}
export const g = make(1);`;
const parent: Patch = { make: "function make(n) {\n  function inner() { return 'inner' + n }\n  return () => 'new' + inner();\n}" };
const inner: Patch = { 'make.inner': "function inner() { return 'INNER' + n }" };

const two = "export const f = () => 'old f';\nexport const g = () => 'old g';";
const f1: Patch = { f: "() => 'f1'" };
const f2: Patch = { f: "() => 'f2'" };
const g1: Patch = { g: "() => 'g1'" };

export const life = {
  'recursion: what runs finishes on the old code, its new calls take the new': course(
    "export async function f(gate, n) { await gate; return n === 0 ? ['old'] : ['old', ...(await f(gate, n - 1))] }",
    [
      sees(['old', 'old']),
      runs('let open; const gate = new Promise((resolve) => { open = resolve }); keep.running = m.f(gate, 2); keep.open = open;'),
      applies('f', { f: "async function f(gate, n) { await gate; return n === 0 ? ['new'] : ['new', ...(await f(gate, n - 1))] }" }),
      sees(['new', 'new']),
      runs('keep.open(); keep.result = await keep.running; keep.show = true;'),
      sees(['old', 'new', 'new']),
      reverts(),
      runs('keep.show = false'),
      sees(['old', 'old']),
    ],
    { observe: 'keep.show ? keep.result : m.f(null, 1)' },
  ),
  'an awaiting async function finishes on the old code': course(
    "export async function f(gate) { const first = 'old'; await gate; return first + ' old' }",
    [
      sees('old old'),
      runs('let open; const gate = new Promise((resolve) => { open = resolve }); keep.running = m.f(gate); keep.open = open;'),
      applies('f', { f: "async function f(gate) { const first = 'new'; await gate; return first + ' new' }" }),
      sees('new new'),
      runs('keep.open(); keep.result = await keep.running; keep.show = true;'),
      sees('old old'),
    ],
    { observe: 'keep.show ? keep.result : m.f(null)' },
  ),
  'a suspended generator finishes on the old code': course(
    "export function* f() { yield 'old'; yield 'old' }",
    [
      sees(['old', 'old']),
      runs('keep.running = m.f(); keep.running.next();'),
      applies('f', { f: "function* f() { yield 'new'; yield 'new' }" }),
      sees(['new', 'new']),
      runs('keep.rest = [...keep.running]'),
      sees(['old']),
    ],
    { observe: 'keep.rest ?? [...m.f()]' },
  ),
  'a generator suspended in a patch finishes on the patch': course(
    "export function* f() { yield 'old'; yield 'old' }",
    [
      sees(['old', 'old']),
      applies('f', { f: "function* f() { yield 'new'; yield 'new' }" }),
      sees(['new', 'new']),
      runs('keep.running = m.f(); keep.running.next();'),
      reverts(),
      sees(['old', 'old']),
      runs('keep.rest = [...keep.running]'),
      sees(['new']),
    ],
    { observe: 'keep.rest ?? [...m.f()]' },
  ),
  'event listener, removed afterwards': course(
    "import { EventEmitter } from 'node:events';\nexport const e = new EventEmitter();\nexport const listener = (seen) => { seen.push('old') };\ne.on('x', listener);\nexport const f = () => { const seen = []; e.emit('x', seen); return [seen, e.listeners('x').includes(listener)] };",
    [
      sees([['old'], true]),
      applies('listener', { listener: "(seen) => { seen.push('new') }" }),
      sees([['new'], true]),
      runs("m.e.removeListener('x', m.listener)"),
      sees([[], false]),
      runs("m.e.on('x', m.listener)"),
      sees([['new'], true]),
      reverts(),
      sees([['old'], true]),
      runs("m.e.off('x', m.listener)"),
      sees([[], false]),
    ],
  ),
  'once listener': handedOut(
    "import { EventEmitter } from 'node:events';\nexport const f = () => { const e = new EventEmitter(); let said; e.once('x', () => { said = listener() }); e.emit('x'); return said };",
  ),
  'listener of an EventTarget': handedOut(
    "export const t = new EventTarget();\nlet said;\nexport const hear = { handleEvent() { said = listener() } };\nt.addEventListener('x', hear);\nexport const f = () => { t.dispatchEvent(new Event('x')); return said };",
  ),
  'express handler': esm(
    `import express from 'express';
import { once } from 'node:events';
const app = express();
const state = { calls: 0 };
app.use((request, response, next) => { state.calls += 1; next() });
app.get('/', function answer(request, response) { response.send('old' + Math.sign(state.calls)) });
export const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
export const f = async () => (await fetch('http://127.0.0.1:' + server.address().port)).text();`,
    { answer: "function answer(request, response) { response.send('new' + Math.sign(state.calls) + request.path) }" },
    { before: 'old1', after: 'new1/', arrange: 'm.server.unref()' },
  ),
  'fastify handler': esm(
    `import fastify from 'fastify';
export const app = fastify();
const state = { calls: 0 };
app.addHook('onRequest', async () => { state.calls += 1 });
const answer = async function (request) { return 'old' + Math.sign(state.calls) };
app.get('/', answer);
export const f = async () => (await app.inject('/')).body;`,
    { answer: "async function (request) { return 'new' + Math.sign(state.calls) + request.url }" },
    { before: 'old1', after: 'new1/' },
  ),
  'HTTP handler': esm(
    `import { createServer } from 'node:http';
import { once } from 'node:events';
export const server = createServer(function answer(request, response) { response.end('old') });
server.listen(0, '127.0.0.1');
await once(server, 'listening');
export const f = async () => (await fetch('http://127.0.0.1:' + server.address().port)).text();`,
    { answer: "function answer(request, response) { response.end('new') }" },
    { arrange: 'm.server.unref()' },
  ),
  // While a patch waits for a call, the timer must not be the one that calls: called by its timer, a function has the timer as `this`, and rebind reaches it there.
  'timer that runs': course(
    "export const seen = [];\nexport function tick() { seen.push('old') }\nexport const timer = setTimeout(tick, 1);\nexport const other = () => seen.length;\nexport const f = async () => { seen.length = 0; timer.refresh(); while (seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 1)); return seen[0] };",
    [
      sees('old'),
      runs('keep.waits = true'),
      applies('tick', { tick: "function tick() { seen.push('new') }" }),
      runs('keep.waits = false'),
      sees('new'),
      runs('keep.waits = true'),
      reverts(),
      runs('keep.waits = false'),
      sees('old'),
      runs('clearTimeout(m.timer)'),
    ],
    { observe: 'keep.waits ? m.other() : m.f()' },
  ),
  'value of a Map': handedOut("const map = new Map([['key', listener]]);\nexport const f = () => map.get('key')();"),
  'element of an array, property of an object': handedOut(
    'const all = [listener], o = { listener };\nexport const f = () => all[0]() + o.listener();',
    {
      before: 'oldold',
      after: 'newnew',
    },
  ),
  'bound function': esm(
    "function g(a) { return 'old' + this.x + a }\nconst bound = g.bind({ x: 'x' }, 'a');\nexport const f = () => bound();",
    { g: "function g(a) { return 'new' + this.x + a }" },
    { before: 'oldxa', after: 'newxa' },
  ),
  'target of a Proxy': handedOut('const proxy = new Proxy(listener, {});\nexport const f = () => proxy();'),
  'promise callback that waits': course(
    "export const callback = () => 'old';\nexport const f = () => callback();",
    [
      sees('old'),
      runs('let open; keep.then = new Promise((resolve) => { open = resolve }).then(m.callback); keep.open = open;'),
      applies('callback', { callback: "() => 'new'" }),
      runs('keep.open(); keep.said = await keep.then;'),
      sees('new'),
    ],
    { observe: 'keep.said ?? m.f()' },
  ),
  'instance made before': esm(
    "export class A { m() { return 'old' } }\nconst a = new A(), { m } = a;\nexport const f = () => a.m() + m.call(a);",
    { 'A.m': "m() { return 'new' }" },
    { before: 'oldold', after: 'newnew' },
  ),
  'identity and own properties of a function': esm(
    "export function f() { return 'old' }\nf.extra = 'extra';\nexport const was = f;",
    { f: "function f() { return 'new' + f.extra }" },
    { observe: '[m.f(), m.f === m.was, m.f.extra]', before: ['old', true, 'extra'], after: ['newextra', true, 'extra'] },
  ),
  'patched, patched again, reverted': course(
    two,
    [sees('old f|old g'), applies('first', f1), sees('f1|old g'), applies('second', f2), sees('f2|old g'), reverts('second'), sees('old f|old g')],
    { observe: "m.f() + '|' + m.g()" },
  ),
  'reverted in the order of patching': course(
    two,
    [sees('old f|old g'), applies('f', f1), applies('g', g1), sees('f1|g1'), reverts('f'), sees('old f|g1'), reverts('g'), sees('old f|old g')],
    { observe: "m.f() + '|' + m.g()" },
  ),
  'reverted against the order of patching': course(
    two,
    [
      sees('old f|old g'),
      applies('f', f1),
      applies('g', g1),
      reverts('g'),
      sees('f1|old g'),
      reverts('f'),
      sees('old f|old g'),
      applies('g', g1),
      applies('f', f2),
      sees('f2|g1'),
      reverts('g', 'f'),
      sees('old f|old g'),
    ],
    { observe: "m.f() + '|' + m.g()" },
  ),
  'two functions of one file at once': course(
    two,
    [sees('old f|old g'), applies('both', { ...f1, ...g1 }), sees('f1|g1'), applies('f', f2), sees('f2|g1'), reverts(), sees('old f|old g')],
    { observe: "m.f() + '|' + m.g()" },
  ),
  'two functions, one of which is refused: none is applied': esm(
    "let n = 1;\nexport const f = () => 'old' + n;\nexport function make() { let unused; return () => 1 }",
    { f: "() => 'new'", g: "() => 'new'" },
    { before: 'old1', refused: /no function g/ },
  ),
  'a nested function, then its parent': course(
    nested,
    [
      sees(['oldinner1', 'oldinner2']),
      applies('inner', inner),
      sees(['oldINNER1', 'oldINNER2']),
      applies('parent', parent),
      sees(['oldINNER1', 'newINNER2']),
      reverts('parent'),
      sees(['oldINNER1', 'oldINNER2']),
      reverts('inner'),
      sees(['oldinner1', 'oldinner2']),
    ],
    { observe: '[m.g(), m.make(2)()]' },
  ),
  'a parent, then its nested function': course(
    nested,
    [
      sees(['oldinner1', 'oldinner2']),
      applies('parent', parent),
      runs('keep.h = m.make(3)'),
      sees(['oldinner1', 'newinner2', 'newinner3']),
      applies('inner', inner),
      sees(['oldINNER1', 'newINNER2', 'newINNER3']),
      reverts('inner'),
      sees(['oldinner1', 'newinner2', 'newinner3']),
      reverts('parent'),
      sees(['oldinner1', 'oldinner2', 'newinner3']),
    ],
    { observe: '[m.g(), m.make(2)(), ...(keep.h === undefined ? [] : [keep.h()])]' },
  ),
  'a nested function and its parent at once': course(
    nested,
    [
      sees(['oldinner1', 'oldinner2']),
      applies('both', { ...parent, ...inner }),
      sees(['oldINNER1', 'newINNER2']),
      reverts(),
      sees(['oldinner1', 'oldinner2']),
    ],
    { observe: '[m.g(), m.make(2)()]' },
  ),
  'a thousand patches and reverts without growth of memory': course(
    'let n = 0;\nexport function f() { return [1, 2].map((x) => x + n) }\nexport const g = ((c) => () => c + n)(1);',
    [
      // V8's own room for it grows for some hundreds of rounds: 0.7 MB of a first thousand, 0.3 of a second, 0.1 of each later one.
      { rounds: 1000, patch: { f: 'function f() { return [3, 4, 5].map((x) => x * 2 + n) }' } },
      runs('globalThis.gc(); keep.before = process.memoryUsage().heapUsed;'),
      { rounds: 1000, patch: { f: 'function f() { return [3, 4, 5].map((x) => x * 2 + n) }' } },
      runs('globalThis.gc(); keep.grownBytes = process.memoryUsage().heapUsed - keep.before;'),
      sees('flat'),
    ],
    // A patch that stayed would be its text, its code and its closure: two kilobytes and more each.
    { observe: "keep.grownBytes < 1_000_000 ? 'flat' : 'grown'", flags: ['--expose-gc'] },
  ),
} satisfies Record<string, Row>;
