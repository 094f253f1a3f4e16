/** The door's end of the bridge: asks the host and waits for its answer. */
import type { MessagePort } from 'node:worker_threads';
import { KeyholeError } from '../protocol/index.ts';
import type { AskedContext, HostOperation, HostResult, ToDoor, ToHost, HostNews } from '../host/bridge.ts';
import type { StreamEnd } from '../host/call-stream.ts';
import type { Params, PatchRecord } from '../protocol/index.ts';

interface Waiting {
  resolve: (result: unknown) => void;
  reject: (error: KeyholeError) => void;
  /** Takes what is said before the answer, and calls back when that has left. */
  said: (text: string, left: () => void) => void;
  /** Hears how long it kept the main thread from its next turn, in milliseconds. */
  took: (ms: number) => void;
}

export class BridgeClient {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;

  #armed: () => void = () => undefined;

  /** @param hear what the host did by itself, also what no door before this one has written. */
  constructor(port: MessagePort, hear: (news: HostNews) => void) {
    this.#port = port;
    port.on('message', (message: ToDoor) => {
      if (message.t === 'news') return hear(message);
      if (message.t === 'armed') return this.#armed();
      const waiting = this.#waiting.get(message.id);
      if (message.t === 'said') return waiting?.said(message.text, () => this.#port.postMessage({ t: 'heard', id: message.id } satisfies ToHost));
      this.#waiting.delete(message.id);
      waiting?.took(message.tookMs);
      if (message.ok) waiting?.resolve(message.result);
      else waiting?.reject(KeyholeError.fromWire(message.error));
    });
  }

  /**
   * @param hears what is said before the answer, and how long it took; both may be left out.
   * @returns the number of the call, by which it can be interrupted, and its result.
   */
  call<O extends HostOperation>(
    op: O,
    params: Params<O>,
    context: AskedContext,
    { said = () => undefined, took = () => undefined }: Partial<Pick<Waiting, 'said' | 'took'>> = {},
  ): { id: number; result: Promise<HostResult<O>> } {
    const id = this.#next;
    this.#next += 1;
    const result = new Promise<HostResult<O>>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as Waiting['resolve'], reject, said, took });
    });
    this.#port.postMessage({ t: 'call', id, op, params, context } satisfies ToHost);
    return { id, result };
  }

  /** Resolves when the host has them: from then on they go into effect as their files are loaded, and what became of each is news. */
  async replay(records: PatchRecord[]): Promise<void> {
    const armed = new Promise<void>((resolve) => {
      this.#armed = resolve;
    });
    this.#port.postMessage({ t: 'replay', records } satisfies ToHost);
    await armed;
  }

  /** The host need not say that again. */
  written(number: number): void {
    this.#port.postMessage({ t: 'written', number } satisfies ToHost);
  }

  /** Nobody wants to hear more of a call: it ends what it does, and answers. */
  stop(id: number, why: StreamEnd): void {
    this.#port.postMessage({ t: 'stop', id, why } satisfies ToHost);
  }

  forget(session: string): void {
    this.#port.postMessage({ t: 'forget', session } satisfies ToHost);
  }
}
