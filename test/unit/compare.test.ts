/** What differs between two versions of a file, and what of it can go into a running process. */
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import type { ModuleDetail } from '../../packages/agent/dist/protocol/index.js';
import { sameCode } from '../../packages/console/dist/typescript/base.js';
import { compareFiles } from '../../packages/console/dist/typescript/compare.js';
import { parseAuthor, textOf } from '../../packages/console/dist/typescript/parse.js';
import { withoutTypes } from '../../packages/console/dist/typescript/strip.js';
import { renamingsFor, translate } from '../../packages/console/dist/typescript/translate.js';

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
  for (const entry of author.functions) {
    const text = textOf(author, entry);
    const stripped = withoutTypes(text, entry.place, 'ts', 'a');
    expect(stripped).toHaveLength(text.length);
    expect(stripped).not.toContain('Item');
  }
});

test('what is more than types is refused by line', () => {
  const text = 'function f() {\n  enum Kind { A }\n  return Kind.A;\n}';
  expect(() => withoutTypes(text, 'plain', 'ts', 'src/a.ts:f')).toThrow(/src\/a\.ts:f: line 2/);
});

describe('names as tsc’s CommonJS says them', () => {
  const source = `import helper, { price } from './pricing.js';
import * as all from './all.js';
export let count = 0;
export function use(n: number) { return [price(n), helper, { price }, all.x, count, new price.Deep(), ((price: number) => price)(1)]; }
`;
  const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, esModuleInterop: true };
  const running = ts.transpileModule(source, { compilerOptions }).outputText;
  const module: ModuleDetail = { file: 'src/a.ts', url: 'file:///a.js', format: 'commonjs', instrumented: true, running, author: null, map: null };
  const author = parseAuthor(source, 'src/a.ts');
  const entry = author.functions.find((each) => each.path === 'use');

  test('the translation of the old text is what runs', () => {
    if (entry === undefined) throw new Error('there is no use');
    const code = translate(withoutTypes(textOf(author, entry), 'plain', 'ts', 'use'), entry, author, renamingsFor(author, module), 'use');
    expect(code).toContain('(0, pricing_js_1.price)(n)');
    expect(code).toContain('{ price: pricing_js_1.price }');
    expect(code).toContain('((price        ) => price)(1)');
    const compiled = /function use[^\n]*/.exec(running)?.[0] ?? '';
    expect(sameCode(code, compiled, entry, module)).toBe(true);
    expect(sameCode(code.replace('all.x', 'all.y'), compiled, entry, module)).toBe(false);
  });

  test('a name that the compiler left out is refused by name', () => {
    const without = { ...module, running: running.replace(/const pricing_js_1[^\n]*\n/, '') };
    if (entry === undefined) throw new Error('there is no use');
    expect(() => translate('function use(n) { return price(n); }', entry, author, renamingsFor(author, without), 'use')).toThrow(
      /never brought in price/,
    );
  });
});
