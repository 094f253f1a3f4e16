/**
 * The way in: connections on a Unix socket or a TCP port, of which exactly the right request becomes a websocket. Until a key is proven each of them is a stranger, with bounds on their
 * number, their time and their bytes; whose key it is, is not decided here.
 *
 *   raw connection -> reception (its turn?) -> [TLS] -> request (ours?) -> websocket -> serve
 */
import type { IncomingMessage } from 'node:http';
import { createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { WebSocket } from 'ws';
import { nodeClock } from '../platform/clock.ts';
import { required } from '../platform/later.ts';
import { exporterBytes, exporterLabel, limits, subprotocol } from '../protocol/index.ts';
import type { DoorLimits } from './door-limits.ts';
import type { TcpConfig } from './listen-options.ts';
import { Reception, type Visit } from './reception.ts';
import { listenOnPort, plainAddress } from './tcp-port.ts';
import { TlsEntrance } from './tls-entrance.ts';
import { listenOnSocket } from './unix-socket.ts';
import { judgeRequest } from './upgrade-request.ts';

const { createServer: createHttpServer } = required<typeof import('node:http')>('node:http');
const { WebSocketServer } = required<typeof import('ws')>('ws');

/** A websocket, and what both of its ends sign about where it came in. */
export interface Arrival {
  socket: WebSocket;
  /** `local` on a Unix socket, else the peer's address. */
  peer: string;
  binding: string;
  /** The TLS exporter, or null. */
  exporter: Uint8Array | null;
  /** To be told once: a key was proven, or an attempt has failed. */
  visit: Pick<Visit, 'proven' | 'failed'>;
}

export interface Listener {
  /** `unix:/path`, `ws://host:port` or `wss://host:port`. */
  address: string;
  close(): void;
}

export type ListenPlace = { kind: 'socket'; path: string } | TcpConfig;

/** An 8 MB message arrives in some 500 pieces over TLS. */
const maxBufferedChunks = 1_024;
/** Whoever was told to go is cut after this. */
const closeTimeoutMs = 2_000;
/** Besides those who are in or wait: some are just being sent away. */
const maxLeaving = 16;
/** Close code "try again later". */
const crowded = 1013;

const websocketOptions = {
  noServer: true,
  perMessageDeflate: false,
  maxFragments: limits.maxFragments,
  maxBufferedChunks,
  closeTimeout: closeTimeoutMs,
  handleProtocols: () => subprotocol,
};

/**
 * @param serve gets each websocket.
 * @param brokenTls hears of new certificates that can't be used.
 * @throws {Error} why it does not listen; then nothing does.
 */
export async function listen(
  config: ListenPlace,
  serve: (arrival: Arrival) => void,
  brokenTls: (message: string) => void,
  bounds: DoorLimits,
): Promise<Listener> {
  const front = createServer({ pauseOnConnect: true });
  front.maxConnections = bounds.maxSessions + bounds.maxUnauthenticatedConnections + bounds.maxWaitingConnections + maxLeaving;
  // Read before anything listens.
  const tls = config.kind === 'tcp' && config.tls !== null ? new TlsEntrance(config.tls, brokenTls, bounds.requestTimeoutMs) : null;
  const place = config.kind === 'tcp' ? await listenOnPort(front, config) : await listenOnSocket(front, config.path);
  front.on('error', () => undefined);
  const reception = new Reception(bounds, nodeClock);
  const leaving = new Leaving();
  const sockets = new WebSocketServer({ ...websocketOptions, maxPayload: bounds.maxFrameBytes });
  const requests = createHttpServer({ maxHeaderSize: bounds.maxHeaderBytes }, (_, response) => {
    response.writeHead(400, { connection: 'close' }).end();
  });
  /** By the stream that requests come in on: the connection itself, or TLS on it. */
  const strangers = new WeakMap<Duplex, Stranger>();

  front.on('connection', (raw) => {
    raw.on('error', () => raw.destroy());
    const peer = config.kind === 'socket' ? 'local' : plainAddress(raw.remoteAddress);
    // It was gone before we looked. Nobody without an address is let in by one.
    if (peer === '') {
      raw.destroy();
      return;
    }
    const stranger = new Stranger(raw, peer, bounds);
    const enter = (): void => {
      stranger.startClock();
      const serveStream = (stream: Duplex): void => {
        strangers.set(stream, stranger);
        requests.emit('connection', stream);
      };
      if (tls === null) serveStream(raw);
      else tls.secure(raw, serveStream);
      raw.resume();
    };
    const visit = reception.arrive({ source: peer, enter, cut: () => stranger.cut() });
    if (visit === null) {
      leaving.add(raw, tls === null);
      return;
    }
    stranger.visit = visit;
    raw.on('close', () => stranger.left());
  });

  requests.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    stream.on('error', () => stream.destroy());
    const stranger = strangers.get(stream);
    const judged = judgeRequest(request, place.authorities(request.socket));
    if (stranger === undefined || 'status' in judged) {
      stream.end(`HTTP/1.1 ${'status' in judged ? judged.status : '400 Bad Request'}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, stream, head, (socket) => {
      const { peer } = stranger;
      const exporter =
        stream instanceof TLSSocket ? new Uint8Array(stream.exportKeyingMaterial(exporterBytes, exporterLabel, Buffer.alloc(0))) : null;
      const visit = stranger.becomes(socket, stream, head.length);
      serve({ socket, peer, binding: place.binding(judged.authority), exporter, visit });
    });
  });

  return {
    address: place.address,
    close: () => {
      for (const socket of sockets.clients) socket.close(1001);
      front.close();
      reception.close();
      tls?.close();
      place.remove();
    },
  };
}

/** A connection on which no key was proven yet. */
class Stranger {
  readonly peer: string;
  visit: Visit | null = null;
  readonly #raw: Socket;
  readonly #bounds: DoorLimits;
  #socket: WebSocket | null = null;
  #stopClock: () => void = () => undefined;

  constructor(raw: Socket, peer: string, bounds: DoorLimits) {
    this.#raw = raw;
    this.#bounds = bounds;
    this.peer = peer;
  }

  /** The request has to be there in time; after that the handshake has a time of its own. */
  startClock(): void {
    this.#stopClock = nodeClock.after(this.#bounds.requestTimeoutMs, () => this.#raw.destroy());
  }

  /** From now on its bytes are counted. */
  becomes(socket: WebSocket, stream: Duplex, headBytes: number): Pick<Visit, 'proven' | 'failed'> {
    this.#stopClock();
    this.#socket = socket;
    let receivedBytes = headBytes;
    const count = (chunk: Buffer): void => {
      receivedBytes += chunk.length;
      if (receivedBytes > this.#bounds.maxUnauthenticatedBytes) socket.terminate();
    };
    stream.on('data', count);
    return {
      proven: () => {
        stream.off('data', count);
        this.visit?.proven();
      },
      failed: () => this.visit?.failed(),
    };
  }

  cut(): void {
    this.#socket?.close(crowded);
    this.#raw.destroySoon();
  }

  left(): void {
    this.#stopClock();
    this.visit?.left();
  }
}

/** Connections that were sent away. They get a moment to read why; where there are too many, the first of them is cut, so that they keep out nobody else. */
class Leaving {
  readonly #sockets = new Set<Socket>();

  add(raw: Socket, isPlain: boolean): void {
    if (!isPlain) {
      raw.destroy();
      return;
    }
    const [oldest] = this.#sockets;
    if (oldest !== undefined && this.#sockets.size >= maxLeaving) {
      this.#sockets.delete(oldest);
      oldest.destroy();
    }
    this.#sockets.add(raw);
    const stop = nodeClock.after(closeTimeoutMs, () => raw.destroy());
    raw.on('close', () => {
      stop();
      this.#sockets.delete(raw);
    });
    // What it has sent is read and thrown away: a connection that is closed over unread bytes loses what it was told.
    raw.resume();
    raw.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n');
  }
}
