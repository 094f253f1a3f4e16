/** A peer that breaks the protocol: the console says so and ends the connection; it neither hangs nor believes it. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeFrame, encodeFrame, limits, protocolVersion, type ClientFrame, type ClientHello, type ServerHello } from '@keyhole/agent/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocketServer, type WebSocket } from 'ws';
import { connect } from '../../packages/console/dist/index.js';
import { runConsole } from '../helpers/console-process.ts';
import { FakeHost } from '../helpers/fake-host.ts';

let dir: string;
let identity: string;
let server: Server;
let socketPath: string;
/** What the peer does with each frame. */
let behave: (socket: WebSocket, frame: ClientFrame) => void;

const host = new FakeHost();
/** Proves nothing. */
const hello = {
  t: 'hello',
  version: protocolVersion,
  serverNonce: randomBytes(32),
  service: 'rooms',
  bootId: 'b',
  hostKey: host.publicKey,
  hostSignature: randomBytes(64),
};
const operator = { name: 'alice', fingerprint: 'f', capabilities: ['view'] };
const welcome = { t: 'welcome', session: 's', operator, service: 'rooms', pid: 1, node: 'v20' };
const send = (socket: WebSocket, frame: object): void => socket.send(encodeFrame(frame));
const proven = (frame: ClientHello): ServerHello => host.answer(frame, 'rooms', `unix:${realpathSync(socketPath)}`).hello;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'keyhole-hostile-'));
  identity = join(dir, 'key.pem');
  await runConsole(['keygen', identity], { env: { PATH: process.env['PATH'] } });
  socketPath = join(dir, 'agent.sock');
  server = createServer();
  const websockets = new WebSocketServer({ server });
  websockets.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => behave(socket, decodeFrame(data, limits.maxFrameBytes) as ClientFrame));
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(dir, { recursive: true, force: true });
});

const dial = () => connect({ target: socketPath, identity });

describe('in the handshake', () => {
  test.each([
    ['text', (socket: WebSocket) => socket.send('hello')],
    ['bytes that are no MessagePack', (socket: WebSocket) => socket.send(Buffer.from([0xc1]))],
    ['no map', (socket: WebSocket) => socket.send(Buffer.from([0x01]))],
    ['an unknown kind', (socket: WebSocket) => send(socket, { t: 'nope' })],
    ['a short nonce', (socket: WebSocket) => send(socket, { ...hello, serverNonce: randomBytes(31) })],
    ['a welcome before the proof', (socket: WebSocket) => send(socket, welcome)],
    ['another version', (socket: WebSocket) => send(socket, { ...hello, version: protocolVersion + 1 })],
    ['an error without a message', (socket: WebSocket) => send(socket, { t: 'error', error: { code: 'NOT_ALLOWED' } })],
  ])('%s is refused', async (_, act) => {
    // Whoever goes on in spite of it is let in, so that the refusal can only be the console's own.
    behave = (socket, frame) => (frame.t === 'auth' ? send(socket, welcome) : act(socket));
    await expect(dial()).rejects.toMatchObject({ code: 'BAD_FRAME' });
  });

  test('a line that is cut is UNREACHABLE, and so is a plain file of that name', async () => {
    behave = (socket) => socket.terminate();
    await expect(dial()).rejects.toMatchObject({ code: 'UNREACHABLE' });
    await expect(connect({ target: identity, identity })).rejects.toMatchObject({ code: 'NO_TARGET' });
  });
});

describe('in the session', () => {
  const afterWelcome = (act: (socket: WebSocket, id: number) => void): void => {
    behave = (socket, frame) => {
      if (frame.t === 'hello') send(socket, proven(frame));
      else if (frame.t === 'auth') send(socket, welcome);
      else act(socket, frame.id);
    };
  };

  test.each([
    ['an answer without ok', (socket: WebSocket, id: number) => send(socket, { t: 'res', id })],
    ['an answer without a result', (socket: WebSocket, id: number) => send(socket, { t: 'res', id, ok: true })],
    ['an id that is no number', (socket: WebSocket) => send(socket, { t: 'res', id: '1', ok: true, result: {} })],
    ['a second hello', (socket: WebSocket) => send(socket, hello)],
  ])('%s fails the call', async (_, act) => {
    afterWelcome(act);
    const connection = await dial();
    await expect(connection.call('actors.list', {})).rejects.toMatchObject({ code: 'BAD_FRAME' });
    connection.close();
  });

  test('an unknown code is INTERNAL, an answer to nobody is ignored, events reach their call', async () => {
    afterWelcome((socket, id) => {
      send(socket, { t: 'res', id: 999, ok: true, result: {} });
      send(socket, { t: 'ev', id, event: 'progress', data: 1 });
      send(socket, { t: 'res', id, ok: false, error: { code: 'toString', message: 'x' } });
    });
    const connection = await dial();
    const events: unknown[] = [];
    await expect(connection.call('info', {}, { onEvent: (event, data) => events.push([event, data]) })).rejects.toMatchObject({
      code: 'INTERNAL',
      message: 'x',
    });
    expect(events).toEqual([['progress', 1]]);
    connection.close();
  });

  test('silence is TIMEOUT, and an evaluation that is given up is interrupted', async () => {
    const seen: unknown[] = [];
    behave = (socket, frame) => {
      if (frame.t === 'hello') send(socket, proven(frame));
      else if (frame.t === 'auth') send(socket, welcome);
      else seen.push([frame.op, frame.params['request']]);
    };
    const connection = await dial();
    await expect(connection.call('patch.list', {}, { timeoutMs: 20 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    await expect(connection.call('patch.revert', { ids: [], reason: 'r' }, { timeoutMs: 20 })).rejects.toMatchObject({
      hint: expect.stringContaining('keyhole log') as unknown,
    });
    await expect(connection.call('evaluate', { expression: '1' }, { timeoutMs: 20 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    await expect.poll(() => seen.at(-1)).toEqual(['interrupt', 3]);
    connection.close();
  });

  test('when the line is lost every pending call fails, and later ones too', async () => {
    let asked = 0;
    afterWelcome((socket) => {
      asked += 1;
      if (asked === 3) socket.terminate();
    });
    const connection = await dial();
    const lost: string[] = [];
    connection.onLost((reason) => lost.push(reason.code));
    const calls = await Promise.allSettled([1, 2, 3].map(() => connection.call('info', {})));
    expect(calls.map((call) => call.status === 'rejected' && (call.reason as { code: string }).code)).toEqual([
      'UNREACHABLE',
      'UNREACHABLE',
      'UNREACHABLE',
    ]);
    await expect(connection.call('info', {})).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect(lost).toEqual(['UNREACHABLE']);
  });
});
