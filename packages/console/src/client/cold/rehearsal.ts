/**
 * The questions of inspector.ts, once, to ourselves. What V8 has to read and compile for them is then done before another process's inspector is open, which shortens the time that it is open.
 * It touches nothing but a port of this console's own, which answers nothing of worth and is gone at once.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { debuggerUrl, evaluateThere } from './inspector.ts';
import { holdsSocket, listeningSockets } from './listening.ts';
import { WebSocketServer } from 'ws';

const limitMs = 1_000;

export async function rehearse(): Promise<void> {
  const server = createServer((_, response) => {
    response.end(JSON.stringify([{ webSocketDebuggerUrl: `ws://127.0.0.1:${portOf(server)}/` }]));
  });
  const sockets = new WebSocketServer({ server, perMessageDeflate: false });
  sockets.on('connection', (socket) => socket.on('message', () => socket.terminate()));
  // Whatever goes wrong with a rehearsal only costs time later.
  sockets.on('error', () => undefined);
  try {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const own = listeningSockets().find(({ inode, port }) => port === portOf(server) && holdsSocket(process.pid, inode));
    if (own !== undefined) await evaluateThere(await debuggerUrl(own, limitMs), '0', limitMs);
  } catch {
    // As above.
  } finally {
    sockets.close();
    server.close();
  }
}

function portOf(server: ReturnType<typeof createServer>): number {
  return (server.address() as AddressInfo).port;
}
