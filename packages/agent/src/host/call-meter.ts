/**
 * How long one call had the main thread: from where it is given it to where everything that goes on without waiting for the event loop is done, turn by turn. `await` alone lets go of nothing: what stands behind it runs
 * before the service does.
 */
import { nextTurn, nodeClock } from '../platform/clock.ts';

// The service may replace it.
const { nextTick } = process;

export class CallMeter {
  #tookMs = 0;
  /** null while the thread is the service's. */
  #hasItSince: number | null = null;

  get tookMs(): number {
    return this.#tookMs + (this.#hasItSince === null ? 0 : nodeClock.now() - this.#hasItSince);
  }

  /** The call has the thread. To be called from a promise job: ticks of Node's come when these are done. */
  begin(): void {
    this.#hasItSince = nodeClock.now();
    nextTick(() => {
      this.#tookMs = this.tookMs;
      this.#hasItSince = null;
    });
  }

  /** Lets the service have its turn. */
  async turn(): Promise<void> {
    await nextTurn(nodeClock);
    this.begin();
  }
}
