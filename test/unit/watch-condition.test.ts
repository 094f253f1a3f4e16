/** Conditions of a watch: they say what JavaScript says of the same values, as far as they go, and run nothing of the service's. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { look } from '../../packages/agent/src/host/watch/condition.ts';
import { parseCondition, whyNoExpression } from '../../packages/agent/src/source/index.ts';

function evaluate(text: string, values: Record<string, unknown>): unknown {
  const parsed = parseCondition(text, look, null);
  if ('why' in parsed) throw new Error(parsed.why);
  return parsed.evaluate((name) => values[name]);
}

const leaf = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    'o',
    'list',
    'none',
    'undefined',
    'null',
    'true',
    "'x'",
    '""',
    '0',
    '1.5',
    'o.a',
    'o?.a',
    'none?.a.b',
    'o.p?.q',
    'list[0]',
    'list.length',
    'b.length',
    'b[0]',
    "o['a']",
  ),
  fc.integer({ min: 0, max: 99 }).map(String),
);
const expression = fc.letrec<{ any: string }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc
      .tuple(tie('any'), fc.constantFrom('+', '-', '*', '%', '<', '>=', '===', '!==', '==', '!=', '&&', '||', '&', '>>>'), tie('any'))
      .map(([a, op, b]) => `(${a}) ${op} (${b})`),
    fc.tuple(tie('any'), tie('any')).map(([a, b]) => `(${a}) ?? (${b})`),
    fc.tuple(fc.constantFrom('!', '-', '+', '~', 'typeof ', 'void '), tie('any')).map(([op, a]) => `${op}(${a})`),
    fc.tuple(tie('any'), tie('any'), tie('any')).map(([a, b, c]) => `(${a}) ? (${b}) : (${c})`),
    tie('any').map((a) => `\`<\${${a}}>\``),
  ),
})).any;

test('whatever it evaluates, V8 says the same', () => {
  let evaluated = 0;
  fc.assert(
    fc.property(expression, (text) => {
      const values = { a: 5, b: 'text', o: { a: 1, p: null }, list: [1, 2], none: undefined };
      let ours: unknown;
      try {
        ours = evaluate(text, values);
      } catch {
        // It may know less than V8, never something else.
        return;
      }
      evaluated += 1;
      // oxlint-disable-next-line typescript/no-implied-eval, no-new-func
      const theirs: unknown = new Function(...Object.keys(values), `return (${text})`)(...Object.values(values));
      expect(ours).toEqual(theirs);
    }),
    { numRuns: 3_000 },
  );
  expect(evaluated).toBeGreaterThan(1_000);
});

test('nothing of the service runs: getters, traps and conversions are errors', () => {
  const ran: string[] = [];
  const trap = new Proxy({}, { get: (_, name) => ran.push(String(name)), has: () => ran.push('has') > 0 });
  const values = {
    getter: Object.defineProperty({}, 'x', { get: () => ran.push('getter') }),
    trap,
    child: Object.create(trap) as object,
    valued: { valueOf: () => ran.push('valueOf'), toString: () => String(ran.push('toString')) },
  };
  const texts = [
    'getter.x',
    'trap.x',
    'child.x',
    '"x" in trap',
    'valued + 1',
    '+valued',
    'valued == 1',
    '`${valued}`',
    'values[valued]',
    'valued < 2',
    'list[valued]',
  ];
  for (const text of texts) expect(() => evaluate(text, { ...values, list: [], values })).toThrow();
  expect(ran).toEqual([]);
});

test('sizes are known, and members of other primitives are not looked at', () => {
  const values = { map: new Map([[1, 2]]), set: new Set([1, 2]), bytes: Buffer.from([1, 2, 3]), n: 1 };
  expect([evaluate('map.size', values), evaluate('set.size', values), evaluate('bytes.length', values), evaluate('bytes[2]', values)]).toEqual([
    1, 2, 3, 3,
  ]);
  expect(() => evaluate('n.x', values)).toThrow(/is not looked at/);
});

test.each(['a()', 'a = 1', 'a++', 'new A', '() => 1', 'a`x`', '2 ** 3', '1 << 3', '/x/', '1n', 'import("x")', 'a, b', 'delete a.b', ''])(
  '%s is more than looking',
  (text) => {
    expect(parseCondition(text, look, null)).toMatchObject({ why: expect.any(String) as string });
  },
);

test('what is one expression, and what goes on behind its end', () => {
  for (const text of ['a', 'a, b', 'this.#x.y', '{ a: 1 }', 'x => x', 'a // said']) expect([text, whyNoExpression(text)]).toEqual([text, null]);
  for (const text of ['', 'a)(b', 'a);b(', 'a;', 'await a', 'if (a) b', 'a) || (b'])
    expect([text, whyNoExpression(text)]).toEqual([text, expect.any(String)]);
});
