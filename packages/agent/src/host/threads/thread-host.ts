/**
 * The host of one of the service's worker threads: the same operations as on the main thread, on this thread's objects, asked for by the main thread and done at a turn boundary.
 * It never keeps the thread alive, and whatever goes wrong stays here.
 */
import { subscribe } from 'node:diagnostics_channel';
import * as path from 'node:path';
import * as workerThreads from 'node:worker_threads';
import type { Worker } from 'node:worker_threads';
import type { SlotTable } from '../../loader/index.ts';
import { nodeClock } from '../../platform/clock.ts';
import { later } from '../../platform/later.ts';
import { wallClockMs } from '../../platform/originals.ts';
import { KeyholeError } from '../../protocol/errors.ts';
import type { PatchRecord } from '../../protocol/index.ts';
import { Arrival } from '../arrival.ts';
import '../../platform/place.ts';
import { liveKey, openCalling, openChannel } from './messages.ts';
import type { FromThread, ToThread } from './messages.ts';
import { workerChannel } from './roster.ts';
import type { ThreadHost } from './thread-assembly.ts';
import type { ThreadReplay } from './thread-replays.ts';

const { getEnvironmentData, threadId: id } = workerThreads;

const assembly = later<typeof import('./thread-assembly.ts')>(import.meta.url, './thread-assembly.js');

/** @param root files are named relative to it. */
export function serveThread(root: string, table: SlotTable): void {
  const children = new Set<WeakRef<Worker>>();
  /** What is said before the main thread listens would be lost; it speaks as soon as it does. */
  let unheard: ThreadReplay[] | null = [];
  const live = (getEnvironmentData(liveKey) as readonly PatchRecord[] | undefined) ?? [];
  const host = new Arrival(
    () => import('./thread-assembly.ts'),
    ({ assembleThread }): ThreadHost =>
      assembleThread({
        root,
        table,
        live,
        children: () => [...children].flatMap((child) => child.deref()?.threadId ?? []),
        replayed: (replay) => void (unheard?.push(replay) ?? channel.post({ t: 'replayed', replay })),
      }),
    nodeClock,
  );
  // Patches go into effect with the first statement of their module: it can not wait.
  if (live.length > 0) host.now(assembly());

  const answer = async ({ id: number, op, params, context, notAfterMs }: Extract<ToThread, { t: 'call' }>): Promise<void> => {
    if (notAfterMs !== null && wallClockMs() > notAfterMs) return;
    let reply: FromThread;
    try {
      const { handlers } = host.here ?? (await host.come());
      const handler = handlers[op];
      if (handler === undefined) throw new KeyholeError('BAD_REQUEST', `${op} is done on the main thread only`);
      reply = { t: 'answer', id: number, ok: true, result: await handler(params, context) };
    } catch (thrown) {
      reply = { t: 'answer', id: number, ok: false, error: KeyholeError.from(thrown).toWire() };
    }
    try {
      channel.post(reply);
    } catch (thrown) {
      channel.post({ t: 'answer', id: number, ok: false, error: KeyholeError.from(thrown).toWire() });
    }
  };
  const channel = openChannel<FromThread, ToThread>(id, (message) => {
    for (const replay of unheard ?? []) channel.post({ t: 'replayed', replay });
    unheard = null;
    if (message.t === 'call') void answer(message);
    else if (message.t === 'forget') host.whenHere(({ forget }) => forget(message.session));
    else if (message.t === 'interrupt') host.here?.interrupt(message.call);
    else if (host.here !== null || message.records.length > 0) host.now(assembly()).share(message.records);
  });
  const calling = openCalling((message) => {
    if (message.t === 'who') calling.post({ t: 'hello', id, name: nameOfThread() });
  });
  subscribe(workerChannel, (message) => {
    const { worker } = message as { worker: Worker };
    children.add(new WeakRef(worker));
    calling.post({ t: 'started', id: worker.threadId, parent: id });
  });
  calling.post({ t: 'hello', id, name: nameOfThread() });
}

/** What the service called it (Node 22.20, 24.6), else the file it runs. */
function nameOfThread(): string {
  const { threadName } = workerThreads as { threadName?: string | null };
  if (typeof threadName === 'string' && threadName !== '' && threadName !== 'WorkerThread') return threadName;
  return path.basename(process.argv[1] ?? '') || 'worker';
}
