/** The service: opens the house, listens, and lets Keyhole's agent see the rooms. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startAgent } from '@keyhole/agent';
import { House } from './house.ts';
import { makeHttpHandler } from './http.ts';
import { attachLive } from './live.ts';

const port = Number(process.env['PORT'] ?? 8080);
const lotMs = Number(process.env['LOT_SECONDS'] ?? 20) * 1_000;
const names = (process.env['ROOMS'] ?? 'lobby,gallery,cellar,attic').split(',');

const agent = await startAgent({ service: 'rooms' });
const house = new House({
  lotMs,
  restMs: 500,
  onRoom: (room) => {
    agent.actors.register(`room/${room.name}`, room, { type: 'Room', state: (r) => r.snapshot(), mailbox: (r) => r.queueLength });
  },
});
for (const name of names) house.openRoom(name);

const server = createServer(makeHttpHandler(house));
const sayGoodbye = attachLive(server, house);
server.listen(port, '127.0.0.1', () => {
  console.log(JSON.stringify({ listening: (server.address() as AddressInfo).port }));
});

function stop(): void {
  sayGoodbye();
  house.close();
  server.close();
  server.closeIdleConnections();
  void agent.close();
}
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
