/** `_`, `_err` and `$3` in what an operator types. */
import { keptNamesIn, withKeptValues } from '@keyhole/agent/source';
import { runInThisContext } from 'node:vm';
import { afterEach, describe, expect, test } from 'vitest';
import { commentAbove } from '../../packages/console/dist/repl/documentation.js';

const place = 'globalThis.keptForTest';
const holder = globalThis as { keptForTest?: unknown[] };
afterEach(() => delete holder.keptForTest);

/** What the text gives with `_` 7 and `$1` { a: 1 }; the values are gone once it has begun. */
function run(code: string): unknown {
  holder.keptForTest = [7, { a: 1 }];
  const text = withKeptValues(code, ['_', '$1'], place);
  if (text === null) throw new Error('refused');
  try {
    return runInThisContext(text);
  } finally {
    delete holder.keptForTest;
  }
}

describe('the names of kept values', () => {
  test.each([
    ['_ + 1', ['_']],
    ['$1.a + $22', ['$1', '$22']],
    ['_err.stack', ['_err']],
    ['x._ + x.$1', []],
    ['(_) => _', []],
    ['const _ = 1; _', []],
    ['_ = 5', []],
    ['$1++', []],
    ['for (_ of []) ;', []],
    ['_.map((x) => x + _)', ['_']],
    ['({ _ })', ['_']],
    ['$0 + $a + __', []],
    ['await _', ['_']],
    ['not javascript _', []],
  ])('%s: %j', (code, names) => expect(keptNamesIn(code)).toEqual(names));

  test.each([
    ['_ + $1.a', 8],
    ['[_].map((each) => each + _)[0]', 14],
    ['({ _ })._', 7],
    ['if (true) $1.a + _', 8],
    ['let unshared = { _ }; unshared._', 7],
    ['`${_}`', '7'],
    ['_ // why', 7],
    ['typeof $1', 'object'],
  ])('%s is %j', (code, value) => expect(run(code)).toEqual(value));

  test('a function keeps the values after they are gone', () => {
    expect((run('() => _ + $1.a') as () => unknown)()).toBe(8);
  });

  test('after an await they are still there', async () => {
    expect(await run('await null, _ + $1.a')).toBe(8);
    expect(await run('var waited = await _; waited + $1.a')).toBe(8);
  });

  test('a function in a statement would look for them when they are gone', () => {
    expect(() => run('function later() { return _; }')).toThrow('refused');
    expect(() => run('let later = () => _;')).toThrow('refused');
    expect(run('function now() { return 1; } _')).toBe(7);
  });
});

describe('the comment above a function', () => {
  const at = (text: string): string | null => commentAbove(text, text.indexOf('function'));
  test.each([
    ['/** Adds. */\nfunction f() {}', 'Adds.'],
    ['const a = 1;\n/**\n * Adds.\n *\n * @param a one\n */\nexport default function f() {}', 'Adds.\n\n@param a one'],
    ['// one\n// two\nasync function f() {}', 'one\ntwo'],
    ['/** Adds. */\r\nfunction f() {}', 'Adds.'],
    ['/** Of another. */\n\nfunction f() {}', null],
    ['const a = 1; /* of a */\nconst b = 2;\nfunction f() {}', null],
    ['function f() {}', null],
  ])('%j: %j', (text, comment) => expect(at(text)).toBe(comment));
});
