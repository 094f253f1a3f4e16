/** Frames: whatever a stranger sends is a value or one of our errors, and nothing is built before it has been scanned. */
import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KeyholeError, decodeFrame, encodeFrame, limits } from '../../packages/agent/dist/protocol/index.js';

const bytes = (...parts: (number | number[])[]): Uint8Array => Uint8Array.from(parts.flat());
const repeat = (count: number, ...part: number[]): number[] => Array.from({ length: count }, () => part).flat();

test('what is encoded is decoded', () => {
  const forbidden = new Set(['__proto__', 'constructor', 'prototype']);
  const key = fc.string().filter((name) => !forbidden.has(name));
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.string(),
      fc.integer(),
      // MessagePack writes -0 as the whole number 0; values of the service that are -0 travel as text (`unserializable`).
      fc.double({ noNaN: true }).map((number) => (number === 0 ? 0 : number)),
      fc.boolean(),
      fc.constant(null),
      fc.uint8Array(),
      fc.array(tie('value')),
      fc.dictionary(key, tie('value'), { noNullPrototype: true }),
    ),
  }));
  fc.assert(
    fc.property(value, (frame) => {
      expect(decodeFrame(encodeFrame({ frame }), limits.maxFrameBytes)).toEqual({ frame });
    }),
  );
});

test('any bytes give a value or BAD_FRAME', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (input) => {
      try {
        decodeFrame(input, limits.maxFrameBytes);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(KeyholeError);
        expect((thrown as KeyholeError).code).toBe('BAD_FRAME');
      }
    }),
    { numRuns: 5_000 },
  );
});

test('a frame that was cut off at any byte is refused', () => {
  const whole = encodeFrame({ t: 'req', id: 1, op: 'evaluate', params: { expression: 'x'.repeat(40), list: [1.5, null, true] } });
  for (let length = 0; length < whole.length; length += 1) expect(() => decodeFrame(whole.subarray(0, length), 1_000)).toThrow(KeyholeError);
});

const hostile: Record<string, Uint8Array> = {
  'a tower of arrays that claim 2^24 elements': bytes(repeat(60, 0xdd, 0x01, 0x00, 0x00, 0x00)),
  'a map that claims 2^32 entries': bytes(0xdf, 0xff, 0xff, 0xff, 0xff),
  'a string that claims 4 GB': bytes(0xdb, 0xff, 0xff, 0xff, 0xff, 0x61),
  'bytes behind the frame': bytes(0x01, 0x02),
  nothing: bytes(),
  'an extension type': bytes(0xd4, 0x01, 0x00),
  'a timestamp': encode(new Date(0)),
  'the reserved type': bytes(0xc1),
  'a key that is a number': bytes(0x81, 0x01, 0x01),
  'a key that is no UTF-8': bytes(0x81, 0xa1, 0xff, 0x01),
  'a key twice': bytes(0x82, 0xa1, 0x61, 0x01, 0xa1, 0x61, 0x02),
  'the key __proto__': bytes(0x81, 0xa9, [...Buffer.from('__proto__')], 0x01),
  'the key constructor': bytes(0x81, 0xab, [...Buffer.from('constructor')], 0x01),
};

describe('is refused before it is decoded', () => {
  for (const [name, frame] of Object.entries(hostile)) {
    test(name, () => expect(() => decodeFrame(frame, limits.maxFrameBytes)).toThrow(expect.objectContaining({ code: 'BAD_FRAME' })));
  }
});

describe('the last accepted and the first refused', () => {
  const nested = (depth: number): Uint8Array => bytes(repeat(depth - 1, 0x91), 0xc0);
  const listOf = (count: number): Uint8Array =>
    bytes(0xdd, [count >>> 24, (count >>> 16) & 255, (count >>> 8) & 255, count & 255], repeat(count, 0xc0));
  const table: [string, (at: number) => Uint8Array, number, string][] = [
    ['depth', nested, limits.maxDepth, 'BAD_FRAME'],
    // The list itself is a value, too.
    ['values', (count) => listOf(count - 1), limits.maxNodes, 'BAD_FRAME'],
  ];
  for (const [name, frame, last, code] of table) {
    test(name, () => {
      expect(() => decodeFrame(frame(last), limits.maxFrameBytes)).not.toThrow();
      expect(() => decodeFrame(frame(last + 1), limits.maxFrameBytes)).toThrow(expect.objectContaining({ code }));
    });
  }
  test('bytes', () => {
    const frame = encodeFrame({ a: 'x'.repeat(100) });
    expect(() => decodeFrame(frame, frame.length)).not.toThrow();
    expect(() => decodeFrame(frame, frame.length - 1)).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }));
  });
});
