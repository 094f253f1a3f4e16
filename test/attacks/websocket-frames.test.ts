/**
 * The framing, closing and UTF-8 rules of RFC 6455, as the Autobahn suite groups them (families 1 to 7), against our listener over a raw socket. What comes in whole is sent back, so that a case can tell
 * "taken" from "cut". Compression (families 12 and 13) is not offered.
 */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { limits, subprotocol } from '../../packages/agent/dist/protocol/index.js';
import { resolveLimits } from '../../packages/agent/dist/server/door-limits.js';
import { listen, type Listener } from '../../packages/agent/dist/server/listener.js';
import { newFolder } from '../helpers/service.ts';

const text = 1;
const binary = 2;
const close = 8;
const ping = 9;
const pong = 10;
const more = { fin: false };

let listener: Listener;
const socketPath = path.join(newFolder(), 'a.sock');
beforeAll(async () => {
  listener = await listen(
    { kind: 'socket', path: socketPath },
    ({ socket, visit }) => {
      visit.proven();
      socket.on('error', () => undefined);
      socket.on('message', (data: Buffer, isBinary: boolean) => socket.send(data, { binary: isBinary }));
    },
    () => undefined,
    resolveLimits({ maxSessions: 64, maxUnauthenticatedConnections: 64 }),
  );
});
afterAll(() => listener.close());

interface FrameOptions {
  fin?: boolean;
  /** The three reserved bits, as a number. */
  reserved?: number;
  masked?: boolean;
}

/** One frame as a client sends it, or as it must not. */
function frame(opcode: number, payload: Buffer | string = '', { fin = true, reserved = 0, masked = true }: FrameOptions = {}): Buffer {
  const bytes = Buffer.from(payload);
  const size = bytes.length < 126 ? [bytes.length] : bytes.length < 65_536 ? [126, bytes.length >> 8, bytes.length & 255] : [127, 0, 0, 0, 0];
  const head = Buffer.from([(fin ? 128 : 0) | (reserved << 4) | opcode, (masked ? 128 : 0) | (size[0] ?? 0), ...size.slice(1)]);
  const large = Buffer.alloc(bytes.length < 65_536 ? 0 : 4);
  if (large.length > 0) large.writeUInt32BE(bytes.length);
  if (!masked) return Buffer.concat([head, large, bytes]);
  const mask = randomBytes(4);
  return Buffer.concat([head, large, mask, Buffer.from(bytes.map((byte, index) => byte ^ (mask[index % 4] ?? 0)))]);
}

const closing = (code: number, reason: Buffer | string = ''): Buffer =>
  frame(close, Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]));

/** What the server sends, frame by frame: `pong abc`, `text abc`, `close 1002`; `cut` at the end. */
async function said(pieces: Buffer[], { byOctet = false } = {}): Promise<string[]> {
  const socket = connect(socketPath);
  socket.on('error', () => undefined);
  const key = randomBytes(16).toString('base64');
  const request = ['GET / HTTP/1.1', 'Host: keyhole', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
  socket.write([...request, `Sec-WebSocket-Key: ${key}`, `Sec-WebSocket-Protocol: ${subprotocol}`, '', ''].join('\r\n'));
  let received = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => (received = Buffer.concat([received, chunk])));
  while (!received.includes('\r\n\r\n')) await once(socket, 'data');
  const head = received.subarray(0, received.indexOf('\r\n\r\n')).toString('latin1');
  expect(head).toContain('101 Switching Protocols');
  expect(head).toContain(createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64'));
  const ended = new Promise<void>((resolve) => void socket.once('close', resolve));
  send(socket, Buffer.concat(pieces), byOctet);
  // A ping at the end, which a server that has gone on answers.
  if (!pieces.some((piece) => (piece[0] ?? 0) % 16 === close)) send(socket, Buffer.concat([frame(ping, 'end'), closing(1000)]), byOctet);
  await ended;
  return framesOf(received.subarray(head.length + 4));
}

function send(socket: Socket, bytes: Buffer, byOctet: boolean): void {
  if (!byOctet) socket.write(bytes);
  else for (const byte of bytes) socket.write(Buffer.from([byte]));
}

function framesOf(bytes: Buffer): string[] {
  const names: Record<number, string> = { [text]: 'text', [binary]: 'binary', [close]: 'close', [ping]: 'ping', [pong]: 'pong' };
  const found: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const short = (bytes[at + 1] ?? 0) & 127;
    const headBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
    const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
    const payload = bytes.subarray(at + headBytes, at + headBytes + length);
    const opcode = (bytes[at] ?? 0) & 15;
    const shown =
      opcode === close ? (length === 0 ? '' : String(payload.readUInt16BE(0))) : length > 200 ? `${length} bytes` : payload.toString('utf8');
    found.push(`${names[opcode] ?? opcode} ${shown}`.trim());
    at += headBytes + length;
  }
  return found;
}

