/** A websocket over a channel, as a stream of checked frames. Knows nothing of requests. */
import type { Socket } from 'node:net';
import { encodeFrame, KeyholeError, limits, subprotocol, type ClientFrame, type ServerFrame } from '@keyhole/agent/protocol';
import type { Channel } from './channel.ts';
import { readServerFrame } from './server-frames.ts';
import { WebSocket } from 'ws';

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

/** Close code "try again later": the agent has many strangers at its door. */
const crowded = 1013;

/** @throws {KeyholeError} UNREACHABLE; BUSY where trying again may help */
export async function openSocket({ stream, authority }: Channel, label: string): Promise<FrameSocket> {
  const socket = new WebSocket('ws://agent/', subprotocol, {
    // A bare stream, at the end of an ssh, will do as well.
    createConnection: () => stream as Socket,
    headers: { Host: authority },
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
    const timer = setTimeout(() => {
      reason ??= new KeyholeError('UNREACHABLE', `${label} can not be reached: no websocket was opened in time`, 'keyhole ps lists what runs');
      socket.terminate();
    }, openTimeoutMs);
    socket.on('open', () => {
      clearTimeout(timer);
      resolve();
    });
    socket.on('unexpected-response', (_, response) => {
      reason ??= refused(label, authority, response.statusCode ?? 0);
      socket.terminate();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      reason ??= lost(label, error);
      reject(reason);
    });
    socket.on('close', (code) => {
      clearTimeout(timer);
      closed = true;
      reason ??= code === crowded ? tooMany(label) : lost(label, null);
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

function refused(label: string, authority: string, status: number): KeyholeError {
  if (status === 503) return tooMany(label);
  const hint =
    status === 403
      ? `It does not go by ${authority}: take the address that its option listen has, or add this one to listen.authorities`
      : 'Is it an agent of Keyhole, and of this version?';
  return new KeyholeError('UNREACHABLE', `${label} refused the connection (HTTP ${status})`, hint);
}

function tooMany(label: string): KeyholeError {
  return new KeyholeError('BUSY', `${label} has too many connections that have not proven a key yet`, 'Try again in a moment', { crowded: true });
}

/** Whether it is only others at the agent's door that keep us out. */
export function isCrowded(error: unknown): boolean {
  return error instanceof KeyholeError && error.details?.['crowded'] === true;
}

function lost(label: string, error: NodeJS.ErrnoException | null): KeyholeError {
  if (error?.code?.includes('CERTIFICATE_REQUIRED') === true) {
    return new KeyholeError('UNREACHABLE', `${label} wants a client certificate`, 'Give --client-cert FILE, with certificate and key in it');
  }
  const why = error === null ? '' : `: ${error.message}`;
  return new KeyholeError('UNREACHABLE', `the connection to ${label} was lost${why}`, 'Has the service ended? keyhole ps lists what runs');
}
