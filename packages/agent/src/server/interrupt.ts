/**
 * Ends an evaluation that holds the main thread. The door's own inspector session works at V8 interrupts, in the middle of whatever runs there, so it asks first whether that
 * is the evaluation that is meant; the host answers on the main thread itself, and makes sure that what is terminated then is that evaluation or a loop of ours.
 * So a request of the service can not be ended by mistake. (Terminating from inside that question has no effect: it ends the question.)
 */
import { nameInPlace } from '../platform/place.ts';
import { MainThread } from './rescue/main-thread.ts';

/** A call that runs no JavaScript answers when it returns. */
const answerMs = 60_000;

export class Interrupter {
  /** @returns whether the evaluation was still there. */
  async interrupt(call: number): Promise<boolean> {
    const main = new MainThread();
    try {
      const expression = `${nameInPlace('interrupt')}?.(${call})`;
      const answer = await main.within<{ result: { value?: unknown } }>(answerMs, 'Runtime.evaluate', { expression, returnByValue: true });
      const said = answer?.result.value;
      if (said === 'running') await main.within(answerMs, 'Runtime.terminateExecution');
      return said === 'running' || said === 'let go';
    } finally {
      // One that stays makes Node wait for it, and say so, when the process ends.
      main.leave();
    }
  }
}
