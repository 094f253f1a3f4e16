/** Stand-in for the door's codec until it is merged: MessagePack with a byte bound. */
import { decode, encode } from '@msgpack/msgpack';
import { KeyholeError } from './errors.ts';

export function encodeFrame(frame: object): Uint8Array {
  return encode(frame, { ignoreUndefined: true });
}

export function decodeFrame(bytes: Uint8Array, maxBytes: number): unknown {
  if (bytes.length > maxBytes) throw new KeyholeError('BAD_FRAME', `a frame of ${bytes.length} bytes`);
  try {
    return decode(bytes);
  } catch (error) {
    throw new KeyholeError('BAD_FRAME', `a frame that is not MessagePack: ${String(error)}`);
  }
}
