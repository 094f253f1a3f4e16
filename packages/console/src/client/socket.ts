/** A websocket over a Unix socket, as a stream of checked frames. Knows nothing of requests. */
import { connect } from 'node:net';
import { encodeFrame, KeyholeError, limits, subprotocol, type ClientFrame, type ServerFrame } from '@keyhole/agent/protocol';
import { WebSocket } from 'ws';
import { readServerFrame } from './server-frames.ts';

const openTimeoutMs = 5_000;
/** An agent that hangs must not keep a finished command waiting. */
const closeTimeoutMs = 1_000;

export interface FrameSocket {
  send(frame: ClientFrame): void;
  /** Called for each frame, in order. Frames that came before it was set are kept for it. */
  onFrame(listener: (frame: ServerFrame) => void): void;
  /** Called once, when nothing more will come. */
  onClose(listener: (reason: KeyholeError) => void): void;
  close(): void;
}

/** @throws {KeyholeError} UNREACHABLE */
export async function openSocket(socketPath: string, label: string): Promise<FrameSocket> {
  const socket = new WebSocket('ws://keyhole/', subprotocol, {
    createConnection: () => connect(socketPath),
    handshakeTimeout: openTimeoutMs,
    maxPayload: limits.maxFrameBytes,
    perMessageDeflate: false,
    followRedirects: false,
  });
  socket.binaryType = 'nodebuffer';

  const early: ServerFrame[] = [];
  let deliver = (frame: ServerFrame): void => void early.push(frame);
  let reason: KeyholeError | null = null;
  let closed = false;
  const closeListeners: ((reason: KeyholeError) => void)[] = [];

  socket.on('message', (data: Buffer, isBinary) => {
    if (reason !== null) return;
    try {
      if (!isBinary) throw new KeyholeError('BAD_FRAME', 'the agent sent text where the protocol has only binary frames');
      deliver(readServerFrame(data, limits.maxFrameBytes));
    } catch (error) {
      reason = KeyholeError.from(error);
      socket.terminate();
    }
  });
  const opened = new Promise<void>((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      reason ??= new KeyholeError('UNREACHABLE', `${label} can not be reached: ${error.message}`, hintFor(error.code));
      reject(reason);
    });
    socket.on('close', () => {
      closed = true;
      reason ??= new KeyholeError('UNREACHABLE', `the connection to ${label} was lost`, 'Has the service ended? keyhole ps lists what runs');
      reject(reason);
      for (const listener of closeListeners) listener(reason);
    });
  });
  await opened;

  return {
    send: (frame) => socket.send(encodeFrame(frame), () => undefined),
    onFrame: (listener) => {
      deliver = listener;
      for (const frame of early.splice(0)) listener(frame);
    },
    onClose: (listener) => {
      closeListeners.push(listener);
      if (closed && reason !== null) listener(reason);
    },
    close: () => {
      if (closed) return;
      socket.close();
      const timer = setTimeout(() => socket.terminate(), closeTimeoutMs);
      closeListeners.push(() => clearTimeout(timer));
    },
  };
}

function hintFor(code: string | undefined): string {
  if (code === 'EACCES') return 'The socket belongs to another user: run the console as the user of the service';
  if (code === 'ECONNREFUSED' || code === 'ENOENT') return 'The service has ended without taking its announcement away. keyhole ps lists what runs';
  return 'keyhole ps lists what runs';
}
