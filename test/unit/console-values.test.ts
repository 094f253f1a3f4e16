/** Values as V8 itself previews them, as text. */
import { Session } from 'node:inspector';
import type { RemoteValue } from '@keyhole/agent/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { renderPage } from '../../packages/console/dist/render/page.js';
import { paint } from '../../packages/console/dist/render/text.js';
import { renderValue } from '../../packages/console/dist/render/value.js';

const session = new Session();
beforeAll(() => session.connect());
afterAll(() => session.disconnect());

/** What the host sends: V8's remote object, with the fields renamed that the wire renames. */
function preview(expression: string): RemoteValue {
  let remote: Record<string, unknown> = {};
  session.post('Runtime.evaluate', { expression, generatePreview: true }, (error, answer) => {
    if (error !== null) throw error;
    remote = answer.result as unknown as Record<string, unknown>;
  });
  const { unserializableValue, objectId: _, ...rest } = remote;
  return { ...rest, ...(unserializableValue !== undefined && { unserializable: unserializableValue as string }) } as unknown as RemoteValue;
}
const shown = (expression: string): string => paint(renderValue(preview(expression)), false);

test.each([
  ['undefined', 'undefined'],
  ['null', 'null'],
  ['-0', '-0'],
  ['12n', '12n'],
  ['NaN', 'NaN'],
  ['true', 'true'],
  ['"it\'s\\n"', '"it\'s\\n"'],
  ['Symbol("s")', 'Symbol(s)'],
  ['({})', '{}'],
  ['({a: 1, "b c": "x", n: null, u: undefined})', "{ a: 1, 'b c': 'x', n: null, u: undefined }"],
  ['[1, "a", , null]', "[ 1, 'a', <1 empty item>, null ]"],
  ['[]', '[]'],
  ['({get a() { throw 1 }})', '{ a: [Getter] }'],
  ['new Map([["a", {b: 1}]])', "Map(1) { 'a' => { b: 1 } }"],
  ['new Set([1, 2])', 'Set(2) { 1, 2 }'],
  ['new (class Room { id = 7 })', 'Room { id: 7 }'],
  ['Promise.resolve(4)', 'Promise { 4 }'],
  ['new Promise(() => {})', 'Promise { <pending> }'],
  ['/a+/g', '/a+/g'],
  ['(function add(a) {})', '[Function: add]'],
  ['(async () => {})', '[AsyncFunction (anonymous)]'],
  ['(() => {})', '[Function (anonymous)]'],
  ['(function* gen() {})', '[GeneratorFunction: gen]'],
  ['(class Cart {})', '[class Cart]'],
  ['({f() {}, o: {a: 1}, l: [1]})', '{ f: [Function], o: [Object], l: [Array(1)] }'],
  ['new Uint8Array(3)', 'Uint8Array(3) [ 0, 0, 0 ]'],
  ['Object.create(null)', '{}'],
])('%s', (expression, text) => {
  expect(shown(expression)).toBe(text);
});

test('more than V8 previews is said', () => {
  expect(shown('Array.from({length: 250}, (_, i) => i)').replace(/\s+/g, ' ')).toMatch(/^\(250\) \[ 0, 1, .*99, \.\.\. 150 more \]$/);
  expect(shown('({a: 1, b: 2, c: 3, d: 4, e: 5, f: 6})')).toContain('...');
  expect(shown('new Map(Array.from({length: 9}, (_, i) => [i, i]))')).toMatch(/^Map\(9\) \{.*\.\.\. 4 more/);
});

test('an error is its stack', () => {
  expect(shown('new TypeError("odd")')).toMatch(/^TypeError: odd\n {4}at /);
});

test('a long string says how much is missing', () => {
  expect(paint(renderValue({ type: 'string', value: 'abc', length: 10 }), false)).toBe("'abc'... 7 more characters");
});

test('an opened value: rows, keys, accessors, further pages and a closure', () => {
  const number = (value: number): RemoteValue => ({ type: 'number', value });
  const text = renderPage({
    value: { type: 'object', className: 'Map', description: 'Map(4)' },
    properties: [
      {
        name: '0',
        kind: 'entry',
        enumerable: true,
        key: { type: 'string', value: 'k' },
        value: number(1),
        properties: [{ name: 'x', kind: 'data', enumerable: true, value: number(2) }],
      },
      { name: 'size', kind: 'accessor', enumerable: false },
    ],
    total: 4,
    start: 1,
    next: 3,
    scopes: [{ type: 'closure', name: 'makeRoom', variables: [{ name: 'price', kind: 'data', enumerable: true, value: number(3) }] }],
  });
  expect(paint(text, false)).toBe(
    "[Map(4)]\n  'k' => 1\n    x: 2\n  size: [Getter/Setter]\n  (from row 1)\n  ... 1 more of 4: --start 3\n  closure: closure makeRoom\n    price: 3\n",
  );
});
