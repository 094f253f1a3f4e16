/** Objects of libraries are noted by one method that stays what it was, held weakly, and within a bound that does not stick. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { Sightings } from '../../packages/agent/dist/adapters/sightings.js';

const file = '/app/node_modules/ws/lib/websocket-server.js';
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function library(): { Server: new () => { handleUpgrade(a: number, b: number): unknown }; sightings: Sightings } {
  class Server {
    handleUpgrade(a: number, b: number): unknown {
      if (a < 0) throw new Error('refused');
      return [this, a + b];
    }
  }
  const sightings = new Sightings(['ws']);
  sightings.loaded(file, Server);
  return { Server, sightings };
}

test('the method that is wrapped does what it did, and looks like it', () => {
  const { Server, sightings } = library();
  const server = new Server();
  expect([...sightings.of('ws')]).toEqual([]);
  expect(server.handleUpgrade(1, 2)).toEqual([server, 3]);
  expect(() => server.handleUpgrade(-1, 2)).toThrow('refused');
  expect([...sightings.of('ws')]).toEqual([server]);
  const descriptor = Object.getOwnPropertyDescriptor(Server.prototype, 'handleUpgrade');
  expect(descriptor).toMatchObject({ enumerable: false, writable: true, configurable: true });
  expect([Server.prototype.handleUpgrade.name, Server.prototype.handleUpgrade.length]).toEqual(['handleUpgrade', 2]);
  // A second copy of the file, and the same one again.
  sightings.loaded(file, Server);
  server.handleUpgrade(1, 2);
  expect([...sightings.of('ws')]).toEqual([server]);
});

test('libraries that nobody wants, and files of another shape, are left alone', () => {
  class Server {
    handleUpgrade(): void {}
  }
  const { handleUpgrade } = Server.prototype;
  new Sightings(['xstate']).loaded(file, Server);
  new Sightings(['ws']).loaded('/app/node_modules/other/lib/websocket-server.js', Server);
  expect(Server.prototype.handleUpgrade).toBe(handleUpgrade);
  for (const shape of [undefined, null, {}, () => undefined, Object.freeze(() => undefined)])
    new Sightings(['ws', 'xstate', 'socket.io']).loaded(file, shape);
});

test('what is gone makes room again, also where there were more than are held', async () => {
  const { Server, sightings } = library();
  let held = Array.from({ length: 21_000 }, () => new Server());
  for (const server of held) server.handleUpgrade(1, 1);
  expect([...sightings.of('ws')]).toHaveLength(20_000);
  held = [];
  await turn();
  collect();
  await turn();
  for (let more = 0; more < 21_000; more += 1) {
    new Server().handleUpgrade(1, 1);
    if (more % 1_000 === 0) await turn();
  }
  const last = new Server();
  last.handleUpgrade(1, 1);
  expect([...sightings.of('ws')]).toContain(last);
});
