/** Calls of services built on express and fastify, with requests over the network; and of a file that a worker thread has loaded too. */
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { withConnection } from '../helpers/operator.ts';
import { startService, type Service } from '../helpers/service.ts';
import { openWatch } from '../helpers/watching.ts';

const modules = pathToFileURL(path.resolve(import.meta.dirname, '../../node_modules')).href;

const handlers = `
import { AsyncLocalStorage } from 'node:async_hooks';
export const context = new AsyncLocalStorage();
export async function order(id) {
  await null;
  if (id === 'bad') throw Object.assign(new Error('no such order'), { statusCode: 404, status: 404 });
  return { id, trace: context.getStore()?.trace ?? 'none' };
}
export function price(net) { return net * 2; }
`;
const servers: Record<string, string> = {
  express: `
import express from '${modules}/express/index.js';
import { context, order, price } from './handlers.js';
const app = express();
app.use((request, response, next) => context.run({ trace: request.headers['x-trace'] }, next));
app.get('/order/:id', async function getOrder(request, response) { response.json(await order(request.params.id)); });
app.get('/price/:net', function getPrice(request, response) { response.json(price(Number(request.params.net))); });
app.use((error, request, response, next) => { response.status(error.status).json({ message: error.message }); });
const server = app.listen(0, '127.0.0.1', () => { console.log('ready'); });
const port = () => server.address().port;
`,
  fastify: `
import fastify from '${modules}/fastify/fastify.js';
import { context, order, price } from './handlers.js';
const app = fastify();
app.addHook('onRequest', (request, reply, done) => context.run({ trace: request.headers['x-trace'] }, done));
app.get('/order/:id', async function getOrder(request) { return order(request.params.id); });
app.get('/price/:net', async function getPrice(request) { return price(Number(request.params.net)); });
await app.listen({ port: 0, host: '127.0.0.1' });
console.log('ready');
const port = () => app.server.address().port;
`,
};
const portOf = async (service: Service): Promise<number> => Number(await service.ask('port'));

test.each(Object.keys(servers))('%s: handlers are watched while requests come, and answers, errors and contexts are the same', async (name) => {
  const asked = `import { createInterface } from 'node:readline';\ncreateInterface({ input: process.stdin }).on('line', () => console.log(port()));\n`;
  const service = await startService({ files: { 'handlers.js': handlers, 'main.js': `${servers[name]}${asked}` }, main: 'main.js' });
  const base = `http://127.0.0.1:${await portOf(service)}`;
  const get = async (where: string): Promise<unknown[]> => {
    const response = await fetch(`${base}${where}`, { headers: { 'x-trace': 't1' } });
    const body = (await response.json()) as { message?: string };
    return [response.status, body.message ?? body];
  };
  const all = (): Promise<unknown[][]> => Promise.all([get('/order/7'), get('/order/bad'), get('/price/4')]);
  const plain = await all();
  expect(plain).toEqual([
    [200, { id: '7', trace: 't1' }],
    [404, 'no such order'],
    [200, 8],
  ]);
  await withConnection(service, async (connection) => {
    const watch = await openWatch(connection, { addresses: ['handlers.js:*', 'main.js:getOrder'], limit: 100 });
    expect(watch.started.functions).toEqual(['handlers.js:order', 'handlers.js:price', 'main.js:getOrder']);
    expect(await all()).toEqual(plain);
    const calls = await watch.until(5);
    const orders = calls.filter(({ address }) => address === 'handlers.js:order').map(({ how, args }) => `${how} ${String(args[0]?.value)}`);
    expect(orders.sort()).toEqual(['rejected bad', 'resolved 7']);
    expect(calls.find(({ address }) => address === 'handlers.js:price')).toMatchObject({ how: 'returned', value: { value: 8 } });
    // Its arguments are the request and the reply of the framework: large, with getters, and full of sockets.
    const [handled] = calls.filter(({ address }) => address === 'main.js:getOrder');
    expect(handled?.args.length).toBeGreaterThan(0);
    const result = await watch.stop();
    expect(result).toMatchObject({ ended: 'stopped', missed: { rate: 0, unread: 0, failed: 0 } });
    expect(await all()).toEqual(plain);
  });
});

test('a thread that has loaded the file too is named: its calls are not seen; what it alone has is refused with its number', async () => {
  const service = await startService({
    files: {
      'work.js': 'export function work(n) { return n + 1; }',
      'pool.js':
        "import { parentPort } from 'node:worker_threads'; import { work } from './work.js'; export function alone() { return 1; } parentPort.on('message', (n) => parentPort.postMessage(work(n)));",
      'main.js': `
import { Worker } from 'node:worker_threads';
import { createInterface } from 'node:readline';
import { work } from './work.js';
const pool = new Worker(new URL('./pool.js', import.meta.url), { name: 'pool' });
createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'here') return console.log(work(1));
  pool.once('message', (answer) => console.log(answer));
  pool.postMessage(10);
});
pool.once('online', () => console.log('ready'));
`,
    },
    main: 'main.js',
  });
  expect(await service.ask('there')).toBe('11');
  await withConnection(service, async (connection) => {
    const watch = await openWatch(connection, { addresses: ['work.js:work'] });
    expect(watch.started.otherThreads).toEqual([{ id: expect.any(Number) as number, name: expect.any(String) as string }]);
    expect([await service.ask('there'), await service.ask('here')]).toEqual(['11', '2']);
    expect((await watch.until(1)).map(({ args }) => args[0]?.value)).toEqual([1]);
    expect(await watch.stop()).toMatchObject({ functions: [{ seen: 1 }] });
    const [other] = watch.started.otherThreads;
    const { id: thread, name } = other ?? expect.fail('no other thread was named');
    const words = [
      'watch pool.js:alone',
      'watch pool.js:*',
      'trace pool.js:alone',
      'stack pool.js:alone',
      'monitor pool.js:alone',
      'logpoint pool.js:1 1',
    ];
    for (const [command = '', ...rest] of words.map((each) => each.split(' '))) {
      const { code, stderr } = await service.keyhole(command, 'svc', ...rest);
      expect([command, code]).toEqual([command, 1]);
      expect(stderr).toContain(`is not in the main thread, but in thread ${thread} (${name}): calls can only be looked at in the main thread`);
    }
    // What no thread has is not there.
    expect((await service.keyhole('watch', 'svc', 'pool.js:none')).stderr).toContain('NOT_FOUND');
    expect((await service.keyhole('watch', 'svc', 'none.js:f')).stderr).toContain('NOT_FOUND');
  });
});
