import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { House } from '../dist/house.js';
import { makeHttpHandler } from '../dist/http.js';
import { attachLive } from '../dist/live.js';

async function startHouse(t) {
  const house = new House({ lotMs: 600_000, restMs: 1 });
  house.openRoom('lobby');
  const server = createServer(makeHttpHandler(house));
  const sayGoodbye = attachLive(server, house);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    sayGoodbye();
    house.close();
    server.close();
    server.closeAllConnections();
  });
  return { house, port: server.address().port };
}

async function post(url, body) {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}

test('rooms are created once and listed', async (t) => {
  const { port } = await startHouse(t);
  const rooms = `http://127.0.0.1:${port}/rooms`;
  assert.equal((await post(rooms, { name: 'vault' })).status, 201);
  assert.equal((await post(rooms, { name: 'vault' })).status, 409);
  assert.equal((await post(rooms, { name: '../etc' })).status, 400);
  assert.equal((await post(rooms, { name: 'x'.repeat(5_000) })).status, 413);
  const listed = await (await fetch(rooms)).json();
  assert.deepEqual(
    listed.map((room) => room.name),
    ['lobby', 'vault'],
  );
});

test('a bid by HTTP reaches the websocket clients, numbered without a gap', async (t) => {
  const { port } = await startHouse(t);
  const socket = new WebSocket(`ws://127.0.0.1:${port}/rooms/lobby/live?bidder=bob`);
  const seen = [];
  const full = new Promise((resolve) => {
    socket.on('message', (data) => {
      seen.push(JSON.parse(String(data)));
      if (seen.length === 3) resolve();
    });
  });
  await once(socket, 'message');
  const answer = await post(`http://127.0.0.1:${port}/rooms/lobby/bids`, { bidder: 'ann', amount: 80 });
  assert.deepEqual(answer, { status: 200, body: { accepted: true, price: 80, minimum: 85 } });
  socket.send(JSON.stringify({ type: 'bid', amount: 81 }));
  await full;
  assert.deepEqual(
    seen.map((event) => [event.seq, event.type]),
    [
      [1, 'room'],
      [2, 'bid'],
      [3, 'refused'],
    ],
  );
  socket.close();
  await once(socket, 'close');
});

test('nobody can join a room that does not exist', async (t) => {
  const { port } = await startHouse(t);
  const socket = new WebSocket(`ws://127.0.0.1:${port}/rooms/nowhere/live`);
  const [error] = await once(socket, 'error');
  assert.match(error.message, /404/);
});
