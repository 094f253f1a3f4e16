/** Destructured parameters move behind the test of a slot only where nothing can see that it happens later. Of what is refused, each row does something else once it is moved. */
import { expect, test } from 'vitest';
import { patternObstacle } from '../../packages/agent/dist/loader/moved-patterns.js';
import { functionIn } from '../helpers/function-in.ts';

const rows: [text: string, why: RegExp | null][] = [
  ['function (a, b = g()) {}', null],
  ['function ({ a }) {}', null],
  ['function ({ a } = g(), [b] = a) {}', /reads a out of a destructured parameter/],
  ['function ([a], { b } = {}) {}', null],
  ['function (...[a]) {}', null],
  ['function* ({ a }) {}', /generator/],
  ['async function* ([a]) {}', /generator/],
  ['async function ({ a }) {}', null],

  // What runs between two patterns, or behind one.
  ['function ({ a }, b = g()) {}', /a default that runs code follows/],
  ['function (b = g(), { a }) {}', null],
  ['function ({ a }, b = c) {}', /a default that runs code/],
  ['function ({ a }, b = undefined) {}', null],
  ['function ({ a }, b = 1, c = "x", d = () => g(), e = function () {}) {}', null],
  ['function ({ a }, b = []) {}', null],
  ['function ({ a }, b = [1, [2]]) {}', null],
  ['function ({ a }, b = [1, g()]) {}', /a default that runs code/],
  ['function ({ a }, b = [...g]) {}', /a default that runs code/],
  ['function ({ a }, b = {}) {}', null],
  ['function ({ a }, b = { c: g() }) {}', /a default that runs code/],
  ['function ({ a }, b = `x`) {}', null],
  ['function ({ a }, b = `${g}`) {}', /a default that runs code/],
  ['function ({ a }, b = -1, c = !0, d = void 0) {}', null],
  ['function ({ a }, b = -c) {}', /a default that runs code/],
  ['function ({ a }, b = typeof 1) {}', /a default that runs code/],
  ['function ({ a }, b = class { static x = g() }) {}', /a default that runs code/],

  // Who reads a name that is there later.
  ['function ({ a, b = a }) {}', null],
  ['function ({ a }, { b, c = b }) {}', null],
  ['function ({ a }) { return a }', null],
  ['function ({ a }, b = () => a) {}', /reads a out of a destructured parameter/],
  ['function (b = () => a, { a }) {}', /reads a out of a destructured parameter/],
  ['function (b, { a = b }) {}', null],
  ['function (b, { a = () => b }) {}', null],
  ['function ({ [a]: b }) {}', null],
  ['function ({ a }, { b = a }) {}', /reads a out of a destructured parameter/],
  ['function ({ a = outer }) {}', null],

  // What the body declares again.
  ['function ({ a = b }) { var b = 1 }', /its parameters read b, which its body declares again/],
  ['function ({ a }) { var a = 1 }', /its body declares a again/],
  ['function ({ x: [a] }) { if (1) { for (var { a } of []); } }', /its body declares a again/],
  ['function ({ a }) { var b, [c, ...a] = [] }', /its body declares a again/],
  ['function ({ a }) { { let a = 1 } }', null],
  ['function ({ a }) { return function () { var a } }', null],
  ['function ({ a }) { return () => { var a } }', null],
  ['function ({ a }) { return class { static { var a } } }', null],
  ['function ({ a }) { var b }', null],
  ['function ({ a }, b) { var b }', null],
  ['function ({ a }) { function a() {} }', /its body declares a function a over a parameter/],
  ['function ({ a }, b) { function b() {} }', /its body declares a function b over a parameter/],
  ['function (...[a]) { function a() {} }', /its body declares a function a/],
  ['function ({ x: { a = 1 } = {} }, ...[b]) { function b() {} }', /its body declares a function b/],
  ['function ({ a }) { function b() {} }', null],
  ['function ({ a: b }) { function a() {} }', null],
];

for (const [text, why] of rows) {
  test(text, () => {
    const { entry, captures } = functionIn(`x = ${text}`);
    const found = patternObstacle(entry, captures);
    if (why === null) expect(found).toBeNull();
    else expect(found).toMatch(why);
  });
}
