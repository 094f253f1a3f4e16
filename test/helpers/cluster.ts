/** A service of several processes. */
import { readFileSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { expect, vi } from 'vitest';
import { startService, type Service, type ServiceOptions } from './service.ts';

/** Its primary: `start` begins a worker of the `child.js` beside it, which has to send a word when it is up; any other line is asked of all workers, as `{ verb, n }`, and they answer `{ n, value }`. */
export const clusterMain = `
import cluster from 'node:cluster';
import { createInterface } from 'node:readline';
cluster.setupPrimary({ exec: new URL('./child.js', import.meta.url).pathname });
let n = 0;
const start = () => new Promise((resolve) => { const child = cluster.fork(); child.once('message', () => resolve(child.process.pid)); });
const tell = (worker, verb) => new Promise((resolve) => {
  const mine = ++n;
  const hear = (message) => { if (message.n === mine) { worker.off('message', hear); resolve(message.value); } };
  worker.on('message', hear);
  worker.send({ verb, n: mine });
});
createInterface({ input: process.stdin }).on('line', async (line) => {
  if (line === 'start') return console.log(JSON.stringify(await start()));
  console.log(JSON.stringify(await Promise.all(Object.values(cluster.workers).map((worker) => tell(worker, line)))));
});
console.log('ready');
`;

export interface Cluster {
  service: Service;
  /** Process ids. */
  workers: number[];
}

/** A primary and two workers, all announced. */
export async function startCluster(options: ServiceOptions): Promise<Cluster> {
  const service = await startService(options);
  const workers = [Number(await service.ask('start')), Number(await service.ask('start'))];
  const announced = (): string[] => readdirSync(path.join(service.env.XDG_RUNTIME_DIR ?? '', 'keyhole')).filter((name) => name.endsWith('.json'));
  await vi.waitFor(() => expect(announced()).toHaveLength(3), { timeout: 20_000 });
  return { service, workers };
}

/** The directory that a process of a service writes to: its lock names it. */
export function journalFolderOf(service: Service, pid: number | undefined): string {
  const lockOf = (dir: string): string => readFileSync(path.join(dir, 'lock'), 'utf8');
  const dirs = readdirSync(service.journal)
    .filter((name) => name.startsWith('agent-'))
    .map((name) => path.join(service.journal, name));
  const found = [service.journal, ...dirs].find((dir) => lockOf(dir).split(' ')[0] === String(pid));
  if (found === undefined) throw new Error(`no journal of ${pid}`);
  return found;
}
