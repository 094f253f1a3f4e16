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
  ['an import', '{ price, type Money }', '{ price, other, type Money }', [], /:1 an import changed/],
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

describe('two versions differ in', () => {
  for (const [name, from, to, changed, refused] of rows) {
    test(name, () => {
      if (from !== '') expect(base).toContain(from);
      const difference = compareFiles(parseAuthor(base, 'src/a.ts'), parseAuthor(base.replace(from, to), 'src/a.ts'));
      expect(difference.changed.map(([before]) => before.path)).toEqual(changed);
      const reasons = difference.refused.map(({ address, why }) => `${address} ${why}`).join('\n');
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
