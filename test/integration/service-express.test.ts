/** Every command on a service built on express. */
import { everyCommand, httpDriver, modules, orders, ordersSubject, serverActor } from '../helpers/every-command.ts';
import { answering } from '../helpers/service.ts';

const main = `
import express from '${modules}/express/index.js';
import { place, spin } from './orders.js';
const app = express();
app.get('/order/:id', (request, response) => { response.send(place(Number(request.params.id))); });
app.get('/hang', (request, response) => { response.send(spin()); });
const server = app.listen(0, '127.0.0.1');
await new Promise((done) => server.once('listening', done));
const answer = () => server.address().port;
${answering}`;

everyCommand({
  ...ordersSubject,
  files: { 'orders.js': orders, 'main.js': main },
  drive: async (service) => httpDriver(`http://127.0.0.1:${await service.ask('port')}`),
  actor: serverActor,
});
