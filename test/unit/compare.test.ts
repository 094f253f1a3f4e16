/** What differs between two versions of a file, and what of it can go into a running process. */
import { describe, expect, test } from 'vitest';
import { compareFiles } from '../../packages/console/dist/typescript/compare.js';
import { parseAuthor } from '../../packages/console/dist/typescript/parse.js';
import { withoutTypes } from '../../packages/console/dist/typescript/strip.js';

const base = `import { price, type Money } from './pricing.js';
import helper, * as all from './all.js';
interface Item { net: number }
const limit = 3;
export class Cart {
  private items: Item[] = [];
  add(item: Item): number { this.items.push(item); return this.items.length; }
  each(f: (item: Item) => void): void { this.items.forEach((item) => f(item)); }
}
export function outer(n: number): () => number {
  function inner(): number { return n + limit; }
  return inner;
}
`;

const rows: [name: string, from: string, to: string, changed: string[], refused: RegExp | null][] = [
  ['nothing', '', '', [], null],
  ['a comment and white space', 'return n + limit;', '/* sum */ return n   + limit;', [], null],
  ['types only', 'outer(n: number): () => number', 'outer(n: number | bigint & number): (() => number)', [], null],
  ['an interface', 'interface Item { net: number }', 'interface Item { net: number; tax: number }', [], null],
  ['a cast', 'return n + limit;', 'return (n as number) + limit!;', [], null],
  ['a body', 'return n + limit;', 'return n - limit;', ['outer.inner'], null],
  ['an outer body', 'return inner;', 'return () => inner();', ['outer'], null],
  ['a method', 'return this.items.length;', 'return 1;', ['Cart.add'], null],
  ['a nameless callback alone', '(item) => f(item)', '(item) => f({ ...item })', [''], null],
  ['a function nested in a changed one', 'return inner;', 'const more = () => 1; return () => inner() + more();', ['outer'], null],
  ['a default parameter', 'outer(n: number)', 'outer(n: number = 1)', ['outer'], null],
  ['an import', '{ price, type Money }', '{ price, other, type Money }', [], /^src\/a\.ts:1 an import is new[^\n]*$/],
  ['an import of another name in its place', '{ price, type Money }', '{ other, type Money }', [], /^src\/a\.ts:1 an import changed[^\n]*$/],
  [
    'another import of the same name',
    "{ price, type Money } from './pricing.js'",
    "{ price } from './other.js'",
    [],
    /^src\/a\.ts:1 an import changed[^\n]*$/,
  ],
  ['an import that is gone', 'import helper, * as all', 'import * as all', [], null],
  [
    'an import that is one of types now',
    "import { price, type Money } from './pricing.js';",
    "import { type price, type Money } from './pricing.js';\ntype Price = typeof price;",
    [],
    null,
  ],
  [
    'an import that is gone, and whose name means a global now',
    "import helper, * as all from './all.js';",
    "import * as all from './all.js';\nhelper();",
    [],
    /code outside of functions/,
  ],
  ['a value that becomes an import', 'const limit = 3;', "import { limit } from './limit.js';", [], /a top-level value was removed/],
  ['a type import', '{ price, type Money }', '{ price }', [], null],
  ['a top-level value', 'limit = 3', 'limit = 4', [], /:4 a top-level value changed/],
  [
    'a new function at the top level',
    'const limit',
    'export function fresh() { return 1 }\nconst limit',
    [],
    /:4 the top-level function fresh is new/,
  ],
  ['a removed statement', 'const limit = 3;', '', [], /:4 a top-level value was removed/],
  ['a field', 'private items: Item[] = [];', 'private items: Item[] = []; count = 0;', [], /the shape of class Cart changed/],
  ['a new method', 'each(f', 'fresh(): void {}\n  each(f', [], /the shape of class Cart changed/],
];

/** Another file, for what can be mistaken for a function's own code. */
const other = `import { Item } from './item.js';
@sealed
class Shop {
  a = 1;
  b = () => this.a;
  declare c: number;
  constructor(readonly d: number) {}
  static make(): Shop { return new Shop(1); }
  @logged run(@inject('x') n: number): number { return n; }
  ['key' + 1](): number { return 1; }
  get size(): number { return 1; }
  over(n: string): void;
  over(n: unknown): void { void n; }
}
enum Level { Low, High }
namespace Tools { export function use(): number { return 1; } }
import old = require('old');
function first(n = () => 1): number { return n(); }
function second(this: Item): number { return 2; }
const started = (() => 3)();
on('a', () => 1);
on('b', () => 2);
const held = function (): number { return 1; };
function around(list: number[]): number[] { const twice = 2; return list.map((n) => n * twice); }
export default first;
`;

