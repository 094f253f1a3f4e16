/**
 * Ends an evaluation that holds the main thread. The door's own inspector session works at V8 interrupts, in the middle of whatever runs there, so it asks first whether that
 * is the evaluation that is meant; the host answers on the main thread itself, and makes sure that what is terminated then is that evaluation or a loop of ours.
 * So a request of the service can not be ended by mistake. (Terminating from inside that question has no effect: it ends the question.)
 */
import { Session } from 'node:inspector';

/** Well-known symbol of the host's function `(call: number) => 'running' | 'let go'`. */
export const interruptKey = 'keyhole.interrupt';

export class Interrupter {
  #session: Session | null = null;

  /** @returns whether the evaluation was still there. */
  async interrupt(call: number): Promise<boolean> {
    const expression = `globalThis[Symbol.for(${JSON.stringify(interruptKey)})]?.(${call})`;
    const { result } = await this.#post<{ result: { value?: unknown } }>('Runtime.evaluate', { expression, returnByValue: true });
    if (result.value === 'running') await this.#post('Runtime.terminateExecution', {});
    return result.value === 'running' || result.value === 'let go';
  }

  /** Connected when first needed: there is no reason to hold a session before. */
  #post<T>(method: string, params: object): Promise<T> {
    if (this.#session === null) {
      this.#session = new Session();
      this.#session.connectToMainThread();
    }
    const session = this.#session;
    return new Promise((resolve, reject) => {
      session.post(method, params, (error: Error | null, answer: unknown) => {
        if (error === null) resolve(answer as T);
        else reject(error);
      });
    });
  }
}
