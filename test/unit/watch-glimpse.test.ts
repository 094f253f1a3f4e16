/** Looks at values: nothing of the service runs for them, and each bound holds: the last that is shown, the first that is not. */
import fc from 'fast-check';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { Glimpse, defaultGlimpse } from '../../packages/agent/src/host/watch/glimpse.ts';
import type { RemoteValue } from '../../packages/agent/src/protocol/index.ts';
import { paint } from '../../packages/console/src/render/text.ts';
import { renderValue } from '../../packages/console/src/render/value.ts';

const look = (value: unknown, limits: Partial<typeof defaultGlimpse> = {}): RemoteValue =>
  JSON.parse(new Glimpse({ ...defaultGlimpse, ...limits }).of(value)) as RemoteValue;
const text = (value: unknown, limits: Partial<typeof defaultGlimpse> = {}): string => paint(renderValue(look(value, limits)), false);

class Cart {
  items = [1, 2];
  owner: string | null = null;
}

test.each<[string, unknown, string]>([
  ['undefined', undefined, 'undefined'],
  ['null', null, 'null'],
  ['negative zero', -0, '-0'],
  ['NaN', NaN, 'NaN'],
  ['a big number', 12n, '12n'],
  ['a very big number', 1n << 300n, 'a bigint of more than 256 bits'],
  ['a symbol', Symbol('s'), 'Symbol(s)'],
  ['text', "it's", `"it's"`],
  ['an object', { a: 1, b: { c: [true] } }, '{ a: 1, b: { c: [Array(1)] } }'],
  ['an object without prototype', Object.assign(Object.create(null) as object, { a: 1 }), '[Object: null prototype] { a: 1 }'],
  ['an instance', new Cart(), 'Cart { items: [ 1, 2 ], owner: null }'],
  ['a Map', new Map([['a', { b: 1 }]]), "Map(1) { 'a' => { b: 1 } }"],
  ['a Set', new Set([1, 'x']), "Set(2) { 1, 'x' }"],
  ['bytes', Buffer.from([1, 2]), 'Buffer(2) [ 1, 2 ]'],
  ['floats', new Float32Array(1), 'Float32Array(1) [ 0 ]'],
  ['a date', new Date(0), '1970-01-01T00:00:00.000Z'],
  ['no date', new Date(NaN), 'Invalid Date'],
  ['an expression', /a+/g, '/a+/'],
  ['an error', new RangeError('too far'), 'RangeError: too far'],
  ['a class', Cart, '[class Cart]'],
  ['a function', look, '[Function: look]'],
  ['a promise', Promise.resolve(1), '[Promise]'],
  ['a circle', circle(), '{ self: { self: [Object] } }'],
])('%s', (_, value, shown) => {
  expect(text(value)).toBe(shown);
});

function circle(): object {
  const one: Record<string, unknown> = {};
  one['self'] = one;
  return one;
}

test('nothing of the service runs', () => {
  const ran: string[] = [];
  const handler = new Proxy({}, { get: (_, trap) => () => ran.push(`trap ${String(trap)}`) });
  class Hostile extends Map {
    override get size(): number {
      ran.push('size');
      return 1;
    }
    override [Symbol.iterator](): never {
      ran.push('iterator');
      throw new Error('iterator');
    }
    toJSON(): void {
      ran.push('toJSON');
    }
    [inspect.custom](): void {
      ran.push('custom');
    }
  }
  const error = new Error('x');
  Object.defineProperty(error, 'message', { get: () => ran.push('message') });
  const list = [1];
  Object.defineProperty(list, 0, { get: () => ran.push('element') });
  const inherits = Object.create(new Proxy({}, handler)) as object;
  const hostile = new Hostile();
  Map.prototype.set.call(hostile, 1, new Proxy([], handler));
  const values = [new Proxy({}, handler), new Proxy(() => 1, handler), hostile, error, list, inherits];
  for (const value of values) text({ value, getter: Object.defineProperty({}, 'a', { get: () => ran.push('getter'), enumerable: true }) });
  expect(ran).toEqual([]);
});

test('bounds', () => {
  expect(text('x'.repeat(300))).toBe(`'${'x'.repeat(300)}'`);
  expect(text('x'.repeat(301))).toBe(`'${'x'.repeat(300)}'... 1 more characters`);
  expect(text({ a: 'x'.repeat(100) })).toContain(`'${'x'.repeat(100)}'`);
  expect(text({ a: 'x'.repeat(101) })).toContain(`'${'x'.repeat(100)}…'`);
  expect(text(Array.from({ length: 10 }, () => 0))).not.toContain('more');
  expect(text(Array.from({ length: 11 }, () => 0))).toContain('... 1 more');
  const wide = (count: number): object => Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, at]));
  expect(look(wide(10)).preview).toMatchObject({ overflow: false });
  expect(look(wide(11)).preview).toMatchObject({ overflow: true });
  expect(text({ a: { b: { c: 1 } } }, { depth: 3 })).toBe('{ a: { b: { c: 1 } } }');
  expect(text({ a: { b: { c: 1 } } }, { depth: 2 })).toBe('{ a: { b: [Object] } }');
  expect(look({ a: 1 }, { depth: 0 })).toEqual({ type: 'object', description: 'Object' });
  const objects = (count: number): object[] => Array.from({ length: count }, () => ({ a: 1 }));
  expect(text(objects(4), { objects: 5 })).not.toContain('{ ... }');
  expect(text(objects(5), { objects: 5 })).toContain('{ a: 1 }, { ... } ]');
});

test('any value is shown, and not much of it', () => {
  fc.assert(
    fc.property(
      fc.anything({
        withBigInt: true,
        withDate: true,
        withMap: true,
        withSet: true,
        withTypedArray: true,
        withSparseArray: true,
        withNullPrototype: true,
      }),
      (value) => {
        const shown = look(value);
        expect(JSON.stringify(shown).length).toBeLessThan(100_000);
        expect(typeof paint(renderValue(shown), false)).toBe('string');
      },
    ),
  );
});
