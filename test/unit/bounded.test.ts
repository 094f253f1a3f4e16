/** Looking at values of any size, and at values that would like to run something when they are looked at. */
import { Session } from 'node:inspector';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { isSmall } from '../../packages/agent/dist/host/bounded.js';
import { Completion } from '../../packages/agent/dist/host/complete.js';
import { Evaluator } from '../../packages/agent/dist/host/evaluate.js';
import { Inspector } from '../../packages/agent/dist/host/inspector.js';
import { jsonOf } from '../../packages/agent/dist/host/json.js';
import { handlesOfEach } from '../../packages/agent/dist/host/looking.js';
import { SessionObjects } from '../../packages/agent/dist/host/objects.js';
import { limits } from '../../packages/agent/dist/protocol/index.js';
import type { ValuePage } from '../../packages/agent/dist/protocol/index.js';

const inspector = new Inspector();
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const objects = new SessionObjects(inspector, 'test');
const show = (value: unknown, start = 0, count = 100, depth = 5): ValuePage =>
  objects.page(inspector.show(value, objects.group), start, count, depth);
const size = (page: ValuePage): number => JSON.stringify(page).length;
const counting = (length: number): number[] => Array.from({ length }, (_, index) => index);

describe('nothing of the service runs', () => {
  let ran: string[] = [];
  beforeEach(() => {
    ran = [];
  });
  const run = (what: string, value?: unknown) => (): unknown => {
    ran.push(what);
    return value;
  };
  const traps = (): ProxyHandler<object> =>
    Object.fromEntries(
      ['get', 'has', 'ownKeys', 'getOwnPropertyDescriptor', 'getPrototypeOf', 'isExtensible'].map((trap) => [trap, run(trap, undefined)]),
    );
  const names = ['splice', 'length', 'constructor', 'message', 'stack', 'name', 'then', 'toString', 'toJSON', 'valueOf', 'size', 'inspect'];
  const symbols = [Symbol.toStringTag, Symbol.toPrimitive, Symbol.iterator, Symbol.for('nodejs.util.inspect.custom'), Symbol.hasInstance];
  const withAccessors = <T extends object>(value: T): T => {
    for (const name of [...names, ...symbols]) {
      const before = Object.getOwnPropertyDescriptor(value, name);
      if (before?.configurable === false) continue;
      Object.defineProperty(value, name, { get: run(String(name)), configurable: true });
    }
    return value;
  };
  const hostile: [string, () => object][] = [
    ['a Proxy', () => new Proxy({}, traps())],
    ['a Proxy of a function', () => new Proxy(() => 1, traps())],
    ['a Proxy of a Proxy', () => new Proxy(new Proxy({}, traps()), traps())],
    ['a Proxy among the prototypes', () => Object.create(new Proxy({}, traps())) as object],
    ['a function with a Proxy for a prototype', () => Object.setPrototypeOf(() => 1, new Proxy({}, traps())) as object],
    ['accessors', () => withAccessors({})],
    ['inherited accessors', () => Object.create(withAccessors({})) as object],
    ['accessors of a function', () => withAccessors(() => 1)],
    ['accessors of an error', () => withAccessors(new Error('x'))],
    [
      'an error whose class has accessors',
      () => Object.setPrototypeOf(new Error('x'), withAccessors(Object.create(Error.prototype) as object)) as object,
    ],
    ['accessors of an array', () => withAccessors([1, 2])],
    ['accessors of a Map', () => withAccessors(new Map([[1, 2]]))],
    ['accessors of a Set', () => withAccessors(new Set([1, 2]))],
    ['accessors of a Date', () => withAccessors(new Date(0))],
    ['accessors of a RegExp', () => withAccessors(/x/)],
    ['accessors of a typed array', () => withAccessors(new Uint8Array(3))],
    ['accessors of a promise', () => withAccessors(Promise.resolve(1))],
    ['a constructor whose name is asked for', () => Object.create({ constructor: withAccessors(function () {}) }) as object],
  ];
  for (const [name, make] of hostile) {
    test(name, () => {
      const value = make();
      // Making it may run some: the stack of an error is written when it is looked at.
      ran = [];
      const holders = [value, { value }, [value], new Map([[value, value]]), new Set([value]), Object.assign(new Error('x'), { cause: value })];
      for (const holder of holders) {
        show(holder);
        jsonOf(holder);
      }
      expect(ran).toEqual([]);
    });
  }
});