const goesOn = ['pong end', 'close 1000'];

describe('1: sizes', () => {
  test.each([0, 1, 125, 126, 127, 128, 65_535, 65_536, 70_000])('a message of %i bytes comes back', async (size) => {
    const back = size === 0 ? 'binary' : size > 200 ? `binary ${size} bytes` : `binary ${'x'.repeat(size)}`;
    expect(await said([frame(binary, 'x'.repeat(size))])).toEqual([back, ...goesOn]);
    if (size < 200) expect(await said([frame(binary, 'x'.repeat(size))], { byOctet: true })).toEqual([back, ...goesOn]);
  });

  test('a length that no message has is refused before anything of it is kept', async () => {
    const claimed = Buffer.concat([Buffer.from([128 | binary, 128 | 127]), Buffer.from('7fffffffffffffff', 'hex'), randomBytes(4)]);
    expect(await said([claimed])).toEqual(['close 1009']);
    const larger = Buffer.alloc(14);
    larger[0] = 128 | binary;
    larger[1] = 128 | 127;
    larger.writeBigUInt64BE(BigInt(limits.maxFrameBytes + 1), 2);
    expect(await said([larger])).toEqual(['close 1009']);
  });
});

describe('2: pings', () => {
  test.each([0, 1, 125])('of %i bytes is answered with the same', async (size) => {
    const answer = `pong ${'p'.repeat(size)}`.trim();
    expect(await said([frame(ping, 'p'.repeat(size))])).toEqual([answer, ...goesOn]);
    expect(await said([frame(ping, 'p'.repeat(size))], { byOctet: true })).toEqual([answer, ...goesOn]);
  });
  test('one of 126 bytes ends the connection', async () => expect(await said([frame(ping, 'p'.repeat(126))])).toEqual(['close 1002']));
  test('a pong that nobody asked for is nothing', async () => expect(await said([frame(pong, 'unasked')])).toEqual(goesOn));
  test('ten are answered in their order', async () => {
    const ten = Array.from({ length: 10 }, (_, index) => `p${index}`);
    expect(await said(ten.map((each) => frame(ping, each)))).toEqual([...ten.map((each) => `pong ${each}`), ...goesOn]);
  });
});

describe('3 and 4: what is reserved, and masks', () => {
  test.each([1, 2, 3, 4, 5, 6, 7])('reserved bits %i', async (reserved) => {
    for (const opcode of [text, binary, ping, close]) expect(await said([frame(opcode, '', { reserved })])).toEqual(['close 1002']);
  });
  test.each([3, 4, 5, 6, 7, 11, 12, 13, 14, 15])('opcode %i', async (opcode) => {
    for (const payload of ['', 'payload']) expect(await said([frame(opcode, payload)])).toEqual(['close 1002']);
  });
  test.each([text, binary, ping, pong])('opcode %i without a mask', async (opcode) => {
    expect(await said([frame(opcode, 'plain', { masked: false })])).toEqual(['close 1002']);
  });
});

