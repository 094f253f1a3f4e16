/** Function kinds. */
import { esm, type Row } from '../row.ts';

const members = `export class A {
  #v = 1;
  field = (n) => 'old' + n + this.#v;
  static made = 'S';
  static s() { return 'old' + this.made }
  get v() { return 'old' + this.#v }
  set v(n) { this.#v = n }
  #p() { return 'old' }
  p() { return this.#p() }
  get #q() { return 'old' + this.#v }
  set #q(n) { this.#v = n }
  q(n) { this.#q = n; return this.#q }
  m(n) { return 'old' + n + this.#v }
  async am() { return 'old' + this.#v }
  *gm() { yield 'old'; yield this.#v }
  async *agm() { yield 'old'; yield this.#v }
}
export const a = new A();`;

const derived = `class B { constructor(n) { this.b = n } }
export class A extends B {
  x = 'field';
  constructor(n) { super(n); this.v = 'old' }
}`;

const all = '{ const out = []; for await (const each of m.f()) out.push(each); return out }';

export const kinds = {
  'function declaration': esm("export function f() { return 'old' }", { f: "function f() { return 'new' }" }),
  'function expression, anonymous': esm("export const f = function () { return 'old' }", { f: "function () { return 'new' }" }),
  'function expression, named': esm("export const f = function self() { return 'old' }", { self: "function self() { return 'new' }" }),
  'function expression, which calls itself by its name': esm("export const f = function self(n = 1) { return n === 0 ? 'old' : self(n - 1) }", {
    self: "function self(n = 2) { return n === 0 ? 'new' : self(n - 1) }",
  }),
  'arrow with a block': esm("export const f = () => { return 'old' }", { f: "() => { return 'new' }" }),
  'arrow with an expression': esm("export const f = () => 'old'", { f: "() => 'new'" }),
  'arrow with an expression, patched with a block': esm("export const f = () => 'old'", { f: "() => { return 'new' }" }),
  'arrow with a block, patched with an expression': esm("export const f = () => { return 'old' }", { f: "() => 'new'" }),
  'arrow that gives an object literal': esm(
    "export const f = () => ({ is: 'old' })",
    { f: "() => ({ is: 'new' })" },
    { before: { is: 'old' }, after: { is: 'new' } },
  ),
  method: esm(members, { 'A.m': "m(n) { return 'new' + n + this.#v }" }, { observe: 'm.a.m(2)', before: 'old21', after: 'new21' }),
  'static method': esm(members, { 'A.s': "static s() { return 'new' + this.made }" }, { observe: 'm.A.s()', before: 'oldS', after: 'newS' }),
  getter: esm(members, { 'A.get-v': "get v() { return 'new' + this.#v }" }, { observe: 'm.a.v', before: 'old1', after: 'new1' }),
  setter: esm(
    members,
    { 'A.set-v': 'set v(n) { this.#v = n * 2 }' },
    { observe: '{ const a = new m.A(); a.v = 4; return a.v }', before: 'old4', after: 'old8' },
  ),
  'getter and setter at once': esm(
    members,
    { 'A.get-v': "get v() { return 'new' + this.#v }", 'A.set-v': 'set v(n) { this.#v = n * 2 }' },
    { observe: '{ const a = new m.A(); a.v = 4; return a.v }', before: 'old4', after: 'new8' },
  ),
  'private method': esm(members, { 'A.#p': "#p() { return 'new' }" }, { observe: 'm.a.p()' }),
  'private getter and setter': esm(
    members,
    { 'A.get-#q': "get #q() { return 'new' + this.#v }", 'A.set-#q': 'set #q(n) { this.#v = n * 2 }' },
    { observe: 'new m.A().q(4)', before: 'old4', after: 'new8' },
  ),
  'class field arrow, instances alive and new': esm(
    members,
    { 'A.field': "(n) => 'new' + n + this.#v" },
    { observe: '[m.a.field(2), new m.A().field(3)]', before: ['old21', 'old31'], after: ['new21', 'new31'] },
  ),
  'async method': esm(
    members,
    { 'A.am': "async am() { await null; return 'new' + this.#v }" },
    { observe: 'm.a.am()', before: 'old1', after: 'new1' },
  ),
  'generator method': esm(
    members,
    { 'A.gm': "*gm() { yield 'new'; yield this.#v; yield 'more' }" },
    { observe: '[...m.a.gm()]', before: ['old', 1], after: ['new', 1, 'more'] },
  ),
  'async generator method': esm(
    members,
    { 'A.agm': "async *agm() { yield 'new'; yield this.#v }" },
    { observe: all.replace('m.f()', 'm.a.agm()'), before: ['old', 1], after: ['new', 1] },
  ),
  'constructor of a base class': esm(
    "export class A { x = 'field'; constructor(n) { this.v = 'old' + n } }",
    { 'A.constructor': "constructor(n) { this.v = 'new' + n + this.x }" },
    { observe: 'new m.A(1).v', before: 'old1', after: 'new1field' },
  ),
  'constructor of a derived class': esm(
    derived,
    { 'A.constructor': "constructor(n) { super(n + 1); this.v = 'new' }" },
    {
      observe: '{ const a = new m.A(1); return [a.v, a.b, a.x, a instanceof m.A] }',
      before: ['old', 1, 'field', true],
      after: ['new', 2, 'field', true],
    },
  ),
  'constructor of a class that is derived again': esm(
    `${derived}\nexport class C extends A { constructor() { super(5); this.c = new.target === C } }`,
    { 'A.constructor': "constructor(n) { super(n * 2); this.v = 'new' }" },
    {
      observe: '{ const c = new m.C(); return [c.v, c.b, c.x, c.c, c instanceof m.C] }',
      before: ['old', 5, 'field', true, true],
      after: ['new', 10, 'field', true, true],
    },
  ),
  'object-literal method': esm(
    "export const o = { n: 'n', f() { return 'old' + this.n } }",
    { 'o.f': "f() { return 'new' + this.n }" },
    { observe: 'm.o.f()', before: 'oldn', after: 'newn' },
  ),
  'object-literal getter and setter': esm(
    "export const o = { n: 1, get v() { return 'old' + this.n }, set v(n) { this.n = n } }",
    { 'o.get-v': "get v() { return 'new' + this.n }", 'o.set-v': 'set v(n) { this.n = n * 2 }' },
    { observe: '{ m.o.v = 4; return m.o.v }', before: 'old4', after: 'new8' },
  ),
  'computed name': esm(
    "const name = 'f';\nexport const o = { [name]() { return 'old' } };",
    { 2: "[name]() { return 'new' }" },
    { observe: 'm.o.f()' },
  ),
  'computed name in a class': esm(
    "const name = 'f';\nexport class A {\n  [name]() { return 'old' }\n}",
    { 3: "[name]() { return 'new' }" },
    { observe: 'new m.A().f()' },
  ),
  generator: esm(
    "export function* f() { yield 'old' }",
    { f: "function* f() { yield 'new'; yield 2 }" },
    { observe: '[...m.f()]', before: ['old'], after: ['new', 2] },
  ),
  'async function': esm("export async function f() { return 'old' }", { f: "async function f() { await null; return 'new' }" }),
  'async arrow': esm("export const f = async () => 'old'", { f: "async () => { await null; return 'new' }" }),
  'async generator': esm(
    "export async function* f() { yield 'old' }",
    { f: "async function* f() { yield 'new'; await null; yield 2 }" },
    { observe: all, before: ['old'], after: ['new', 2] },
  ),
  'ordinary function made async': esm("export function f() { return 'old' }", { f: "async function f() { await null; return 'new' }" }),
  'default export, function': esm(
    "export default function () { return 'old' }",
    { default: "function () { return 'new' }" },
    { observe: 'm.default()' },
  ),
  'default export, arrow': esm("export default () => 'old'", { default: "() => 'new'" }, { observe: 'm.default()' }),
  'default export, method of a class': esm(
    "export default class { m() { return 'old' } }",
    { 'default.m': "m() { return 'new' }" },
    { observe: 'new m.default().m()' },
  ),
  'class expression': esm("export const A = class { m() { return 'old' } }", { 'A.m': "m() { return 'new' }" }, { observe: 'new m.A().m()' }),
  'immediately called function': esm("export function f() {\n  return (function () { return 'old' })();\n}", { 2: "function () { return 'new' }" }),
  'immediately called arrow': esm("export function f() {\n  return (() => 'old')();\n}", { 2: "() => 'new'" }),
  'function in a static block': esm(
    "export class A { static { this.f = function () { return 'old' + this.name } } }",
    { 'A.this.f': "function () { return 'new' + this.name }" },
    { observe: 'm.A.f()', before: 'oldA', after: 'newA' },
  ),
  'immediately returned closure': esm(
    "function make(n) {\n  return () => 'old' + n;\n}\nexport const f = make(1);",
    { 2: "() => 'new' + n" },
    { before: 'old1', after: 'new1' },
  ),
  'recursive function': esm(
    'export function f(n) { return n < 2 ? 1 : n * f(n - 1) }',
    { f: 'function f(n) { return n < 2 ? 2 : n * f(n - 1) }' },
    { observe: 'm.f(3)', before: 6, after: 12 },
  ),
  'function in a default parameter': esm("export function f(g = () => 'old') { return g() }", { 'f.g': "() => 'new'" }),
  'assigned to a prototype': esm(
    "export function A() {}\nA.prototype.m = function () { return 'old' };\nexport const a = new A();",
    { 'A.prototype.m': "function () { return 'new' }" },
    { observe: 'm.a.m()' },
  ),
} satisfies Record<string, Row>;
