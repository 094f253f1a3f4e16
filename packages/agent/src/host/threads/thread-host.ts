/**
 * The host of one of the service's worker threads: the same operations as on the main thread, on this thread's objects, asked for by the main thread and done at a turn boundary.
 * It never keeps the thread alive, and whatever goes wrong stays here.
 */
import { subscribe } from 'node:diagnostics_channel';
import * as path from 'node:path';
import * as workerThreads from 'node:worker_threads';
import type { Worker } from 'node:worker_threads';
import type { SlotTable } from '../../loader/index.ts';
import { KeyholeError } from '../../protocol/index.ts';
import type { PatchRecord } from '../../protocol/index.ts';
import { ActorRegistry } from '../actors/registry.ts';
import type { HostContext } from '../bridge.ts';
import { Inspector } from '../inspector.ts';
import { createLooking } from '../looking.ts';
import { createPatching } from '../patch/index.ts';
import { liveKey, openCalling, openChannel } from './messages.ts';
import type { FromThread, ToThread } from './messages.ts';
import { workerChannel } from './roster.ts';
import { ThreadPatches } from './thread-patches.ts';

const { getEnvironmentData, threadId: id } = workerThreads;

/** @param root files are named relative to it. */
export function serveThread(root: string, table: SlotTable): void {
  const inspector = new Inspector();
  const patching = createPatching({ inspector, service: '', root, commit: null, table });
  const looking = createLooking(inspector, new ActorRegistry(), patching.portals);
  const live = getEnvironmentData(liveKey) as readonly PatchRecord[] | undefined;
  const patches = new ThreadPatches(patching.engine, patching.modules, live ?? []);
  table.onDefine((url) => patches.loaded(url));

  const children = new Set<WeakRef<Worker>>();
  const handlers = {
    ...patching.handlers,
    ...looking.handlers,
    ...patches.handlers,
    'thread.children': () => ({ ids: [...children].flatMap((child) => child.deref()?.threadId ?? []) }),
  } as unknown as Record<string, ((params: object, context: HostContext) => unknown) | undefined>;

  const answer = async ({ id: number, op, params, context, notAfterMs }: Extract<ToThread, { t: 'call' }>): Promise<void> => {
    if (notAfterMs !== null && Date.now() > notAfterMs) return;
    let reply: FromThread;
    try {
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
    if (message.t === 'call') void answer(message);
    else if (message.t === 'forget') looking.forget(message.session);
    else if (message.t === 'interrupt') looking.interrupt(message.call);
    else patches.share(message.records);
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
