/** What names mean in a patch. */
import { cjs, esm, type Row } from '../row.ts';

const till = `export function makeTill(name) {
  let sum = 0;
  const fee = 1;
  let unused = 0;
  function take(amount) { sum += amount; return name + sum }
  return { take, sum: () => sum + fee };
}
export const a = makeTill('a'), b = makeTill('b');
a.take(1);
b.take(10);`;

/** A module variable that no function used before the patch. */
const first = (declaration: string, expression: string, value: unknown): Row =>
  esm(
    {
      'program.mjs': `${declaration}\nexport function f() { return 'old' }`,
      'lib.mjs': "export let lib = 'lib'; export const call = () => 'called';",
    },
    { f: `function f() { return ${expression} }` },
    { after: value },
  );

/** Names that code made by a tool likes for its own. */
const letters = ['c', 'e', 'i', 'k', 'o', 's', 'v', 'w', '$', '_', '$k', '$v', '$w', '$s'];

const box = `class Base { static s() { return 'base' } hello() { return 'base' } get v() { return 'v' } }
export class Box extends Base {
  #value = 1;
  static s() { return 'old ' + super.s() }
  hello() { return 'old ' + super.hello() }
  nested() { return (() => 'old ' + super.hello())() }
  set() { super.set = 'old'; return this.set }
  isBox(x) { return 'old' + (#value in x) }
  plain() { return 'old' }
  arrow() { return [1].map((n) => 'old' + n + this.plain())[0] }
}
export const box = new Box();`;

