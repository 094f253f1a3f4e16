/** Copies for a shadow run: alike, apart, bounded, and made without running anything of the service. */
import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Copier, NoCopy, copyLimits } from '../../packages/agent/dist/host/patch/copies.js';
import { describeError, withoutValues } from '../../packages/agent/dist/host/patch/error-words.js';

const copyOf = <T>(value: T, functions = false): T => new Copier(() => 0).copy(value, functions) as T;

test('any plain value: the copy is alike, and what is written to it is not seen', () => {
  const plain = fc.anything({
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withSparseArray: true,
    withNullPrototype: true,
    withBigInt: true,
  });
  fc.assert(
    fc.property(plain, (value) => {
      const copy = copyOf(value);
      // Not isDeepStrictEqual: to Node 20 one invalid date is not another.
      expect(copy).toStrictEqual(value);
      if (typeof value === 'object' && value !== null) expect(copy).not.toBe(value);
    }),
    { numRuns: 300 },
  );
  const original = { list: [1], map: new Map([['a', { n: 1 }]]), bytes: Buffer.from('ab') };
  const copy = copyOf(original);
  copy.list.push(2);
  (copy.map.get('a') as { n: number }).n = 2;
  copy.bytes[0] = 0;
  expect(original).toEqual({ list: [1], map: new Map([['a', { n: 1 }]]), bytes: Buffer.from('ab') });
});

test('prototypes, shared parts, circles, errors and frozen things stay what they are', () => {
  class Item {
    n = 1;
    double(): number {
      return this.n * 2;
    }
  }
  class Missing extends TypeError {}
  const item = new Item();
  const circle: Record<string, unknown> = { item, again: item, frozen: Object.freeze([1]), error: new Missing('gone') };
  circle['self'] = circle;
  const copy = copyOf(circle) as { item: Item; again: Item; self: unknown; frozen: number[]; error: Error };
  expect(copy.item.double()).toBe(2);
  expect(copy.item).not.toBe(item);
  expect(copy.again).toBe(copy.item);
  expect(copy.self).toBe(copy);
  expect(Object.isFrozen(copy.frozen)).toBe(true);
  expect(copy.error).toBeInstanceOf(Missing);
  expect(copy.error.message).toBe('gone');
});

test('what would run code of the service, or holds more than its properties, has no copy', () => {
  let ran = 0;
  const trap = (): never => {
    ran += 1;
    throw new Error('ran');
  };
  const hostile = new Proxy({}, { get: trap, ownKeys: trap, getPrototypeOf: trap, getOwnPropertyDescriptor: trap });
  class Emitter extends EventEmitter {}
  const refused: [unknown, string][] = [
    [{ deep: [hostile] }, 'a Proxy'],
    [Object.create(hostile), 'a Proxy'],
    [Object.defineProperty({}, 'x', { get: trap, enumerable: true }), 'a getter (x)'],
    [() => 1, 'a function'],
    [{ callback: () => 1 }, 'a function'],
    [Promise.resolve(1), 'a promise'],
    [new Emitter(), 'a Emitter'],
    [process.stdout, 'a '],
    [new WeakMap(), 'a WeakMap'],
    [new URL('http://localhost'), 'a URL'],
    [new AbortController().signal, 'a AbortSignal'],
    [new Int8Array(new SharedArrayBuffer(8)), 'shared memory'],
    [(function* () {})(), 'a generator'],
    [new Intl.NumberFormat('en'), 'a NumberFormat'],
  ];
  for (const [value, why] of refused) {
    expect(() => copyOf(value)).toThrow(NoCopy);
    expect(() => copyOf(value)).toThrow(why);
  }
  expect(ran).toBe(0);
  const call = (): number => 1;
  expect(copyOf({ call }, true).call).toBe(call);
});

test('the bounds: the last that is copied, and the first that is not', () => {
  const objects = (count: number): object[] => Array.from({ length: count - 1 }, () => ({}));
  expect(copyOf(objects(copyLimits.nodes))).toHaveLength(copyLimits.nodes - 1);
  expect(() => copyOf(objects(copyLimits.nodes + 1))).toThrow(`more than ${copyLimits.nodes} objects to copy`);
  const slow = (ms: number) => {
    let calls = 0;
    return new Copier(() => (calls++ === 0 ? 0 : ms)).copy(objects(copyLimits.nodes), false);
  };
  expect(slow(copyLimits.ms)).toHaveLength(copyLimits.nodes - 1);
  expect(() => slow(copyLimits.ms + 1)).toThrow(`more to copy than ${copyLimits.ms} ms allow`);
  expect(copyOf(new Uint8Array(copyLimits.bytes)).length).toBe(copyLimits.bytes);
  expect(() => copyOf(new Uint8Array(copyLimits.bytes + 1))).toThrow(`more than ${copyLimits.bytes} bytes`);
});

test('an error in few words: names stay, what looks like a value does not, and nothing is run', () => {
  expect(describeError(new TypeError("Cannot read properties of undefined (reading 'price')"))).toEqual({
    name: 'TypeError',
    message: "Cannot read properties of undefined (reading 'price')",
  });
  const getter = Object.defineProperty(new Error('x'), 'message', { get: () => expect.fail('ran') });
  expect(describeError(getter)).toEqual({ name: 'Error', message: 'an object' });
  expect(describeError(new Proxy(new Error('x'), { get: () => expect.fail('ran') }))).toEqual({ name: 'Thrown', message: 'a Proxy' });
  expect(describeError('secret')).toEqual({ name: 'Thrown', message: 'a string' });
  expect(describeError(null)).toEqual({ name: 'Thrown', message: 'a null' });
  expect(describeError(new Error('x '.repeat(500))).message).toHaveLength(200);
});

test.each([
  ["Can't send to alice@example.com", "Can't send to …"],
  ['Unexpected token \'a\', "card 4111 1111" is not valid JSON', 'Unexpected token \'a\', "…" is not valid JSON'],
  ['card 4111111111111111 refused', 'card … refused'],
  ['bad token eyJhbGciOiJIUzI1NiJ9abc', 'bad token …'],
  ['it says "never closed and secret', 'it says "…"'],
  ['first line\nsecond secret', 'first line'],
  ['x is not a function', 'x is not a function'],
])('%j becomes %j', (text, shown) => expect(withoutValues(text)).toBe(shown));
