/** Worker threads that the main thread has started, as long as they run. */
import type { Worker } from 'node:worker_threads';
import type { Adapter, FoundActor } from '../host/actors/adapter.ts';

/** @param running those that run, with their names. */
export function workers(running: () => Iterable<{ worker: Worker; name: string }>): Adapter<Worker> {
  const names = new WeakMap<Worker, string>();
  return {
    name: 'workers',
    shown: 'asked',
    *list(): Generator<FoundActor<Worker>> {
      for (const { worker, name } of running()) {
        if (worker.threadId < 0) continue;
        names.set(worker, name);
        yield { actor: worker, name: String(worker.threadId), type: 'Worker' };
      }
    },
    state(worker) {
      const { active, idle, utilization } = worker.performance.eventLoopUtilization();
      return {
        thread: worker.threadId,
        name: names.get(worker) ?? '',
        utilization: Math.round(utilization * 1_000) / 1_000,
        activeMs: Math.round(active),
        idleMs: Math.round(idle),
        resourceLimits: worker.resourceLimits,
      };
    },
    send: (worker, message) => worker.postMessage(message),
    isOver: (worker) => worker.threadId < 0,
  };
}
