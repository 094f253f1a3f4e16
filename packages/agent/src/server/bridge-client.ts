/** The door's end of the bridge: asks the host and waits for its answer. */
import type { MessagePort } from 'node:worker_threads';
import { KeyholeError } from '../protocol/index.ts';
import type { HostContext, HostOperation, HostResult, ToDoor, ToHost, UndoneNews } from '../host/bridge.ts';
import type { Params } from '../protocol/index.ts';

interface Waiting {
  resolve: (result: unknown) => void;
  reject: (error: KeyholeError) => void;
}

export class BridgeClient {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;

  /** @param undone hears what the agent took back by itself, also what no door before this one has written. */
  constructor(port: MessagePort, undone: (news: UndoneNews) => void) {
    this.#port = port;
    port.on('message', (message: ToDoor) => {
      if (message.t === 'undone') return undone(message);
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.ok) waiting?.resolve(message.result);
      else waiting?.reject(KeyholeError.fromWire(message.error));
    });
  }

  /** @returns the number of the call, by which it can be interrupted, and its result. */
  call<O extends HostOperation>(op: O, params: Params<O>, context: Omit<HostContext, 'call'>): { id: number; result: Promise<HostResult<O>> } {
    const id = this.#next;
    this.#next += 1;
    const result = new Promise<HostResult<O>>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as Waiting['resolve'], reject });
    });
    this.#port.postMessage({ t: 'call', id, op, params, context } satisfies ToHost);
    return { id, result };
  }

  /** The host need not say that again. */
  written(number: number): void {
    this.#port.postMessage({ t: 'written', number } satisfies ToHost);
  }

  forget(session: string): void {
    this.#port.postMessage({ t: 'forget', session } satisfies ToHost);
  }
}
