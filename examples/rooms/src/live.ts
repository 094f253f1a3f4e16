/** The websocket side: `/rooms/NAME/live?bidder=WHO` joins a room. */
import type { Server } from 'node:http';
import { WebSocketServer } from 'ws';
import { Connection } from './connection.ts';
import type { House } from './house.ts';

const maxMessageBytes = 1_024;
const livePath = /^\/rooms\/([^/]+)\/live$/;

/** Makes `server` take websockets; the returned function says goodbye to every client. */
export function attachLive(server: Server, house: House): () => void {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: maxMessageBytes, perMessageDeflate: false });

  server.on('upgrade', (request, stream, head) => {
    const url = new URL(request.url ?? '/', 'http://rooms');
    const room = house.room(livePath.exec(url.pathname)?.[1] ?? '');
    if (room === undefined) {
      stream.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, stream, head, (socket) => {
      new Connection(socket, room, url.searchParams.get('bidder') ?? 'somebody');
    });
  });

  return function closeAll() {
    for (const socket of sockets.clients) socket.close(1001, 'the house closes');
  };
}
