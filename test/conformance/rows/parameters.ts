/** Parameters. */
import { applies, cjs, course, esm, runs, sees, type Row } from '../row.ts';

export const parameters = {
  'no parameter': esm("export function f() { return 'old' }", { f: "function f() { return 'new' }" }, { observe: 'm.f(1, 2)' }),
  defaults: esm(
    'export function f(a = 1, b = 2) { return [a, b] }',
    { f: 'function f(a = 10, b = 20) { return [a, b] }' },
    {
      observe: '[m.f(), m.f(5), m.f(undefined, 6), m.f(null)]',
      before: [
        [1, 2],
        [5, 2],
        [1, 6],
        [null, 2],
      ],
      after: [
        [10, 20],
        [5, 20],
        [10, 6],
        [null, 20],
      ],
    },
  ),
  'default that reads an earlier parameter': esm(
    'export function f(a, b = a + 1) { return [a, b] }',
    { f: 'function f(a, b = a * 10) { return [a, b] }' },
    {
      observe: '[m.f(3), m.f(3, 4)]',
      before: [
        [3, 4],
        [3, 4],
      ],
      after: [
        [3, 30],
        [3, 4],
      ],
    },
  ),
  'the old default is not evaluated': esm(
    "export const ran = [];\nexport function f(a = ran.push('old')) { return a }",
    { f: "function f(a = 'new') { return a }" },
    { observe: '{ m.ran.length = 0; m.f(); return m.ran }', before: ['old'], after: [] },
  ),
  'default that calls a function': esm(
    "const make = () => 'made';\nexport function f(a = make()) { return 'old' + a }",
    { f: "function f(a = make() + '!') { return 'new' + a }" },
    { before: 'oldmade', after: 'newmade!' },
  ),
  'default with captured variable': esm(
    "function make(n) { return function g(a = n) { return 'old' + a } }\nexport const f = make(1), other = make(2);",
    { 'make.g': "function g(a = n + '!') { return 'new' + a }" },
    { observe: '[m.f(), m.other(), m.f(5)]', before: ['old1', 'old2', 'old5'], after: ['new1!', 'new2!', 'new5'] },
  ),
  'a default of a generator is evaluated when it is called': esm(
    "export const seen = [];\nexport function* f(a = seen.push('old')) { yield a }",
    { f: "function* f(a = seen.push('new')) { yield a }" },
    { observe: '{ m.seen.length = 0; m.f(); return m.seen }', before: ['old'], after: ['new'] },
  ),
  rest: esm(
    'export function f(a, ...b) { return [a, b] }',
    { f: 'function f(a, ...b) { return [b, a] }' },
    {
      observe: '[m.f(), m.f(1, 2, 3)]',
      before: [
        [null, []],
        [1, [2, 3]],
      ],
      after: [
        [[], null],
        [[2, 3], 1],
      ],
    },
  ),
  'rest pattern': esm(
    'export function f(...[a, b = 2]) { return [a, b] }',
    { f: 'function f(...[a, b = 3]) { return [b, a] }' },
    {
      observe: '[m.f(1), m.f(1, 5)]',
      before: [
        [1, 2],
        [1, 5],
      ],
      after: [
        [3, 1],
        [5, 1],
      ],
    },
  ),
  'destructuring, nested, with defaults': esm(
    'export function f({ a: { b = 1 } = {}, ...more } = {}, [c, [d = 4] = []] = []) { return [b, c, d, more] }',
    { f: 'function f({ a: { b = 10 } = {}, ...more } = {}, [c, [d = 40] = []] = []) { return [d, c, b, more] }' },
    {
      observe: '[m.f(), m.f({ a: { b: 2 }, x: 9 }, [3, [5]])]',
      before: [
        [1, null, 4, {}],
        [2, 3, 5, { x: 9 }],
      ],
      after: [
        [40, null, 10, {}],
        [5, 3, 2, { x: 9 }],
      ],
    },
  ),
  'destructuring in an arrow': esm(
    'export const f = ({ a }, [b]) => [a, b]',
    { f: '({ a }, [b]) => [b, a]' },
    { observe: 'm.f({ a: 1 }, [2])', before: [1, 2], after: [2, 1] },
  ),
  'destructuring reads its argument once, and only the new pattern does': esm(
    'export function f({ a }) { return a }\nexport const read = [];\nexport const from = { get a() { read.push("a"); return 1 }, get b() { read.push("b"); return 2 } };',
    { f: 'function f({ b }) { return b }' },
    { observe: '{ m.read.length = 0; return [m.f(m.from), m.read] }', before: [1, ['a']], after: [2, ['b']] },
  ),
  'destructuring of an async function: only the new pattern reads, and takes what the old one could not': esm(
    'export async function f({ a }) { return a }\nexport const read = [];\nexport const from = { get a() { read.push("a"); return 1 }, get b() { read.push("b"); return 2 } };\nconst may = async (value) => { try { return await f(value) } catch (thrown) { return thrown.name } };\nexport const both = async () => { read.length = 0; return [await may(from), ...read, await may()] };',
    { f: 'async function f({ b } = { b: 0 }) { return b }' },
    { observe: 'm.both()', before: [1, 'a', 'TypeError'], after: [2, 'b', 0] },
  ),
  'default that reads a destructured parameter': esm(
    'export function f({ a }, b = a) { return [a, b] }',
    { f: 'function f({ a }, b = a + 1) { return [b, a] }' },
    { observe: 'm.f({ a: 1 })', before: [1, 1], after: [2, 1] },
  ),
  'arguments, sloppy and mapped': cjs(
    'exports.f = f; function f(a) { arguments[0] = 9; return [a, arguments.length] }',
    { f: 'function f(a) { arguments[0] = 8; return [a, arguments.length, arguments[1]] }' },
    { observe: 'm.f(1, 2)', before: [9, 2], after: [8, 2, 2] },
  ),
  'arguments, strict': esm(
    'export function f(a) { arguments[0] = 9; return [a, arguments.length] }',
    { f: 'function f(a) { arguments[0] = 8; return [a, arguments[0], arguments.length] }' },
    { observe: 'm.f(1, 2)', before: [1, 2], after: [1, 8, 2] },
  ),
  'arguments.length of a call without arguments': esm(
    'export function f(a) { return [a, arguments.length] }',
    { f: 'function f(a = 5) { return [arguments.length, a] }' },
    {
      observe: '[m.f(), m.f(undefined)]',
      before: [
        [null, 0],
        [null, 1],
      ],
      after: [
        [0, 5],
        [1, 5],
      ],
    },
  ),
  'arguments first used by the patch': esm(
    "export function f(a) { return 'old' + a }",
    { f: "function f(a) { return 'new' + a + arguments.length }" },
    { observe: 'm.f(1)', before: 'old1', after: 'new11' },
  ),
  'arguments first used by the patch, in a short function': esm(
    "function f(a) { return 'old' + a }\nexport const call = (...all) => f(...all);",
    { f: "function f(a) { return 'new' + a + arguments.length }" },
    { observe: 'm.call(1)', before: 'old1', after: 'new11' },
  ),
  'a destructured parameter beside arguments, strict': esm(
    'export function f({ a }) { return [a, arguments.length] }',
    { f: 'function f({ b } = { b: 7 }, c) { return [b, arguments.length, c] }' },
    {
      observe: '[() => m.f({ a: 1, b: 2 }, 3), () => m.f()].map((each) => { try { return each() } catch { return "threw" } })',
      before: [[1, 2], 'threw'],
      after: [
        [2, 2, 3],
        [7, 0, null],
      ],
    },
  ),
  'length and name': esm(
    "export function f(a, b = 1, ...c) { return 'old' }\nexport const g = (x) => 'old';\nexport class A { m(a, b) { return 'old' } }",
    { f: "function f(a, b = 2, ...c) { return 'new' }", g: "(x) => 'new'", 'A.m': "m(a, b) { return 'new' }" },
    {
      observe: '[m.f, m.g, m.A.prototype.m].map((each) => [each(), each.name, each.length])',
      before: [
        ['old', 'f', 1],
        ['old', 'g', 1],
        ['old', 'm', 2],
      ],
      after: [
        ['new', 'f', 1],
        ['new', 'g', 1],
        ['new', 'm', 2],
      ],
    },
  ),
  'a parameter is added': esm(
    'export function f(a) { return [a] }',
    { f: 'function f(a, b) { return [a, b] }' },
    { observe: 'm.f(1, 2)', before: [1], after: [1, 2] },
  ),
  'a parameter is added to a short function': esm(
    'function f(a) { return [a] }\nexport const call = (...all) => f(...all);',
    { f: 'function f(a, b) { return [a, b] }' },
    { observe: 'm.call(1, 2)', before: [1], after: [1, 2] },
  ),
  'a parameter is added to a function': esm(
    `function f(a) {\n  // ${'Long enough. '.repeat(10)}\n  return [a];\n}\nexport const call = (...all) => f(...all);`,
    { f: 'function f(a, b) { return [a, b] }' },
    { observe: 'm.call(1, 2)', before: [1], after: [1, 2] },
  ),
  'a parameter is added to a function that is not strict': cjs(
    `function f(a) {\n  // ${'Long enough. '.repeat(10)}\n  return [a];\n}\nexports.call = (...all) => f(...all);`,
    { f: 'function f(a, b) { return [a, b] }' },
    { observe: 'm.call(1, 2)', before: [1], after: [1, 2] },
  ),
  'a parameter is added to a function that is not strict, and is more than called': cjs(
    `function f(a) {\n  // ${'Long enough. '.repeat(10)}\n  return [a];\n}\nexports.call = (...all) => [f][0](...all);`,
    { f: 'function f(a, b) { return [a, b] }' },
    { observe: 'm.call(1, 2)', before: [1], after: [1, 2] },
  ),
  'a parameter is added to an arrow that is only called': esm(
    `const f = (a) => {\n  // ${'Long enough. '.repeat(10)}\n  return [a];\n};\nexport const call = (...all) => f(...all);`,
    { f: '(a, b) => { return [a, b] }' },
    { observe: 'm.call(1, 2)', before: [1], after: [1, 2] },
  ),
  'parameters are added to constructors': esm(
    `export class A { constructor(a) {\n  // ${'Long enough. '.repeat(10)}\n  this.all = [a];\n} }\nexport class B extends A { constructor(a) {\n  // ${'Long enough. '.repeat(10)}\n  super(a);\n} }`,
    { 'A.constructor': 'constructor(a, b) { this.all = [a, b] }', 'B.constructor': 'constructor(a, b, ...more) { super(a, b); this.more = more }' },
    {
      observe: '[new m.A(1, 2).all, new m.B(3, 4, 5)]',
      before: [[1], { all: [3] }],
      after: [[1, 2], { all: [3, 4], more: [5] }],
    },
  ),
  'a parameter is added to a pattern, in sloppy code that is only called': cjs(
    `function f({ a }) {\n  // ${'Long enough. '.repeat(10)}\n  return [a];\n}\nexports.call = (...all) => { try { return f(...all) } catch { return 'threw' } };`,
    { f: 'function f({ b } = { b: 7 }, c = 8) { return [b, c] }' },
    {
      observe: '[m.call({ a: 1, b: 2 }, 3), m.call()]',
      before: [[1], 'threw'],
      after: [
        [2, 3],
        [7, 8],
      ],
    },
  ),
  'a parameter is added to a nested function, that the patch of its parent made short': course(
    `export function f(a) {\n  function g(b) {\n    // ${'Long enough. '.repeat(10)}\n    return [b];\n  }\n  return (...all) => g(...all, a);\n}\nlet kept;\nexport const reset = () => { kept = undefined };\nexport const call = () => { kept ??= f(3); return kept(1, 2) };`,
    [
      sees([1]),
      applies('f', { f: 'function f(a) {\n  function g(b) { return [b, 0] }\n  return (...all) => g(...all, a);\n}' }),
      runs('m.reset()'),
      sees([1, 0]),
      applies('g', { 'f.g': 'function g(b, c) { return [b, c] }' }),
      sees([1, 2]),
    ],
    { observe: 'm.call()' },
  ),
  'a parameter is added to a method of a class that extends one of a package': esm(
    'import { EventEmitter } from "node:events";\nexport class A extends EventEmitter { take(a) { return [a] } }',
    { 'A.take': 'take(a, ...more) { return [a, ...more] }' },
    { observe: '[...new m.A().take(1, 2, 3), new m.A().take.length]', before: [1, 1], after: [1, 2, 3, 1] },
  ),
  'a parameter is added to a method': esm(
    `export class A { take(a) {\n  // ${'Long enough. '.repeat(10)}\n  return [a];\n} }`,
    { 'A.take': 'take(a, b) { return [a, b] }' },
    { observe: 'new m.A().take(1, 2)', before: [1], after: [1, 2] },
  ),
  'a parameter is added to an arrow': esm(
    'export const f = (a) => [a]',
    { f: '(a, b) => [a, b]' },
    { observe: 'm.f(1, 2)', before: [1], after: [1, 2] },
  ),
  'parameters are added to an async function': esm(
    'export async function f(a) { return [a] }',
    { f: 'async function f(a, b, c = 7) { return [a, b, c] }' },
    { observe: '[...(await m.f(1, 2)), ...(await m.f(1, 2, 3))]', before: [1, 1], after: [1, 2, 7, 1, 2, 3] },
  ),
  'rest is added to an async method': esm(
    'export class A { static async f() { return 0 } }',
    { 'A.f': 'static async f(...all) { return all }' },
    { observe: '[await m.A.f(), await m.A.f(1, 2)]', before: [0, 0], after: [[], [1, 2]] },
  ),
  'a parameter is added to a listener, a function that is handed over by its name': esm(
    'import { EventEmitter } from "node:events";\nconst emitter = new EventEmitter();\nlet seen = 0;\nfunction f(a) { seen = [a] }\nemitter.on("x", f);\nexport const emit = (...all) => { emitter.emit("x", ...all); return seen };',
    { f: 'function f(a, b) { seen = [a, b] }' },
    { observe: 'm.emit(1, 2)', before: [1], after: [1, 2] },
  ),
  'a parameter is added to a callback, an arrow that is handed over by its name': esm(
    'const f = a => [a];\nexport const call = (x) => Promise.resolve(x).then(f);\nexport const many = (...all) => ({ then: (g) => g(...all) }).then(f);',
    { f: '(a, b) => [a, b ?? 0]' },
    { observe: '[...(await m.call(1)), ...m.many(1, 2)]', before: [1, 1], after: [1, 0, 1, 2] },
  ),
  'who reads the names of parameters out of the text reads what its author wrote': esm(
    'const read = (fn) => /[(]([^)]*)[)]/.exec(String(fn))[1];\nexport const names = [read(function (db, log) {}), read((db) => db), read(async function (db) {}), read(async (db) => db)];\nexport function f() { return 1 }',
    { f: 'function f() { return 2 }' },
    { observe: '[m.f(), ...m.names]', before: [1, 'db, log', 'db', 'db', 'db'], after: [2, 'db, log', 'db', 'db', 'db'] },
  ),
  'rest is added to a listener without parameters': esm(
    'import { EventEmitter } from "node:events";\nconst emitter = new EventEmitter();\nlet seen = 0;\nemitter.on("x", function f() { seen = "nothing" });\nexport const emit = (...all) => { emitter.emit("x", ...all); return seen };',
    { f: 'function f(...all) { seen = all }' },
    { observe: '[m.emit(1, 2), m.emit()]', before: ['nothing', 'nothing'], after: [[1, 2], []] },
  ),
  'a parameter is added where all are taken by rest': esm(
    'export function f(...all) { return all }',
    { f: 'function f(a, b, ...all) { return [b, a, all] }' },
    { observe: 'm.f(1, 2, 3)', before: [1, 2, 3], after: [2, 1, [3]] },
  ),
  'a parameter is removed': esm(
    'export function f(a, b) { return [a, b] }',
    { f: 'function f(a) { return [a] }' },
    { observe: 'm.f(1, 2)', before: [1, 2], after: [1] },
  ),
  'a parameter is renamed and becomes a pattern': esm(
    'export function f(a) { return [a] }',
    { f: 'function f({ x }) { return [x] }' },
    { observe: 'm.f({ x: 1 })', before: [{ x: 1 }], after: [1] },
  ),
  'more arguments than parameters': esm(
    'export function f(a) { return [a] }',
    { f: 'function f(a) { return [a, a] }' },
    { observe: 'm.f(1, 2, 3)', before: [1], after: [1, 1] },
  ),
  'fewer arguments than parameters': esm(
    'export function f(a, b) { return [a, b] }',
    { f: 'function f(a, b) { return [b, a, typeof b] }' },
    { observe: 'm.f(1)', before: [1, null], after: [null, 1, 'undefined'] },
  ),
} satisfies Record<string, Row>;
