/** Every command on a service built on Socket.IO, with a real client. */
import { io } from 'socket.io-client';
import { everyCommand, modules, orders, ordersSubject } from '../helpers/every-command.ts';
import { answering } from '../helpers/service.ts';

const main = `
import { createServer } from 'node:http';
import { Server } from '${modules}/socket.io/wrapper.mjs';
import { place, spin } from './orders.js';
const server = createServer();
const io = new Server(server);
io.on('connection', (socket) => {
  socket.data.orders = 0;
  socket.join('shop');
  socket.on('order', (id, reply) => reply(place(id)));
  socket.on('hang', () => spin());
});
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const answer = (line) => (line === 'socket' ? [...io.sockets.sockets.keys()][0] : server.address().port);
${answering}`;

everyCommand({
  ...ordersSubject,
  files: { 'orders.js': orders, 'main.js': main },
  async drive(service) {
    const client = io(`http://127.0.0.1:${await service.ask('port')}`, { transports: ['websocket'] });
    await new Promise<void>((resolve) => client.once('connect', () => resolve()));
    return {
      call: () => client.emitWithAck('order', 7) as Promise<string>,
      hang: () => void client.emit('hang'),
      close: () => void client.close(),
    };
  },
  async actor(service) {
    const id = JSON.parse(await service.ask('socket')) as string;
    return { id: `socket.io/1/@${id}`, type: 'io.Socket', path: 'data.orders', value: '5', before: 0 };
  },
});