const otherRows: typeof rows = [
  ['a method’s decorator', '@logged run', '@traced run', [], /shape of class Shop changed/],
  ['a parameter’s decorator', "@inject('x')", "@inject('y')", [], /shape of class Shop changed/],
  ['a class’s decorator', '@sealed', '@open', [], /shape of class Shop changed/],
  ['a decorated method’s body alone', '{ return n; }', '{ return n + 1; }', ['Shop.run'], null],
  ['the order of fields', 'a = 1;\n  b = () => this.a;', 'b = () => this.a;\n  a = 1;', [], /shape of class Shop changed/],
  ['a declared field made a field', 'declare c', 'c', [], /shape of class Shop changed/],
  ['a parameter property', 'readonly d: number', 'd: number', ['Shop.constructor'], /shape of class Shop changed/],
  ['the access of a parameter property', 'readonly d', 'private d', [], null],
  ['static taken away', 'static make', 'make', [], /shape of class Shop changed/],
  ['a computed key', "'key' + 1", "'key' + 2", [], /shape of class Shop changed/],
  ['an accessor made a method', 'get size', 'size', [], /shape of class Shop changed/],
  ['an overload', 'over(n: string): void;', 'over(n: string): void;\n  over(n: number): void;', [], null],
  ['the type of this', 'this: Item', 'this: unknown', [], null],
  ['an enum', 'Low, High', 'High, Low', [], /the enum Level changed/],
  ['a function in a namespace', 'use(): number { return 1', 'use(): number { return 2', ['use'], null],
  ['an import by require', "require('old')", "require('new')", [], /an import changed/],
  ['a default parameter’s function', 'n = () => 1', 'n = () => 2', ['first.n'], null],
  ['a function made async', 'function second(', 'async function second(', ['second'], null],
  ['a function made a generator', 'function second(', 'function* second(', ['second'], null],
  ['a function that ran at the start', '(() => 3)()', '(() => 4)()', [], /a function that ran when the module was loaded/],
  ['one nameless callback', "on('b', () => 2)", "on('b', () => 3)", [''], null],
  ['a nameless callback more', "on('a', () => 1);", "on('a', () => 1);\non('c', () => 5);", [], /code outside of functions/],
  [
    'a function held otherwise',
    'const held = function (): number { return 1; }',
    'function held(): number { return 1; }',
    ['held'],
    /the top-level function held/,
  ],
  ['a function made an arrow', 'function (): number { return 1; }', '(): number => 1', [], /a top-level value changed/],
  ['an export', 'function second', 'export function second', [], /the top-level function second changed/],
  ['the default export', 'export default first', 'export default second', [], /what is exported changed/],
  [
    'a nameless function in a changed one',
    'const twice = 2; return list.map((n) => n * twice)',
    'const three = 3; return list.map((n) => n * three)',
    ['around'],
    null,
  ],
  ['a nameless function in an unchanged one', '(n) => n * twice', '(n) => n + twice', [''], null],
  [
    'an import that only types use',
    "import { Item } from './item.js';",
    "import { Item } from './item.js';\nimport { Money } from './money.js';\ntype Price = Money;",
    [],
    null,
  ],
  [
    'an import that nothing uses',
    "import { Item } from './item.js';",
    "import { Item } from './item.js';\nimport { Money } from './money.js';",
    [],
    /:2 an import is new/,
  ],
  [
    'the order of functions',
    'function first(n = () => 1): number { return n(); }\nfunction second(this: Item): number { return 2; }',
    'function second(this: Item): number { return 2; }\nfunction first(n = () => 1): number { return n(); }',
    [],
    null,
  ],
  ['a type of the same name', 'const held', 'interface Held { a: 1 }\nexport type Kept = Held;\nconst held', [], null],
];

describe('two versions differ in', () => {
  for (const [name, from, to, changed, refused] of [...rows, ...otherRows]) {
    test(name, () => {
      const text = rows.some((each) => each[0] === name) ? base : other;
      if (from !== '') expect(text).toContain(from);
      const difference = compareFiles(parseAuthor(text, 'src/a.ts'), parseAuthor(text.replace(from, to), 'src/a.ts'));
      expect(difference.changed.map(([before]) => before.path)).toEqual(changed);
      const reasons = [...difference.imports, ...difference.refused].map(({ address, why }) => `${address} ${why}`).join('\n');
      if (refused === null) expect(reasons).toBe('');
      else expect(reasons).toMatch(refused);
    });
  }
});

test('types leave holes, so that every position stays', () => {
  const author = parseAuthor(base, 'src/a.ts');
  const { text, offending } = withoutTypes(author);
  expect(text).toHaveLength(base.length);
  expect(text).not.toContain('Item');
  expect(offending).toEqual([]);
});

test('what is more than types is named by its place', () => {
  const text = 'function f() {\n  enum Kind { A }\n  return Kind.A;\n}';
  expect(withoutTypes(parseAuthor(text, 'src/a.ts')).offending).toEqual([text.indexOf('enum')]);
});
