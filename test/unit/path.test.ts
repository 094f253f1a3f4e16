/** Paths into an actor's state. */
import { parsePath } from '@keyhole/agent/protocol';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';

const step = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.nat({ max: 9_999_999_999 }),
  fc.constantFrom('price', '$x', '_id', 'über', '__proto__', 'a.b', '0', "it's", 'say "no"'),
);
const isName = (text: string): boolean => /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(text);
const written = (steps: (string | number)[]): string =>
  steps
    .map((each, index) => (typeof each === 'number' ? `[${each}]` : isName(each) ? `${index === 0 ? '' : '.'}${each}` : `[${JSON.stringify(each)}]`))
    .join('');

test('a path says the steps that it was written from', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 6 }), (steps) => {
      expect(parsePath(written(steps))).toEqual(steps);
    }),
  );
});

test('a text is a path, or the error says where it is none', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'a.[]"\'0\\ #$'), maxLength: 10 }), (text) => {
      try {
        expect(parsePath(text).length).toBeGreaterThan(0);
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: 'BAD_REQUEST', message: expect.stringContaining('not understood') as string });
      }
    }),
  );
});

test.each(['', '.a', 'a..b', 'a.', '#secret', 'a.#b', 'a[', 'a[-1]', 'a b', 'a()', "a['\\x']", '[0'])('%j is none', (text) => {
  expect(() => parsePath(text)).toThrow('not understood');
});

test('keys in single quotes', () => {
  expect(parsePath("a['b \"c\" d']['it\\'s']")).toEqual(['a', 'b "c" d', "it's"]);
});
