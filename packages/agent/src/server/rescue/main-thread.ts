/** The door's own inspector session into the main thread. It works at V8 interrupts, in the middle of whatever runs there, and is gone again after each use. */
import { Session } from 'node:inspector';

export class MainThread {
  readonly #session = new Session();

  constructor() {
    this.#session.connectToMainThread();
  }

  /** Null where there is no answer in time: the main thread runs no JavaScript. What was asked stays asked until {@link leave}. */
  within<T>(limitMs: number, method: string, params: object = {}): Promise<T | null> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, limitMs, null);
      this.#session.post(method, params, (error: Error | null, answer: unknown) => {
        clearTimeout(timer);
        if (error === null) resolve(answer as T);
        // The inspector rejects with a plain object.
        else reject(new Error(`${method}: ${error.message}`));
      });
    });
  }

  /** For what an event answers: without one it was of no use, and nothing more is known. */
  ask(method: string): void {
    this.#session.post(method, () => undefined);
  }

  on<T>(event: string, listener: (params: T) => void): void {
    this.#session.on(event, ({ params }: { params: unknown }) => listener(params as T));
  }

  /** The next event of that name, or null where none comes in time. */
  next<T>(event: string, limitMs: number): Promise<T | null> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, limitMs, null);
      this.#session.once(event, ({ params }: { params: unknown }) => {
        clearTimeout(timer);
        resolve(params as T);
      });
    });
  }

  /** Whatever it set, paused or asked for is undone. */
  leave(): void {
    this.#session.disconnect();
  }
}
