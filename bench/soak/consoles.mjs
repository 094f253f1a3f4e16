/** The consoles of a soak, in a process of their own, so that their work is not taken for the service's. Says when all are inside, and sends how it went when it is told to stop. */
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { dial } from '../../packages/console/dist/client/dial.js';

const [consoles, servicePid] = process.argv.slice(2).map(Number);
const { env } = process;
/** What a console does: mostly it looks, now and then it evaluates. */
const pauseMs = 1_000;
const startEveryMs = 100;

const counts = { done: 0, busy: 0, failed: 0, cut: 0 };
const stop = new AbortController();
let inside = 0;
async function operate(number) {
  const socket = path.join(env.XDG_RUNTIME_DIR, 'keyhole', `soak.${servicePid}.sock`);
  const ways = [
    (connection) => connection.call('info', {}),
    (connection) => connection.call('inspect', { expression: 'rooms', start: number * 10 }),
    (connection) => connection.call('inspect', { expression: 'process.env', depth: 2 }),
    (connection) => connection.call('fn.list', { prefix: 'main.js' }),
    (connection) => connection.call('journal.read', { count: 20 }),
    (connection) => connection.call('sessions.list', {}),
    (connection) => connection.call('evaluate', { expression: `rooms.get(${number}).members.length` }),
    // More at once than is taken: the bound answers BUSY.
    (connection) => Promise.all(Array.from({ length: 8 }, () => connection.call('info', {}))),
  ];
  // Not all of them in one moment.
  await sleep(number * startEveryMs);
  while (!stop.signal.aborted) {
    let connection;
    try {
      connection = await dial({ target: socket, env });
      inside += 1;
      if (inside === consoles) process.send('inside');
      for (let turn = number; !stop.signal.aborted; turn += 1) {
        try {
          await ways[turn % ways.length](connection);
          counts.done += 1;
        } catch (error) {
          if (error.code === 'UNREACHABLE') throw error;
          if (error.code === 'BUSY') counts.busy += 1;
          else {
            counts.failed += 1;
            console.error(`console ${number}: ${error.code}: ${error.message}`);
          }
        }
        await sleep(pauseMs * (0.5 + Math.random()));
      }
    } catch (error) {
      counts.cut += 1;
      if (!stop.signal.aborted) console.error(`console ${number}: ${error.code ?? ''} ${error.message}`);
      await sleep(pauseMs);
    } finally {
      connection?.close();
    }
  }
}

const working = Array.from({ length: consoles }, (_, number) => operate(number));
process.once('message', () => void end());
async function end() {
  stop.abort();
  await Promise.all(working);
  process.send(counts, () => process.disconnect());
}
