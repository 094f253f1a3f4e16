/** What may be evaluated for somebody who may only look. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { beyondLooking, lookingArrow } from '../../packages/agent/dist/source/index.js';

describe('is looking', () => {
  for (const text of [
    'a',
    'a.b.c',
    'a?.b["c"][0]',
    '-a + 1 > 2 && !b',
    'a ? b : c',
    '`${a} and ${b}`',
    'typeof a',
    'void 0',
    "'x' in a",
    'a instanceof b',
    'this.a',
  ]) {
    test(text, () => expect(beyondLooking(text)).toBeNull());
  }
});

describe('is more', () => {
  const texts = [
    'a()',
    'a?.()',
    'new A',
    'new A()',
    'a = 1',
    'a++',
    'a => a',
    'function () {}',
    'class {}',
    'a`x`',
    '/x/',
    '10n',
    '2 ** 3',
    '1 << 3',
    'delete a.b',
  ];
  const more = [
    'import("x")',
    'await a',
    'yield',
    '[...a]',
    '{ b }',
    'a, b',
    'a) ; (b',
    'a // b',
    '',
    '(',
    'super.x',
    'import.meta',
    '[a]',
    '\\u0061()',
  ];
  for (const text of [...texts, ...more.filter((each) => each !== 'a // b' && each !== 'yield')]) {
    test(JSON.stringify(text), () => expect(beyondLooking(text)).not.toBeNull());
  }
});

test('no call, function or assignment hides anywhere in it', () => {
  const hidden = fc.constantFrom('f()', 'new F()', '(x = 1)', 'x++', '(() => 1)', '(function () {})', 'f`1`', '/a/.test', '(await x)');
  const around = fc.constantFrom('(§)', 'a[§]', '!§', 'a ? b : §', '`${§}`', 'a + §', '§.b', '(§)?.c', 'a && (b || §)');
  fc.assert(
    fc.property(hidden, fc.array(around, { minLength: 1, maxLength: 5 }), (inner, shells) => {
      const text = shells.reduce<string>((whole, shell) => shell.replace('§', () => `(${whole})`), inner);
      expect(beyondLooking(text)).not.toBeNull();
    }),
  );
});

describe('a condition', () => {
  for (const text of ['s => s.bids > 10', '(it) => it.a && !it.b', "x => (x.name === 'a')", 's => s.a // why', '  s =>\ns.a'])
    test(`is ${text}`, () => expect(lookingArrow(text)).not.toHaveProperty('why'));

  test('gives back the body that was checked, and nothing around it', () => {
    const body = fc.constantFrom('s.a', 's.a > 1', "s['b c']", 's?.d ?? 3', '!s', '`${s.x}`');
    const around = fc.constantFrom('(§)', '§ ', '(\n§)', '§ /* ) */', '((§))');
    fc.assert(
      fc.property(body, fc.array(around, { maxLength: 3 }), (inner, shells) => {
        const text = shells.reduce<string>((whole, shell) => shell.replace('§', () => whole), inner);
        expect(lookingArrow(`s => ${text}`)).toEqual({ parameter: 's', body: inner });
      }),
    );
  });

  test.each([
    's => s.f()',
    's => s.a = 1',
    's => { s }',
    '(a, b) => a',
    '({ a }) => a',
    's',
    'async s => s',
    's => s) || (1',
    'eval => 1',
    's => /a/',
    '',
  ])('is not %s', (text) => expect(lookingArrow(text)).toHaveProperty('why'));
});
