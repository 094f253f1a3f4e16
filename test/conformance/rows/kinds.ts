/** Function kinds. */
import { esm, type Row } from '../row.ts';

export const kinds = {
  'function declaration': esm("export function f() { return 'old' }", { f: "function f() { return 'new' }" }),
  'function expression, anonymous': esm("export const f = function () { return 'old' }", { f: "function () { return 'new' }" }),
  'function expression, named': esm("export const f = function self(n = 1) { return n === 0 ? 'old' : self(n - 1) }", {
    self: "function self(n = 1) { return n === 0 ? 'new' : self(n - 1) }",
  }),
  'arrow with a block': esm("export const f = () => { return 'old' }", { f: "() => { return 'new' }" }),
  'arrow with an expression': esm("export const f = () => 'old'", { f: "() => 'new'" }),
  'arrow that gives an object literal': esm(
    "export const f = () => ({ is: 'old' })",
    { f: "() => ({ is: 'new' })" },
    { before: { is: 'old' }, after: { is: 'new' } },
  ),
  method: esm(
    "class A { a = 'A'; g() { return 'old' + this.a } }\nexport const a = new A();",
    { 'A.g': "g() { return 'new' + this.a }" },
    { observe: 'm.a.g()', before: 'oldA', after: 'newA' },
  ),
} satisfies Record<string, Row>;
