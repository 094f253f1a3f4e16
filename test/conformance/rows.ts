/**
 * What every strategy has to do alike: a program, a patch, and what it says before, after and after the revert. `observe` is an expression over the module's exports.
 */
export interface Row {
  name: string;
  format: 'module' | 'commonjs';
  program: string;
  /** Address within the program -> new text. Several are one transaction. */
  patches: Record<string, string>;
  observe: string;
  before: unknown;
  after: unknown;
  /** Default: as before. */
  reverted?: unknown;
  /** Part of the reason, where the patch has to be refused. */
  refused?: RegExp;
}

const esm = (
  name: string,
  program: string,
  patches: Record<string, string>,
  observe: string,
  before: unknown,
  after: unknown,
  more: Partial<Row> = {},
): Row => ({
  name,
  format: 'module',
  program,
  patches,
  observe,
  before,
  after,
  ...more,
});
const cjs = (...row: Parameters<typeof esm>): Row => ({ ...esm(...row), format: 'commonjs' });

const till = `export function makeTill(name) {
  let sum = 0;
  const fee = 1;
  let unused = 0;
  function take(amount) { sum += amount; return name + sum; }
  return { take, sum: () => sum + fee };
}
export const a = makeTill('a');
export const b = makeTill('b');
a.take(1);
b.take(10);`;

const box = `class Base { hello() { return 'base' } }
export class Box extends Base {
  #value = 1;
  static count = 0;
  get value() { return this.#value }
  set value(v) { this.#value = v }
  add(n) { this.#value += n; return this.#value }
  hello() { return 'box ' + super.hello() }
  static make() { Box.count += 1; return Box.count }
  #hidden() { return 1 }
  open() { return this.#hidden() }
  arrow = (n) => this.#value * n;
}
export const box = new Box();`;

export const rows: Row[] = [
  esm('declaration', 'export function f(a) { return a + 1 }', { f: 'function f(a) { return a + 2 }' }, 'm.f(1)', 2, 3),
  esm('function expression', 'export const f = function (a) { return a }', { f: 'function (a) { return -a }' }, 'm.f(1)', 1, -1),
  esm('arrow with a block', 'export const f = (a) => { return a }', { f: '(a) => { return a * 5 }' }, 'm.f(1)', 1, 5),
  esm('arrow with an expression', 'export const f = (a) => a', { f: '(a) => a * 5' }, 'm.f(1)', 1, 5),
  esm('arrow that gives an object', 'export const f = (a) => ({ a })', { f: '(a) => ({ b: a })' }, 'm.f(1)', { a: 1 }, { b: 1 }),
  esm('method, private name', box, { 'Box.add': 'add(n) { this.#value += n * 10; return this.#value }' }, 'new m.Box().add(1)', 2, 11),
  esm('private method', box, { 'Box.#hidden': '#hidden() { return 7 }' }, 'm.box.open()', 1, 7),
  esm(
    'getter and setter in one turn',
    box,
    { 'Box.get-value': 'get value() { return this.#value + 100 }', 'Box.set-value': 'set value(v) { this.#value = v * 2 }' },
    '{ const x = new m.Box(); x.value = 3; return x.value }',
    3,
    106,
  ),
  esm('static method', box, { 'Box.make': "static make() { return 'made' }" }, 'typeof m.Box.make()', 'number', 'string'),
  esm('super', box, { 'Box.hello': "hello() { return 'new ' + super.hello() }" }, 'm.box.hello()', 'box base', 'new base'),
  esm('arrow in a class field', box, { 'Box.arrow': '(n) => this.#value + n' }, 'new m.Box().arrow(5)', 5, 6),
  esm('object-literal method', 'export const o = { n: 1, get() { return this.n } }', { 'o.get': 'get() { return this.n + 1 }' }, 'm.o.get()', 1, 2),
  esm('async function', 'export async function f() { return 1 }', { f: 'async function f() { await null; return 2 }' }, 'm.f()', 1, 2),
  esm('generator', 'export function* f() { yield 1 }', { f: 'function* f() { yield 2; yield 3 }' }, '[...m.f()]', [1], [2, 3]),
  esm(
    'async generator',
    'export async function* f() { yield 1 }',
    { f: 'async function* f() { yield 2 }' },
    '(async () => { const out = []; for await (const x of m.f()) out.push(x); return out })()',
    [1],
    [2],
  ),
  esm(
    'defaults, destructuring, rest',
    'export function f(a, { b = 2 } = {}, ...c) { return [a, b, c] }',
    { f: 'function f(a = 9, { b = 8 } = {}, ...c) { return [b, a, c.length] }' },
    '[m.f(), m.f(1, { b: 3 }, 4), m.f.length]',
    [[null, 2, []], [1, 3, [4]], 1],
    [[8, 9, 0], [3, 1, 1], 1],
  ),
  esm(
    'recursion',
    'export function f(n) { return n < 2 ? 1 : n * f(n - 1) }',
    { f: 'function f(n) { return n < 2 ? 2 : n * f(n - 1) }' },
    'm.f(3)',
    6,
    12,
  ),
  esm(
    'closures keep their own variables',
    till,
    { 'makeTill.take': "function take(amount) { return name + '!' + sum }" },
    '[m.a.take(0), m.b.take(0)]',
    ['a1', 'b10'],
    ['a!1', 'b!10'],
  ),
  esm(
    'new code writes what old code reads',
    till,
    { 'makeTill.take': 'function take(amount) { sum = amount * 100; return sum }' },
    '[m.makeTill("x").take(0), (() => { const t = m.makeTill("y"); t.take(2); return t.sum() })()]',
    ['x0', 3],
    [0, 201],
  ),
  esm(
    'a variable that nothing captured is refused by name',
    till,
    { 'makeTill.take': 'function take(amount) { return unused }' },
    'm.a.take(0)',
    'a1',
    null,
    { refused: /unused/ },
  ),
  esm(
    'all or none',
    `${till}\nexport const g = () => 1`,
    { g: '() => 2', 'makeTill.take': 'function take(amount) { return unused }' },
    '[m.g(), m.a.take(0)]',
    [1, 'a1'],
    null,
    { refused: /unused/ },
  ),
  esm(
    'a listener handed out before',
    "import { EventEmitter } from 'node:events';\nexport const e = new EventEmitter();\nexport const seen = [];\nexport const listener = (v) => { seen.push(v) };\ne.on('x', listener);",
    { listener: "(v) => { seen.push('new ' + v) }" },
    "{ m.e.emit('x', 1); const last = m.seen.at(-1); return [last, m.e.listeners('x').includes(m.listener)] }",
    [1, true],
    ['new 1', true],
  ),
  cjs(
    'CommonJS, sloppy',
    'let n = 1; function f() { return this === globalThis ? n : 0 } module.exports = { f, keep: () => n }',
    { f: 'function f() { n += 1; return this === globalThis ? n : 0 }' },
    '(0, m.f)()',
    1,
    2,
    { reverted: 2 },
  ),
  cjs(
    'CommonJS, require',
    "const path = require('node:path'); exports.f = function () { return path.sep }",
    { 'exports.f': "function () { return require('node:path').sep + path.sep }" },
    'm.f()',
    '/',
    '//',
  ),
];
