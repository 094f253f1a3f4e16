/**
 * Ends an evaluation that holds the main thread. The door's own inspector session runs a function on the main thread at a V8 interrupt, in the middle of whatever runs
 * there; that function ends the evaluation only when it is the one that runs. So a request of the service can never be ended by mistake.
 */
import { Session } from 'node:inspector';

/** Well-known symbol of the host's function `(call: number) => boolean`. */
export const interruptKey = 'keyhole.interrupt';

export class Interrupter {
  #session: Session | null = null;

  /** Connected when first needed: a session costs the service nothing, but there is no reason to hold one. */
  interrupt(call: number): Promise<boolean> {
    if (this.#session === null) {
      this.#session = new Session();
      this.#session.connectToMainThread();
    }
    const session = this.#session;
    return new Promise((resolve, reject) => {
      session.post(
        'Runtime.evaluate',
        { expression: `globalThis[Symbol.for(${JSON.stringify(interruptKey)})]?.(${call}) ?? false`, returnByValue: true },
        (error: Error | null, answer: { result?: { value?: unknown } } | undefined) => {
          if (error === null) resolve(answer?.result?.value === true);
          else reject(error);
        },
      );
    });
  }
}
