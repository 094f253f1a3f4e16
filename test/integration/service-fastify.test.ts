/** Every command on a service built on fastify. */
import { everyCommand, httpDriver, modules, orders, ordersSubject, serverActor } from '../helpers/every-command.ts';
import { answering } from '../helpers/service.ts';

const main = `
import fastify from '${modules}/fastify/fastify.js';
import { place, spin } from './orders.js';
const app = fastify();
app.get('/order/:id', async (request) => place(Number(request.params.id)));
app.get('/hang', async () => spin());
await app.listen({ port: 0, host: '127.0.0.1' });
const answer = () => app.server.address().port;
${answering}`;

everyCommand({
  ...ordersSubject,
  files: { 'orders.js': orders, 'main.js': main },
  drive: async (service) => httpDriver(`http://127.0.0.1:${await service.ask('port')}`),
  actor: serverActor,
});
