/** The transform changes nothing that a program can observe: each program runs plain and instrumented, and must say the same. */
import * as vm from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { packed, withEdits } from '../../packages/agent/dist/loader/edits.js';
import { instrumentModule } from '../../packages/agent/dist/loader/transform.js';

function run(text: string): unknown {
  const exports: Record<string, unknown> = {};
  const module = { exports };
  vm.runInThisContext(`(function (module, exports, require) {${text}\n})`)(module, exports, (name: string) => name);
  return module.exports;
}

const instrumented = (source: string): string => withEdits(source, packed(instrumentModule(source, 'commonjs', 'program.js', '$kht').edits));

/** Each program leaves in `module.exports` what it saw of itself. */
const programs: Record<string, string> = {
  declaration: 'function add(a, b = a, ...rest) { return a + b + rest.length } module.exports = [add(1), add(1, 2, 3), add.length, add.name]',
  'anonymous default keeps its name': 'function f(cb = () => 1) { return cb.name } module.exports = [f(), f.length]',
  'default in parentheses': 'const f = (a, b = (1, 2)) => a + b; module.exports = f(1)',
  'destructured parameters':
    'function f({ a, b: [c = 3] = [] } = { a: 1 }, d) { return [a, c, d] } module.exports = [f(), f({ a: 5, b: [6] }, 7), f.length]',
  'destructured in an arrow expression': 'const f = ({ x }, [y]) => ({ x, y }); module.exports = [f({ x: 1 }, [2]), f.length]',
  'destructured with a function in it': 'const f = ({ x = () => 4 }) => x(); module.exports = f({})',
  'destructured over several lines': 'const f = ({\n  a,\n  b,\n}) => a + b; module.exports = f({ a: 1, b: 2 })',
  'default reads a destructured name': 'const f = ({ x }, y = x) => y; module.exports = f({ x: 3 })',
  'parameter reads a name the body declares': 'var y = 1; function f({ x = y }) { var y = 2; return [x, y] } module.exports = f({})',
  'rest pattern': 'const f = (...[a, b]) => [a, b]; module.exports = [f(1, 2), f.length]',
  'arguments, sloppy and mapped': 'function f(a) { arguments[0] = 9; return [a, arguments.length] } module.exports = f(1, 2)',
  'arguments in an arrow': 'function f() { return (() => arguments[0])() } module.exports = f(7)',
  'strict this': '"use strict"; function f() { return this === undefined } module.exports = f()',
  'sloppy this': 'function f() { return this === globalThis } module.exports = f()',
  directive: 'function f() { "use strict"; return this } module.exports = f() === undefined',
  'directive without semicolon': 'function f() { "use strict"\n return this } module.exports = f() === undefined',
  generator: 'function* g(n) { const got = yield n; yield got * 2 } const i = g(1); module.exports = [i.next(), i.next(5), i.next()]',
  'a generator takes its parameter apart when it is called':
    'function* g({ a }) { yield a } const o = { a: 1 }; const it = g(o); o.a = 2; let early; try { g(null); early = false } catch { early = true } module.exports = [it.next().value, early]',
  'parameters are taken apart in their order':
    "const seen = []; const from = { get a() { seen.push('pattern') } }; function f({ a }, b = seen.push('default')) { return seen } module.exports = f(from)",
  'a pattern reads no name that it has yet to make':
    'let is; const f = ({ x = x }) => x; try { is = f({}) } catch (thrown) { is = thrown.name } module.exports = is',
  getters:
    'class A { #x = 1; get x() { return this.#x } set x(v) { this.#x = v } static s = (v) => v + 1; static #p() { return 2 } static q() { return A.#p() } } const a = new A(); a.x = 4; module.exports = [a.x, A.s(1), A.q()]',
  'derived constructor':
    'class A { constructor(a) { this.a = a } } class B extends A { constructor(a) { super(a); this.b = super.constructor.name } m() { return super.toString() } } const b = new B(3); module.exports = [b.a, b.b, b.m()]',
  'class expression': 'const E = class Inner { name() { return Inner.name } }; module.exports = [new E().name(), E.name]',
  'object members':
    'const o = { m(a) { return a }, get g() { return 1 }, async am() {}, *gm() { yield 1 }, ["c" + 1]() { return 2 }, f: function () { return 3 }, a: () => 4 }; module.exports = [o.m(1), o.g, [...o.gm()], o.c1(), o.f(), o.a(), o.f.name, o.a.name]',
  'new.target': 'function F() { return new.target === F ? this : "call" } module.exports = [F(), new F() instanceof F]',
  'immediately invoked': 'module.exports = [(function () { return 1 })(), (() => 2)(), (() => { return 3 })()]',
  'closures over loop variables': 'const fs = []; for (let i = 0; i < 3; i++) fs.push(() => i++); module.exports = [fs[0](), fs[0](), fs[2]()]',
  'hoisted call before evaluation': 'module.exports = f(2); function f(a) { return a * n() } function n() { return 21 }',
  'named function expression': 'const f = function fact(n) { return n < 2 ? 1 : n * fact(n - 1) }; module.exports = [f(5), f.name]',
  'variables named arguments':
    'function f(arguments) { return arguments } function g() { var arguments = 3; return arguments } module.exports = [f(1), g()]',
  'duplicate sloppy parameters': 'function f(a, a) { return a } module.exports = f(1, 2)',
  'arrow in a default': 'function f(a, g = (x) => x + a) { return g(1) } module.exports = f(2)',
  'object literal body with a comment': 'const f = () => /* => */ ({ a: 1 }); module.exports = f()',
  'label, switch, catch':
    'function f(x) { a: for (;;) { switch (x) { case 1: { let y = 2; break a } default: return 0 } } try { throw x } catch ({ length = 5 }) { return (() => length)() } } module.exports = [f(1), f(2)]',
  'variables named like ours': 'const $kh = 1; function f($k) { return () => $k + $kh } module.exports = f(1)()',
  'what is given to async functions':
    'const g = async (a, b = (1, 2),) => a + b; async function h(/* ( */) { return h.length } const i = async x => x, j = async (f = ({ x }) => x /* ) */) => f({ x: 1 }); class K { static async k(a /* , */) { return a } }\nmodule.exports = [g.length, h.length, i.length, j.length, K.k.length, i.name]',
  'rest for callbacks':
    'const then = (...all) => all.map((f) => [f.length, f.name, f(1, 2)]); function g(a, b = 1,) { return a + b } const h = x => x;\nmodule.exports = then(g, h, function (/* ( */) { return 0 }, (a, /* ) */) => a, y => ({ y }), function named() { return named.length })',
  hashbang: '#!/usr/bin/env node\nmodule.exports = (() => 1)()',
  eval: 'function f(a) { return eval("a + 1") } module.exports = f(1)',
};

