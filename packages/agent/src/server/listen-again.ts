/** A place that is taken, or not there yet, may be free in a moment: a process that is being replaced still has its port, a certificate is still being written. So the door does not give up. */
import type { Clock } from '../platform/clock.ts';
import type { Listener } from './listener.ts';
import { UnsafePlace } from './tcp-port.ts';

export const againMs = 5_000;

/**
 * @param failed hears of each attempt that failed.
 * @throws {UnsafePlace} at once: that is a matter of configuration.
 */
export async function listenAgain(attempt: () => Promise<Listener>, failed: (message: string) => void, clock: Clock): Promise<Listener> {
  for (;;) {
    try {
      return await attempt();
    } catch (thrown) {
      if (thrown instanceof UnsafePlace) throw thrown;
      failed(thrown instanceof Error ? thrown.message : String(thrown));
    }
    await new Promise<void>((resolve) => clock.after(againMs, resolve));
  }
}