export const scope = {
  'module let, first used by the patch': first("let x = 'x';", 'x', 'x'),
  'module const, first used by the patch': first("const x = 'x';", 'x', 'x'),
  'module var, first used by the patch': first("var x = 'x';", 'x', 'x'),
  'module function, first used by the patch': first("function x() { return 'x' }", 'x()', 'x'),
  'module class, first used by the patch': first("class X { v = 'x' }", 'new X().v', 'x'),
  'import binding, first used by the patch': first("import { lib } from './lib.mjs';", 'lib', 'lib'),
  'namespace import, first used by the patch': first("import * as all from './lib.mjs';", 'all.lib + all.call()', 'libcalled'),
  'default import, first used by the patch': first("import path from 'node:path';", 'path.sep', '/'),
  'exported class, called with new': first('export class X { constructor(v) { this.v = v } }', 'new X(3).v', 3),
  'module variables are written by old and new code': esm(
    "let n = 'old';\nexport function f() { return n }\nexport const old = () => n;\nexport const set = (v) => { n = v };",
    { f: "function f() { n = 'new' + n.length; return n }" },
    { observe: "{ m.set('old'); return [m.f(), m.old()] }", before: ['old', 'old'], after: ['new3', 'new3'] },
  ),
  'every way to assign to module variables': esm(
    'let a = 1, b = 2, c, d;\nexport function f() { a = 1; b = 2; c = d = undefined; return [a, b, c, d] }',
    { f: 'function f() { a = 1; a++; a += 3; [b, c] = [a, 7]; ({ d } = { d: 8 }); c ??= 0; for (b of [9]); --b; return [a, b, c, d] }' },
    { before: [1, 2, null, null], after: [5, 8, 7, 8] },
  ),
  'assignment to a module constant throws': esm(
    "const x = 'old';\nexport function f() { return x }",
    { f: "function f() { try { x = 'new' } catch (thrown) { return thrown.name + x } }" },
    { after: 'TypeErrorold' },
  ),
  'module variables of one letter': esm(
    `${letters.map((each) => `let ${each} = '${each}';`).join('')}\nexport function f() { return 'old' }`,
    { f: `function f() { return ${letters.join(' + ')} }` },
    { after: letters.join('') },
  ),
  'captured variables of one letter': esm(
    `export function make() { ${letters.map((each) => `let ${each} = '${each}';`).join('')} return () => [${letters.join()}].length + 'old' }\nexport const g = make();`,
    { 1: `() => ${letters.join(' + ')}` },
    { observe: 'm.g()', before: `${letters.length}old`, after: letters.join('') },
  ),
  'a function takes the name of the module variable that the patch assigns it to': esm(
    "let x;\nexport function f() { x = () => 'old'; return x.name }",
    { f: "function f() { x = () => 'new'; return x.name + x() }" },
    { before: 'x', after: 'xnew' },
  ),
  'a patch with a nested function whose rest is a pattern': esm("export function f() { return ((...[a]) => a)('old') }", {
    f: "function f() { return ((...[a]) => a)('new') }",
  }),
  'a module function is called without this': esm(
    'function who() { return this === undefined }\nexport function f() { return [who()] }',
    { f: 'function f() { return [who(), who``, (0, who)(), who?.()] }' },
    { before: [true], after: [true, true, true, true] },
  ),
  'shorthand properties and typeof of names that are nowhere': esm(
    "const x = 'x';\nexport function f() { return [x] }",
    { f: 'function f() { return [{ x }.x, typeof nowhere, typeof x] }' },
    { before: ['x'], after: ['x', 'undefined', 'string'] },
  ),
  globals: esm(
    'export function f() { return 1 }',
    { f: 'function f() { return Math.max(2, Number("3")) + globalThis.Math.min(1, 4) }' },
    { before: 1, after: 4 },
  ),
  'closures over loop variables': esm(
    "export const all = [];\nfor (let i = 0; i < 3; i++)\n  all.push(() => 'old' + i);",
    { 3: "() => 'new' + i" },
    { observe: 'm.all.map((each) => each())', before: ['old0', 'old1', 'old2'], after: ['new0', 'new1', 'new2'] },
  ),
  'living closures keep their own variables': esm(
    till,
    { 'makeTill.take': "function take(amount) { return name + '!' + sum }" },
    { observe: '[m.a.take(0), m.b.take(0)]', before: ['a1', 'b10'], after: ['a!1', 'b!10'] },
  ),
  'captured variables are written by old and new code': esm(
    till,
    { 'makeTill.take': 'function take(amount) { sum -= amount; return name + sum }' },
    {
      observe: '{ const t = m.makeTill("t"); return [t.take(2), t.sum(), t.take(3), t.sum()] }',
      before: ['t2', 3, 't5', 6],
      after: ['t-2', -1, 't-5', -4],
    },
  ),
  'a patch that captures less than the old code': esm(
    till,
    { 'makeTill.take': 'function take(amount) { sum = amount * 100; return sum }' },
    {
      observe: '[m.makeTill("x").take(0), (() => { const t = m.makeTill("y"); t.take(2); return t.sum() })()]',
      before: ['x0', 3],
      after: [0, 201],
    },
  ),
  'assignment to a captured constant throws': esm(
    "function make() { const c = 'old'; return function g() { return c } }\nexport const f = make();",
    { 'make.g': "function g() { try { c = 'new' } catch (thrown) { return thrown.name + c } }" },
    { after: 'TypeErrorold' },
  ),
  'a captured function is called without this': esm(
    'function make() { function who() { return this === undefined } return function g() { return [who()] } }\nexport const f = make();',
    { 'make.g': 'function g() { return [who(), who``, who?.()] }' },
    { before: [true], after: [true, true, true] },
  ),
  'captured parameters, functions and classes': esm(
    "function make(p, { q }, ...r) { function h() { return 'h' } class K { k = 'k' } return function g() { return 'old' + p + q + r + h() + new K().k } }\nexport const f = make('p', { q: 'q' }, 'r');",
    { 'make.g': "function g() { return 'new' + new K().k + h() + r + q + p }" },
    { before: 'oldpqrhk', after: 'newkhrqp' },
  ),
  'a captured variable across yield and await': esm(
    "export function make() { let n = 0; return { add() { n += 1 }, async *g() { yield 'old' + n; yield n } } }",
    { 'make.g': "async *g() { yield 'new' + n; await null; yield n }" },
    {
      observe: '{ const x = m.make(), i = x.g(); const a = (await i.next()).value; x.add(); return [a, (await i.next()).value] }',
      before: ['old0', 1],
      after: ['new0', 1],
    },
  ),
  'block and catch scopes': esm(
    "export let f;\n{\n  const k = 'k';\n  try { throw 'c' } catch (e) { f = () => 'old' + k + e }\n}",
    { f: "() => 'new' + e + k" },
    { before: 'oldkc', after: 'newck' },
  ),
  'a name of the patch hides one that is captured': esm(
    "const n = 'module';\nfunction make() { const n = 'outer'; return function g() { return 'old' + n } }\nexport const f = make();",
    { 'make.g': "function g() { { const n = 'own'; if (n !== 'own') return n } return 'new' + n + ((n) => n)('parameter') }" },
    { before: 'oldouter', after: 'newouterparameter' },
  ),
  'a name of the patch hides one of the module': esm(
    "const n = 'module';\nexport function f() { return 'old' + n }",
    { f: "function f() { const inner = (n) => n; var x = inner('own'); { let n = 'block'; x += n } return 'new' + x + n }" },
    { before: 'oldmodule', after: 'newownblockmodule' },
  ),
  'a variable that only a neighbour captured': esm(
    "function make() { let x = 'x', y = 'y'; return { g: () => 'old' + x, h: () => y } }\nexport const { g, h } = make();",
    { 'make.g': "() => 'new' + x + y" },
    { observe: 'm.g()', before: 'oldx', after: 'newxy' },
  ),
  'a variable that nothing captured is refused by name': esm(
    till,
    { 'makeTill.take': 'function take(amount) { return unused }' },
    { observe: 'm.a.take(0)', before: 'a1', refused: /unused/ },
  ),
  'a name that is nowhere is refused by name': esm(
    "export function f() { return 'old' }",
    { f: 'function f() { return nowhereAtAll() }' },
    { refused: /nowhereAtAll/ },
  ),
  'a variable of another function is refused by name': esm(
    "function other() { let secret = 1; return () => secret }\nother();\nexport function f() { return 'old' }",
    { f: 'function f() { return secret }' },
    { refused: /secret/ },
  ),
  'this, which the old method did not use': esm(
    box,
    { 'Box.plain': 'plain() { return this.v + this.constructor.name }' },
    { observe: 'm.box.plain()', after: 'vBox' },
  ),
  'this in an arrow': esm(box, { 10: "(n) => 'new' + this.plain() + n" }, { observe: 'm.box.arrow()', before: 'old1old', after: 'newold1' }),
  'this, sloppy': cjs(
    'exports.f = f; function f() { return this === globalThis }',
    { f: 'function f() { return [this === globalThis, typeof this] }' },
    {
      observe: '[(0, m.f)(), m.f.call(1)]',
      before: [true, false],
      after: [
        [true, 'object'],
        [false, 'object'],
      ],
    },
  ),
  'super.x()': esm(
    box,
    { 'Box.hello': "hello() { return 'new ' + super.hello() + super.v }" },
    { observe: 'm.box.hello()', before: 'old base', after: 'new basev' },
  ),
  'super.x(), which the old method did not use': esm(
    box,
    { 'Box.plain': "plain() { return 'new ' + super.hello() }" },
    { observe: 'm.box.plain()', after: 'new base' },
  ),
  'super.x() in a static method': esm(
    box,
    { 'Box.s': "static s() { return 'new ' + super.s() }" },
    { observe: 'm.Box.s()', before: 'old base', after: 'new base' },
  ),
  'super.x() in an arrow of a method': esm(
    box,
    { 'Box.nested': "nested() { return (() => 'new ' + super.hello())() }" },
    { observe: 'm.box.nested()', before: 'old base', after: 'new base' },
  ),
  'super.x = v': esm(box, { 'Box.set': "set() { super.set2 = 'new'; return this.set2 }" }, { observe: '{ const x = new m.Box(); return x.set() }' }),
  'super.x() in an object literal': esm(
    "const base = { g() { return 'base' } };\nexport const o = { __proto__: base, g() { return 'old ' + super.g() } };",
    { 'o.g': "g() { return 'new ' + super.g() }" },
    { observe: 'm.o.g()', before: 'old base', after: 'new base' },
  ),
  'new.target': esm(
    "export function F() { return { is: 'old' + (new.target === F) } }",
    { F: "function F() { return { is: 'new' + (new.target === F) } }" },
    { observe: '[new m.F().is, m.F().is]', before: ['oldtrue', 'oldfalse'], after: ['newtrue', 'newfalse'] },
  ),
  'new.target, first used by the patch': esm(
    "export function F() { return { is: 'old' } }",
    { F: "function F() { return { is: 'new' + (new.target === F) } }" },
    { observe: '[new m.F().is, m.F().is]', before: ['old', 'old'], after: ['newtrue', 'newfalse'] },
  ),
  'new.target in a constructor': esm(
    "export class A { constructor() { this.is = 'old' + new.target.name } }\nexport class B extends A {}",
    { 'A.constructor': "constructor() { this.is = 'new' + new.target.name }" },
    { observe: '[new m.A().is, new m.B().is]', before: ['oldA', 'oldB'], after: ['newA', 'newB'] },
  ),
  'a function called with new': esm(
    "export function F(v) { this.v = 'old' + v }\nF.prototype.m = function () { return this.v };",
    { F: "function F(v) { this.v = 'new' + v }" },
    { observe: '{ const x = new m.F(1); return [x.m(), x instanceof m.F] }', before: ['old1', true], after: ['new1', true] },
  ),
  '#private in obj': esm(
    box,
    { 'Box.isBox': "isBox(x) { return 'new' + (#value in x) }" },
    { observe: '[m.box.isBox(m.box), m.box.isBox({})]', before: ['oldtrue', 'oldfalse'], after: ['newtrue', 'newfalse'] },
  ),
  'a private name that the old method did not use': esm(
    box,
    { 'Box.plain': "plain() { return 'new' + this.#value }" },
    { observe: 'm.box.plain()', after: 'new1' },
  ),
  'every way to write a private field': esm(
    box,
    {
      'Box.plain':
        'plain() { this.#value = 1; this.#value += 2; this.#value++; [this.#value] = [this.#value * 2]; this.#value ??= 0; return [this.#value, this?.#value] }',
    },
    { observe: 'new m.Box().plain()', after: [8, 8] },
  ),
  'private names of a class in a function': esm(
    "const make = () => class { #v = 'v'; m() { return 'old' + this.#v } };\nexport const A = make(), B = make();",
    { 'make.m': "m() { return 'new' + this.#v }" },
    { observe: '[new m.A().m(), new m.B().m()]', before: ['oldv', 'oldv'], after: ['newv', 'newv'] },
  ),
  'super.x() of a class in a function': esm(
    "const make = (Base) => class extends Base { m() { return 'old' + super.m() } };\nexport const A = make(class { m() { return 'a' } }), B = make(class { m() { return 'b' } });",
    { 'make.m': "m() { return 'new' + super.m() }" },
    { observe: '[new m.A().m(), new m.B().m()]', before: ['olda', 'oldb'], after: ['newa', 'newb'] },
  ),
  'arguments of the enclosing function, in an arrow': esm(
    "export function f() { const g = () => 'old' + arguments[0]; return g() }",
    { 'f.g': "() => 'new' + arguments[0] + arguments.length" },
    { observe: 'm.f(1)', before: 'old1', after: 'new11' },
  ),
  'import.meta': esm(
    "export const f = () => 'old' + import.meta.url.split('/').pop()",
    { f: "() => 'new' + import.meta.url.split('/').pop() + typeof import.meta.resolve" },
    { before: 'oldprogram.mjs', after: 'newprogram.mjsfunction' },
  ),
  'import.meta, first used by the patch': esm(
    "export function f() { return 'old' }",
    { f: "function f() { return import.meta.url.split('/').pop() }" },
    { after: 'program.mjs' },
  ),
  'dynamic import()': esm(
    {
      'program.mjs': "export async function f() { return 'old' + (await import('./lib.mjs')).lib }",
      'lib.mjs': "export const lib = 'lib'",
      'more.mjs': "export const more = 'more'",
    },
    { f: "async function f() { return 'new' + (await import('./lib.mjs')).lib + (await import('./more.mjs')).more }" },
    { before: 'oldlib', after: 'newlibmore' },
  ),
  'dynamic import() in CommonJS': cjs(
    { 'program.cjs': "exports.f = async function () { return 'old' }", 'lib.mjs': "export const lib = 'lib'" },
    { 'exports.f': "async function () { return 'new' + (await import('./lib.mjs')).lib }" },
    { after: 'newlib' },
  ),
  require: cjs(
    {
      'program.cjs': "const lib = require('./lib.cjs'); exports.f = function () { return 'old' + lib + require('./lib.cjs') }",
      'lib.cjs': "module.exports = 'lib'",
    },
    { 'exports.f': "function () { return 'new' + lib + require('./lib.cjs') + __filename.endsWith('program.cjs') }" },
    { before: 'oldliblib', after: 'newliblibtrue' },
  ),
  'require, first used by the patch': cjs(
    { 'program.cjs': "exports.f = function () { return 'old' }", 'lib.cjs': "module.exports = 'lib'" },
    { 'exports.f': "function () { return 'new' + require('./lib.cjs') }" },
    { after: 'newlib' },
  ),
  'exports and module': cjs(
    "exports.g = () => 'g'; exports.f = function () { return 'old' + exports.g() + module.exports.g() }",
    { 'exports.f': "function () { return 'new' + exports.g() + module.exports.g() }" },
    { before: 'oldgg', after: 'newgg' },
  ),
  'a patch that makes closures': esm(
    "let n = 'n';\nexport function f() { return [1].map((x) => 'old' + x + n)[0] }",
    { f: "function f() { const y = 'y'; return [1].map((x) => 'new' + x + n + y)[0] }" },
    { before: 'old1n', after: 'new1ny' },
  ),
  'a patch that makes a class': esm(
    "const n = 'n';\nexport function f() { return 'old' }",
    { f: "function f() { class Base { m() { return n } } return new (class extends Base { #p = 'p'; m() { return super.m() + this.#p } })().m() }" },
    { after: 'np' },
  ),
} satisfies Record<string, Row>;