describe('what is large is taken a page at a time, and V8 is not asked', () => {
  const keys = (count: number): object => Object.fromEntries(counting(count).map((index) => [`k${index}`, index]));
  const large: [string, last: unknown, first: unknown][] = [
    ['a Map', new Map(counting(100).map((index) => [index, index])), new Map(counting(101).map((index) => [index, index]))],
    ['a Set', new Set(counting(100)), new Set(counting(101))],
    ['an array', counting(1_000), counting(1_001)],
    ['a typed array', new Uint8Array(1_000), new Uint8Array(1_001)],
    ['properties', keys(100), keys(101)],
    ['a text in it', { text: 'x'.repeat(100_000) }, { text: 'x'.repeat(100_001) }],
    ['the message of an error', new Error('x'.repeat(40_000)), new Error('x'.repeat(100_001))],
    ['a RegExp', new RegExp('x'.repeat(100_000)), new RegExp('x'.repeat(100_001))],
    ['the name of a symbol', Symbol('x'.repeat(100_000)), Symbol('x'.repeat(100_001))],
    ['a number', 2n ** 4_094n, 2n ** 4_096n],
    ['a key of a Map', new Map([[keys(100), 1]]), new Map([[keys(101), 1]])],
  ];
  for (const [name, last, first] of large) {
    test(`the last and the first: ${name}`, () => {
      expect(isSmall(last)).toBe(true);
      expect(isSmall(first)).toBe(false);
    });
  }

  test('a Map: any page of it', () => {
    const page = show(new Map(counting(5_000).map((index) => [index, { index }])), 4_998);
    expect(page).toMatchObject({ total: 5_000, start: 4_998, value: { length: 5_000, preview: { overflow: true } } });
    expect(page.properties.map(({ name, key, value }) => [name, key?.value, value?.className])).toEqual([
      ['4998', 4_998, 'Object'],
      ['4999', 4_999, 'Object'],
    ]);
  });

  test('far into a Map in turns', async () => {
    let turns = 0;
    const value = inspector.show(new Map(counting(50_000).map((index) => [index, -index])), objects.group);
    const fetched = await objects.fetch(value, { start: 49_999, count: 10, maxPauseMs: 0 }, async () => void (turns += 1));
    expect(fetched).toEqual({ rows: [{ index: 49_999, key: 49_999, value: -49_999 }], total: 50_000 });
    expect(turns).toBe(3);
  });

  test('properties: any page of them, with their values', () => {
    const page = show(keys(5_000), 4_999);
    expect(page).toMatchObject({ total: 5_000, properties: [{ name: 'k4999', kind: 'data', value: { value: 4_999 } }] });
    expect(
      show(
        {
          ...keys(200),
          get late() {
            throw new Error('ran');
          },
        },
        200,
      ).properties,
    ).toMatchObject([{ name: 'late', kind: 'accessor' }]);
  });

  test('a long text, wherever it is, is cut and paged', () => {
    const text = 'ab'.repeat(300_000);
    const found = show({ text, list: [text] }).properties.find(({ name }) => name === 'text')?.value;
    expect(found).toMatchObject({ length: 600_000 });
    expect(found?.value).toHaveLength(10_000);
    expect(objects.text(found?.handle ?? '', 599_998, 10)).toEqual({ text: 'ab', length: 600_000 });
    const closure = (
      (kept: string) => () =>
        kept
    )(text);
    expect(size(show(closure))).toBeLessThan(100_000);
    expect(show(closure).scopes?.[0]?.variables).toMatchObject([{ name: 'kept', value: { length: 600_000 } }]);
  });

  test('a function with a long text, an error and a RegExp with one, a long number', () => {
    // oxlint-disable-next-line typescript/no-implied-eval, no-new-func
    const fn = new Function(`/*${'x'.repeat(200_000)}*/`);
    for (const value of [fn, new Error('x'.repeat(200_000)), new RegExp('x'.repeat(200_000)), 2n ** 1_000_000n, Symbol('x'.repeat(200_000))])
      expect(size(show(value))).toBeLessThan(40_000);
  });

  test('a tree of a million values opens no more than its budget', () => {
    const tree = counting(100).map(() => counting(100).map(() => counting(100)));
    const rows = (page: { properties?: ValuePage['properties'] }): number => (page.properties ?? []).reduce((sum, row) => sum + 1 + rows(row), 0);
    expect(rows(show(tree))).toBeLessThanOrEqual(100 + 500 + 100);
  });

  test('a list a million deep', () => {
    let list: unknown = null;
    for (let index = 0; index < 1_000_000; index += 1) list = { list };
    expect(size(show(list))).toBeLessThan(20_000);
    expect(jsonOf(list)).toBeUndefined();
  });

  test('symbols hold nothing', () => {
    expect(show({ symbol: Symbol('x') }).properties).toMatchObject([
      { name: 'symbol', value: { description: 'Symbol(x)' } },
      { name: '[[Prototype]]' },
    ]);
  });

  test('more handles than a session may have, in one answer and after it', () => {
    const wide = (): ValuePage => show(counting(100).map(() => counting(100).map((index) => ({ index }))));
    for (let request = 0; request < 5; request += 1) expect(wide().properties).toHaveLength(100);
  });

  test.each([
    [1, limits.maxHandles],
    [8, limits.maxHandles],
    [9, 888],
    [32, limits.minHandles],
    [1_000, limits.minHandles],
  ])('of %i sessions each may hold %i handles, and the oldest is let go', (sessions, most) => {
    expect(handlesOfEach(sessions)).toBe(most);
    const own = new SessionObjects(inspector, 'many', () => handlesOfEach(sessions));
    const handles = counting(most + 1).map((index) => own.value(inspector.show({ index }, own.group)).handle ?? '');
    expect(() => own.object(handles[0] ?? '')).toThrow(/no object behind/);
    expect(own.object(handles[1] ?? '')).toMatchObject({ type: 'object' });
    own.release();
  });

  test.each<[string, (held: object) => object]>([
    ['in a list', (held) => [held]],
    ['in a Map', (held) => new Map([[held, held]])],
    ['in a property', (held) => ({ held })],
    ['behind an accessor', (held) => Object.defineProperty({}, 'held', { get: Object.assign(() => 1, { held }), enumerable: true })],
    ['captured by a function', (held) => () => held],
    ['in a prototype', (held) => Object.create({ held }) as object],
  ])('what was shown %s can be collected when its handles are gone, in the midst of a session', async (_name, inside) => {
    const own = new SessionObjects(inspector, 'goes', () => 50);
    const shown = (): WeakRef<object> => {
      const held = { large: counting(100) };
      own.page(inspector.show(inside(held), own.group), 0, 100, 3);
      return new WeakRef(held);
    };
    const reference = shown();
    for (let page = 0; page < 100; page += 1) own.page(inspector.show([{ page }, { page }], own.group), 0, 100, 1);
    // A WeakRef that was made or read holds its object to the end of the turn.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    collect();
    expect(reference.deref()).toBeUndefined();
    own.release();
  });

  test('what was looked through for names, or for one inner slot, is held no longer than that', async () => {
    const own = new SessionObjects(inspector, 'tab', () => 50);
    const evaluator = new Evaluator(inspector, { names: () => [], portal: () => null } as never);
    const completion = new Completion(inspector, evaluator, { names: () => [] } as never);
    const place = globalThis as { looked?: object };
    const held = (): WeakRef<object> => {
      const inside = { large: counting(100) };
      place.looked = { inside, also: Promise.resolve(inside) };
      expect(completion.names({ expression: 'looked' }, own)).toContain('inside');
      delete place.looked;
      return new WeakRef(inside);
    };
    const reference = held();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    collect();
    expect(reference.deref()).toBeUndefined();
    own.release();
  });

  test.each([
    ['an object', 'looked'],
    ['a promise', 'Promise.resolve(looked)'],
    ['what was awaited', 'await Promise.resolve(looked)'],
    ['a rejection', "Promise.reject(Object.assign(new Error('x'), { looked }))"],
    ['what was thrown', "throw Object.assign(new Error('x'), { looked })"],
    ['what never settles', 'new Promise(() => looked)'],
  ])('an evaluation that gave %s holds it by its handle alone', async (_name, text) => {
    const own = new SessionObjects(inspector, 'evaluated', () => 20);
    const evaluator = new Evaluator(inspector, { names: () => [], portal: () => null } as never);
    const place = globalThis as { looked?: object };
    const evaluated = async (): Promise<WeakRef<object>> => {
      const held = { large: counting(100) };
      place.looked = { held };
      await evaluator.evaluate({ expression: text, timeoutMs: 50 }, { call: 1, mayExit: true }, own).catch(() => undefined);
      delete place.looked;
      return new WeakRef(held);
    };
    const reference = await evaluated();
    for (let page = 0; page < 40; page += 1) own.page(inspector.show([{ page }, { page }], own.group), 0, 100, 1);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    collect();
    expect(reference.deref()).toBeUndefined();
    own.release();
  });

  test('long texts behind handles are let go before there are too many of them, the latest never', () => {
    const half = limits.maxHeldCharacters / 2;
    const handleOf = (length: number): string => objects.value(inspector.show('x'.repeat(length), objects.group)).handle ?? '';
    const [first, second] = [handleOf(half), handleOf(half)];
    expect(objects.text(first, 0, 1).length).toBe(half);
    const third = handleOf(limits.maxStringLength + 1);
    expect(() => objects.text(first, 0, 1)).toThrow(/no string behind/);
    expect(objects.text(second, 0, 1).length).toBe(half);
    const latest = handleOf(3 * half);
    for (const handle of [second, third]) expect(() => objects.text(handle, 0, 1)).toThrow(/no string behind/);
    expect(objects.text(latest, 0, 1).length).toBe(3 * half);
  });

  test('circles', () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    expect(size(show(circle))).toBeLessThan(20_000);
    expect(jsonOf(circle)).toBeUndefined();
  });
});

