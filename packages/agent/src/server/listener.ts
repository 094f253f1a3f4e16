/**
 * The way in: an HTTP server on a Unix socket that does nothing but turn the one right request into a websocket. Browsers are kept out: they send an Origin, and
 * a page can not name our Host.
 */
import { chmodSync, realpathSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { limits, subprotocol } from '../protocol/index.ts';

/** The one Host that a request may name. */
const host = 'keyhole';
/** What the operating system takes for a socket's path (108 with its end on Linux, 104 on macOS). */
const maxSocketPathBytes = 103;
const maxHeaderBytes = 8_192;
/** A message in more pieces than this is no message of ours (a flood of tiny fragments held 68 MB without these bounds). */
const maxFragments = 16;
const maxBufferedChunks = 1_024;

export interface Listener {
  /** The socket's real path. */
  path: string;
  close(): void;
}

/** @param serve gets each websocket, and a function to call when it has proven a key. */
export async function listen(socketPath: string, serve: (socket: WebSocket, authenticated: () => void) => void): Promise<Listener> {
  if (Buffer.byteLength(socketPath) > maxSocketPathBytes) {
    throw new Error(`the socket's path ${socketPath} has more than ${maxSocketPathBytes} bytes; set XDG_RUNTIME_DIR to a shorter folder`);
  }
  await removeStale(socketPath);
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: limits.maxFrameBytes,
    maxFragments,
    maxBufferedChunks,
    handleProtocols: () => subprotocol,
  });
  let strangers = 0;
  const server = createServer({ maxHeaderSize: maxHeaderBytes, requestTimeout: 3_000, headersTimeout: 3_000 }, (_, response) => {
    response.writeHead(400, { connection: 'close' }).end();
  });
  server.maxConnections = limits.maxSessions + limits.maxUnauthenticatedConnections;
  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    stream.on('error', () => stream.destroy());
    const status = refusal(request, strangers);
    if (status !== null) {
      stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, stream, head, (socket) => {
      let counted = true;
      strangers += 1;
      const known = (): void => {
        if (counted) strangers -= 1;
        counted = false;
      };
      socket.on('close', known);
      serve(socket, known);
    });
  });
  await open(server, socketPath);
  chmodSync(socketPath, 0o600);
  return {
    path: realpathSync(socketPath),
    close: () => {
      for (const socket of sockets.clients) socket.close(1001);
      server.close();
      rmSync(socketPath, { force: true });
    },
  };
}

/** The status line of a refusal, or null. Says nothing about what is behind. */
export function refusal(
  { method, url, headers, rawHeaders }: Pick<IncomingMessage, 'method' | 'url' | 'headers' | 'rawHeaders'>,
  strangers: number,
): string | null {
  if (method !== 'GET' || url !== '/') return '404 Not Found';
  if (headers.origin !== undefined || Object.keys(headers).some((name) => name.startsWith('sec-fetch-'))) return '403 Forbidden';
  // Node joins or drops repeated headers: what counts is what was sent.
  const hosts = rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === 'host');
  if (hosts.length !== 1 || hosts[0] !== host) return '403 Forbidden';
  if (headers['sec-websocket-protocol'] !== subprotocol) return '400 Bad Request';
  return strangers >= limits.maxUnauthenticatedConnections ? '503 Service Unavailable' : null;
}

function open(server: Server, socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, () => {
      server.off('error', reject);
      server.on('error', () => undefined);
      resolve();
    });
  });
}

/** A socket that nobody answers on is left over from a process that died. */
async function removeStale(socketPath: string): Promise<void> {
  const answered = await new Promise<boolean>((resolve) => {
    const probe = connect(socketPath);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
  if (answered) throw new Error(`somebody listens on ${socketPath} already`);
  rmSync(socketPath, { force: true });
}