describe('5: pieces', () => {
  const taken: [string, Buffer[], string[]][] = [
    ['two of a text', [frame(text, 'one ', more), frame(0, 'two')], ['text one two']],
    ['an empty one first', [frame(binary, '', more), frame(0, 'x')], ['binary x']],
    ['empty ones only', [frame(binary, '', more), frame(0, '', more), frame(0, '')], ['binary']],
    ['a ping between them', [frame(text, 'a', more), frame(ping, 'now'), frame(0, 'b')], ['pong now', 'text ab']],
    [
      `${limits.maxFragments}, the most`,
      [frame(text, 'a', more), ...Array.from({ length: limits.maxFragments - 2 }, () => frame(0, 'a', more)), frame(0, 'a')],
      [`text ${'a'.repeat(limits.maxFragments)}`],
    ],
  ];
  test.each(taken)('%s', async (_, pieces, answer) => {
    expect(await said(pieces)).toEqual([...answer, ...goesOn]);
    expect(await said(pieces, { byOctet: true })).toEqual([...answer, ...goesOn]);
  });
  const refused: [string, Buffer[]][] = [
    ['of a ping', [frame(ping, 'a', more), frame(0, 'b')]],
    ['of a pong', [frame(pong, 'a', more), frame(0, 'b')]],
    ['of a close', [frame(close, '', more)]],
    ['a last one without a first', [frame(0, 'a')]],
    ['one between without a first', [frame(0, 'a', more)]],
    ['one after the last', [frame(text, 'a', more), frame(0, 'b'), frame(0, 'c')]],
    ['a message within a message', [frame(text, 'a', more), frame(text, 'b')]],
    ['another kind of message within', [frame(text, 'a', more), frame(binary, 'b', more), frame(0, 'c')]],
  ];
  test.each(refused)('%s', async (_, pieces) => expect((await said(pieces)).at(-1)).toBe('close 1002'));
  test('one more than the most', async () => {
    const pieces = [frame(text, 'a', more), ...Array.from({ length: limits.maxFragments }, () => frame(0, 'a', more))];
    expect((await said(pieces)).at(-1)).toBe('close 1008');
  });
});

describe('6: UTF-8', () => {
  test.each(['κόσμε', 'Hällo', '\u{10ffff}', '\ud7ff', '\ue000', '\ufffd', '\u0000', '𐍈'])('%j comes back', async (words) => {
    expect(await said([frame(text, words)])).toEqual([`text ${words}`.trim(), ...goesOn]);
    const bytes = Buffer.from(words);
    // Cut within a character.
    expect(await said([frame(text, bytes.subarray(0, 1), more), frame(0, bytes.subarray(1))])).toEqual([`text ${words}`.trim(), ...goesOn]);
  });
  const wrong = [
    '80',
    'bf',
    'c0af',
    'c1bf',
    'e0809f',
    'eda080',
    'edbfbf',
    'f08080af',
    'f4908080',
    'f8888080',
    'fc84808080',
    'fe',
    'ff',
    'c3',
    'e282',
    'f09f98',
  ];
  wrong.push('cebae1bdb9cf83cebcceb5eda080656469746564');
  test.each(wrong)('%s is no text', async (hex) => {
    const bytes = Buffer.from(hex, 'hex');
    expect(await said([frame(text, bytes)])).toEqual(['close 1007']);
    expect(await said([frame(text, 'fine ', more), frame(0, bytes)])).toEqual(['close 1007']);
    expect((await said([frame(binary, bytes)])).slice(1)).toEqual(goesOn);
  });
});

describe('7: closing', () => {
  test('what comes after a close is nothing', async () =>
    expect(await said([closing(1000), frame(ping, 'late'), frame(text, 'late')])).toEqual(['close 1000']));
  test('a close without a code', async () => expect(await said([frame(close)])).toEqual(['close']));
  test.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])('%i is answered', async (code) => {
    expect(await said([closing(code, 'why')])).toEqual([`close ${code}`]);
  });
  test.each([0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])('%i is no code', async (code) => {
    expect(await said([closing(code)])).toEqual(['close 1002']);
  });
  test('a code of one byte', async () => expect(await said([frame(close, 'x')])).toEqual(['close 1002']));
  test('a reason of 123 bytes, the most', async () => expect(await said([closing(1000, 'r'.repeat(123))])).toEqual(['close 1000']));
  test('a reason of 124 bytes', async () => expect(await said([closing(1000, 'r'.repeat(124))])).toEqual(['close 1002']));
  test('a reason that is no text', async () => expect(await said([closing(1000, Buffer.from('eda080', 'hex'))])).toEqual(['close 1007']));
});