test('what is small V8 describes, with private fields and what it holds', () => {
  class Room {
    readonly #seats = 3;
    readonly waiting = new Map([['a', 1]]);
    seats(): number {
      return this.#seats;
    }
  }
  const page = show(new Room());
  expect(page.value).toMatchObject({ className: 'Room', preview: { overflow: false } });
  expect(page.properties).toMatchObject([
    { name: 'waiting', kind: 'data', value: { subtype: 'map', length: 1, preview: { entries: [{ key: { description: 'a' } }] } } },
    { name: '#seats', kind: 'private', value: { value: 3 } },
    { name: '[[Prototype]]', kind: 'internal' },
  ]);
});

test('an opened handle shows its object as it is now', () => {
  const room = { name: 'lobby', members: 1 };
  const handle = show({ room }).properties[0]?.value?.handle ?? '';
  room.members = 2;
  const { value } = objects.page(objects.shown(handle), 0, 100, 1);
  expect(value.preview?.properties).toMatchObject([{ value: 'lobby' }, { name: 'members', value: '2' }]);
});

describe('the preview of a record is the one that V8 would make', () => {
  const session = new Session();
  session.connect();
  const place = globalThis as { previewed?: unknown };
  const previewOfV8 = (value: unknown): unknown => {
    place.previewed = value;
    const shown: unknown[] = [];
    session.post('Runtime.evaluate', { expression: 'previewed', generatePreview: true }, (_error, answer) => shown.push(answer.result.preview));
    delete place.previewed;
    return shown[0];
  };
  const odd = (value: object): object => Object.setPrototypeOf(value, Object.prototype) as object;
  const cases: [string, unknown][] = [
    ['null and undefined', { none: null, missing: undefined }],
    ['numbers', { zero: -0, not: NaN, large: 1n }],
    ['six of them', { a: 1, b: 2, c: 3, d: 4, e: 5, f: 6 }],
    [
      'accessors, a setter',
      {
        get a() {
          return 1;
        },
        set b(_value: number) {},
      },
    ],
    ['a hidden one', Object.defineProperty({ a: 1 }, 'hidden', { value: 2 })],
    ['long texts', { text: 'x'.repeat(100), longer: 'y'.repeat(101) }],
    ['a symbol', { [Symbol('s')]: 1, [Symbol.toStringTag]: 'Other' }],
    ['its own constructor', { constructor: { name: 'Other' } }],
    ['a nested one with its own constructor', { nested: { constructor: Map } }],
    ['a nested one with a tag', { nested: { [Symbol.toStringTag]: 'Other' } }],
    ['no prototype', { __proto__: null, a: 1 }],
    [
      'what was given that prototype',
      { map: odd(new Map()), date: odd(new Date(0)), error: odd(new TypeError('x')), list: odd([1]), bytes: odd(new Uint8Array(1)) },
    ],
    ['functions and classes', { run() {}, Room: Set }],
    [
      'arguments',
      (function (..._: number[]) {
        return { given: arguments };
      })(1, 2),
    ],
    ['a Proxy', { proxy: new Proxy({}, {}) }],
  ];
  const previewOfOurs = (value: unknown): unknown => inspector.show(value, objects.group).preview;
  test.each(cases)('%s', (_name, value) => {
    expect(previewOfOurs(value)).toEqual(previewOfV8(value));
  });

  test('whatever is in it', () => {
    fc.assert(
      fc.property(
        fc.object({ maxDepth: 2, withNullPrototype: true, withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true }),
        (value) => {
          expect(previewOfOurs(value)).toEqual(previewOfV8(value));
        },
      ),
      { numRuns: 300 },
    );
  });
});
