/** Checks of what an agent sends. An agent is not trusted more than any other peer: a frame of the wrong shape ends the connection. */
import { decodeFrame, KeyholeError, type ServerFrame, type WireError } from '@keyhole/agent/protocol';

type Fields = Record<string, unknown>;

/** @throws {KeyholeError} BAD_FRAME */
export function readServerFrame(bytes: Uint8Array, maxBytes: number): ServerFrame {
  const frame = decodeFrame(bytes, maxBytes);
  if (!isFields(frame)) throw badFrame('not a map');
  switch (frame['t']) {
    case 'hello':
      if (!isHello(frame)) throw badFrame('hello');
      break;
    case 'welcome':
      if (!isWelcome(frame)) throw badFrame('welcome');
      break;
    case 'error':
      if (!isWireError(frame['error'])) throw badFrame('error');
      break;
    case 'res':
      if (!isCount(frame['id'])) throw badFrame('res without an id');
      if (frame['ok'] !== true && !(frame['ok'] === false && isWireError(frame['error']))) throw badFrame('res');
      if (!isMissing(frame['journal']) && !isJournaled(frame['journal'])) throw badFrame('res with a journal');
      break;
    case 'ev':
      if (!isCount(frame['id']) || !isText(frame['event'])) throw badFrame('ev');
      break;
    default:
      throw badFrame('an unknown kind');
  }
  return frame as unknown as ServerFrame;
}

/** The error an agent sent. A code this console does not know is shown as INTERNAL, with its text. */
export function errorFromWire(wire: WireError): KeyholeError {
  const { code, message, hint, details } = KeyholeError.fromWire(wire);
  // MessagePack has a nil where JavaScript leaves a field out.
  return new KeyholeError(code, message, hint ?? undefined, details ?? undefined);
}

function badFrame(what: string): KeyholeError {
  return new KeyholeError(
    'BAD_FRAME',
    `the agent sent a frame that breaks the protocol (${what})`,
    'Is there an agent of another version behind it?',
  );
}

function isHello(frame: Fields): boolean {
  const texts = ['bootId', 'service', 'hostKey'].every((name) => isText(frame[name]));
  return isCount(frame['version']) && texts && isBytes(frame['serverNonce'], 32) && isBytes(frame['hostSignature'], 64);
}

function isWelcome(frame: Fields): boolean {
  const operator = frame['operator'];
  return (
    isText(frame['session']) &&
    isText(frame['service']) &&
    isCount(frame['pid']) &&
    isText(frame['node']) &&
    isFields(operator) &&
    isText(operator['name']) &&
    isText(operator['fingerprint']) &&
    Array.isArray(operator['capabilities']) &&
    operator['capabilities'].every(isText) &&
    (isMissing(frame['approvals']) || isCount(frame['approvals'])) &&
    (isMissing(frame['journal']) || (isJournaled(frame['journal']) && isText((frame['journal'] as Fields)['dir'])))
  );
}

function isJournaled(value: unknown): boolean {
  if (!isFields(value) || typeof value['writable'] !== 'boolean') return false;
  const head = value['head'];
  return isMissing(head) || (isFields(head) && isCount(head['seq']) && isText(head['hash']) && /^[0-9a-f]{64}$/.test(head['hash']));
}

function isWireError(value: unknown): boolean {
  return (
    isFields(value) &&
    isText(value['code']) &&
    isText(value['message']) &&
    (value['hint'] === undefined || value['hint'] === null || isText(value['hint'])) &&
    (value['details'] === undefined || value['details'] === null || isFields(value['details']))
  );
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}
const isMissing = (value: unknown): boolean => value === undefined || value === null;
const isText = (value: unknown): value is string => typeof value === 'string';
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isBytes = (value: unknown, length: number): boolean => value instanceof Uint8Array && value.length === length;