describe('an instrumented program says what the plain one says', () => {
  for (const [name, source] of Object.entries(programs)) {
    test(name, () => {
      const hashbang = source.startsWith('#!');
      const plain = run(hashbang ? `//${source}` : source);
      const text = instrumented(source);
      expect(run(hashbang ? `//${text}` : text)).toEqual(plain);
      expect(text.split('\n').length).toBe(source.split('\n').length);
    });
  }
});

test('a call hands on no variable in the place of its arguments', () => {
  const { without } = instrumentModule(
    'function f(arguments) { return 1 } function g() { { var arguments } return 2 } function h() { return arguments }',
    'commonjs',
    'program.js',
    '$kht',
  );
  expect([...without]).toEqual([
    [0, 'it has a variable named arguments'],
    [1, 'it has a variable named arguments'],
  ]);
});

test('the text of a function runs in a realm that knows no slots', () => {
  const { f } = run(instrumented('module.exports = { f: function (a, { b } = { b: 2 }) { return a + b } }')) as { f: unknown };
  expect(vm.runInNewContext(`(${String(f)})(1)`)).toBe(3);
});

test('an arrow that does not use this is not made to capture it, and nobody is made to allocate arguments', () => {
  const text = instrumented('function f() { return [1].map((x) => x) }');
  expect(text).toContain('?$kht[1](x):');
  expect(text).not.toContain('arguments');
});

test('lines and statements survive any combination of functions', () => {
  const leaf = fc.constantFrom('1', 'n', '"s"', '[n, 2]', '({ k: n })');
  const { expression } = fc.letrec<{ expression: string }>((tie) => ({
    expression: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      tie('expression').map((body) => `((a) => ${body})(n)`),
      tie('expression').map((body) => `((a, b = ${body}) => {\n return [a, b] })(n)`),
      tie('expression').map((body) => `(function ({ x = ${body} }, ...r) { return [x, r.length, typeof this] })({}, 1)`),
      tie('expression').map((body) => `(function* () { yield ${body} })().next()`),
      tie('expression').map((body) => `new (class { #p = ${body}; get v() { return this.#p } static m() { return ${body} } })().v`),
      tie('expression').map((body) => `({ m() { let n = 5; return (() => { n += 1; return ${body} })() } }).m()`),
    ),
  }));
  fc.assert(
    fc.property(expression, (text) => {
      const source = `let n = 3;\nmodule.exports = [${text}];`;
      const changed = instrumented(source);
      expect(JSON.stringify(run(changed))).toBe(JSON.stringify(run(source)));
      expect(changed.split('\n').length).toBe(source.split('\n').length);
    }),
    { numRuns: 300 },
  );
});
