/** A small shop on node:http. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import { quote } from './quote.mjs';
import { Router } from './router.mjs';
import { readOrder } from './order.mjs';

export async function startShop() {
  const router = new Router();
  router.add('GET', '/health', health);
  router.add('GET', '/orders/:id', notHere);
  router.add('POST', '/orders/:id/quote', answerQuote);
  const server = createServer((request, response) => {
    collect(request, (body) => respond(response, router.dispatch(request.method, request.url, body)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const health = () => ({ status: 200, body: { ok: true } });
const notHere = ({ params }) => ({ status: 404, body: { missing: params.id } });

function answerQuote({ params, query, body }) {
  const order = readOrder(params.id, body);
  if (order.problem !== null) return { status: 400, body: { error: order.problem } };
  return { status: 200, body: quote(order, query.get('currency') ?? 'EUR') };
}

function collect(request, done) {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', () => done(body));
}

function respond(response, { status, body }) {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}
