/**
 * Frames to bytes and back. Every message is scanned before it is decoded, also before authentication: a decoder that trusts lengths dies of 300 bytes, and that
 * can not be caught.
 */
import { decode, encode } from '@msgpack/msgpack/dist.esm/index.mjs';
import { KeyholeError } from './errors.ts';
import { limits } from './limits.ts';

/** How deep a message may be, and how many values it may hold. */
export interface FrameBounds {
  maxDepth: number;
  maxNodes: number;
}

export function encodeFrame(frame: object): Uint8Array {
  return encode(frame, { ignoreUndefined: true, maxDepth: limits.maxDepth + 1 });
}

/** @throws {KeyholeError} TOO_LARGE or BAD_FRAME */
export function decodeFrame(bytes: Uint8Array, maxBytes: number, bounds: FrameBounds = limits): unknown {
  if (bytes.length > maxBytes) throw new KeyholeError('TOO_LARGE', `a frame of ${bytes.length} bytes, where ${maxBytes} are allowed`);
  scanFrame(bytes, bounds);
  try {
    return decode(bytes);
  } catch (thrown) {
    throw new KeyholeError('BAD_FRAME', `a frame that can not be decoded: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
}

/** Keys that could reach a prototype. */
const forbiddenKeys = new Set(['__proto__', 'constructor', 'prototype']);
const utf8 = new TextDecoder('utf-8', { fatal: true });

const longestPlainKey = 32;

/** Keys are short and plain nearly always: to call the decoder for each takes longer than the rest of the scan. @throws {TypeError} */
function textOf(bytes: Uint8Array): string {
  if (bytes.length > longestPlainKey) return utf8.decode(bytes);
  let text = '';
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte >= 0x80) return utf8.decode(bytes);
    text += String.fromCharCode(byte);
  }
  return text;
}

/**
 * Walks the structure without building anything: exactly one value, nothing behind it, no extension types, string keys, and no container that claims more than
 * there are bytes for.
 * @throws {KeyholeError} BAD_FRAME
 */
export function scanFrame(bytes: Uint8Array, { maxDepth, maxNodes }: FrameBounds = limits): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let nodes = 0;
  const bad = (why: string): KeyholeError => new KeyholeError('BAD_FRAME', `${why} (byte ${at})`);
  const need = (count: number): void => {
    if (count > bytes.length - at) throw bad('a frame that ends too early');
  };
  const take = (count: number): void => {
    need(count);
    at += count;
  };
  const size = (width: 1 | 2 | 4): number => {
    need(width);
    const value = width === 1 ? view.getUint8(at) : width === 2 ? view.getUint16(at) : view.getUint32(at);
    at += width;
    return value;
  };
  /** The length of a string whose first byte is given, or null where it is no string. */
  const stringLength = (type: number): number | null => {
    if (type >= 0xa0 && type <= 0xbf) return type & 0x1f;
    return type === 0xd9 ? size(1) : type === 0xda ? size(2) : type === 0xdb ? size(4) : null;
  };
  const key = (seen: Set<string>): void => {
    need(1);
    const type = view.getUint8(at);
    at += 1;
    const length = stringLength(type);
    if (length === null) throw bad('a key that is no string');
    need(length);
    let name: string;
    try {
      name = textOf(bytes.subarray(at, at + length));
    } catch {
      throw bad('a key that is no UTF-8');
    }
    at += length;
    if (forbiddenKeys.has(name)) throw bad(`the key ${name}`);
    if (seen.has(name)) throw bad(`the key ${JSON.stringify(name)} twice`);
    seen.add(name);
  };
  const value = (depth: number): void => {
    if (depth > maxDepth) throw bad(`a frame deeper than ${maxDepth}`);
    nodes += 1;
    if (nodes > maxNodes) throw bad(`a frame of more than ${maxNodes} values`);
    need(1);
    const type = view.getUint8(at);
    at += 1;
    if (type <= 0x7f || type >= 0xe0 || type === 0xc0 || type === 0xc2 || type === 0xc3) return;
    const length = stringLength(type);
    if (length !== null) return take(length);
    if (type >= 0x90 && type <= 0x9f) return list(type & 0x0f, depth);
    if (type >= 0x80 && type <= 0x8f) return map(type & 0x0f, depth);
    switch (type) {
      case 0xc4:
        return take(size(1));
      case 0xc5:
        return take(size(2));
      case 0xc6:
        return take(size(4));
      case 0xcc:
      case 0xd0:
        return take(1);
      case 0xcd:
      case 0xd1:
        return take(2);
      case 0xca:
      case 0xce:
      case 0xd2:
        return take(4);
      case 0xcb:
      case 0xcf:
      case 0xd3:
        return take(8);
      case 0xdc:
        return list(size(2), depth);
      case 0xdd:
        return list(size(4), depth);
      case 0xde:
        return map(size(2), depth);
      case 0xdf:
        return map(size(4), depth);
      default:
        throw bad('an extension or a reserved type');
    }
  };
  const list = (count: number, depth: number): void => {
    need(count);
    for (let index = 0; index < count; index += 1) value(depth + 1);
  };
  const map = (count: number, depth: number): void => {
    need(count * 2);
    const seen = new Set<string>();
    for (let index = 0; index < count; index += 1) {
      key(seen);
      value(depth + 1);
    }
  };
  value(1);
  if (at !== bytes.length) throw bad('bytes behind the frame');
}
