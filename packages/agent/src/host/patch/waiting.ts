/** Changes that wait for the service to do something, and who waits for them. When an operator is gone, what he waited for is over. */
import { nodeClock } from '../../platform/clock.ts';
import { KeyholeError } from '../../protocol/index.ts';
import type { WaitingPatch } from '../../protocol/index.ts';
import type { Captured, Waiting } from './strategy.ts';

interface Wait {
  session: string;
  waiting: Waiting[];
  until: number;
  controller: AbortController;
}

export class WaitingRoom {
  readonly #waits = new Set<Wait>();

  list(): WaitingPatch[] {
    return [...this.#waits].flatMap(({ waiting, until }) =>
      waiting
        .filter(({ calls }) => calls.length > 0)
        .map(({ address, calls }) => ({ address, calls: calls.slice(0, mostNames), leftMs: Math.max(0, Math.round(until - nodeClock.now())) })),
    );
  }

  /** @throws {KeyholeError} INTERRUPTED when the session ended meanwhile: nothing was applied. */
  async during(
    session: string,
    waiting: Waiting[],
    timeoutMs: number,
    work: (signal: AbortSignal) => Promise<Captured> | undefined,
  ): Promise<Captured> {
    const wait: Wait = { session, waiting, until: nodeClock.now() + timeoutMs, controller: new AbortController() };
    const { signal } = wait.controller;
    this.#waits.add(wait);
    try {
      const captured = await work(signal);
      if (captured === undefined) throw new KeyholeError('INTERNAL', 'a strategy that waits for nothing');
      if (!signal.aborted) return captured;
      captured.release();
      throw new KeyholeError('INTERRUPTED', 'whoever waited for the change is gone; nothing was applied');
    } finally {
      this.#waits.delete(wait);
    }
  }

  forget(session: string): void {
    for (const wait of this.#waits) if (wait.session === session) wait.controller.abort();
  }
}

/** Of the functions whose call is waited for: more say nothing to a person. */
const mostNames = 5;
