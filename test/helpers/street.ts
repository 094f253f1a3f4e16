/** A console of our own making, for what the real one never sends: a websocket to a service's Unix socket, frame by frame. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { WebSocket } from 'ws';
import { decodeFrame, encodeFrame, limits, protocolVersion, subprotocol } from '../../packages/agent/dist/protocol/index.js';
import type { ClientHello, ServerHello, Transcript } from '../../packages/agent/dist/protocol/index.js';
import { transcriptOf } from './fake-host.ts';

export interface Frame {
  t: string;
  error?: { code: string; message: string };
  [field: string]: unknown;
}

export interface Street {
  send(data: Uint8Array | string): void;
  /** The next frame, or null where the line was cut and there is none. */
  next(): Promise<Frame | null>;
  closed: Promise<unknown>;
  /** Reads nothing from now on. */
  pause(): void;
  close(): void;
}

export async function street(socketPath: string): Promise<Street> {
  const socket = new WebSocket('ws://keyhole/', subprotocol, { createConnection: () => connect(socketPath) });
  const frames: Buffer[] = [];
  let isClosed = false;
  let wake = (): void => undefined;
  socket.on('message', (data: Buffer) => {
    frames.push(data);
    wake();
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    isClosed = true;
    wake();
  });
  const closed = once(socket, 'close');
  await once(socket, 'open');
  const next = async (): Promise<Frame | null> => {
    const data = frames.shift();
    if (data !== undefined) return decodeFrame(data, limits.maxFrameBytes) as Frame;
    if (isClosed) return null;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
    return next();
  };
  return { send: (data) => socket.send(data), next, closed, pause: () => socket.pause(), close: () => socket.close() };
}

/** Says hello; `transcript` is what both sides sign. */
export async function greeted(socketPath: string): Promise<{ at: Street; hello: ServerHello; transcript: Transcript }> {
  const at = await street(socketPath);
  const asked: ClientHello = { t: 'hello', versions: [protocolVersion], clientNonce: new Uint8Array(randomBytes(32)) };
  at.send(encodeFrame(asked));
  const hello = (await at.next()) as unknown as ServerHello;
  return { at, hello, transcript: transcriptOf(`unix:${socketPath}`, asked, hello) };
}
