/** Some strategies see a function's scope only in its next natural call: all of these are waited for, or none is kept. */
import { limits } from '../../protocol/index.ts';
import type { Params } from '../../protocol/index.ts';
import { changesFor } from './planned.ts';
import type { Planned } from './planned.ts';
import type { Captured, PatchStrategy } from './strategy.ts';
import type { WaitingRoom } from './waiting.ts';

/** @param session whose change it is. What is captured has to be released. */
export async function captureAll(
  planned: readonly Planned[],
  params: Params<'patch.apply'> & { maxPauseMs: number },
  session: string,
  room: WaitingRoom,
): Promise<Map<PatchStrategy, Captured>> {
  const captured = new Map<PatchStrategy, Captured>();
  const timeoutMs = params.waitMs ?? limits.defaultCaptureWaitMs;
  try {
    for (const strategy of new Set(planned.map((each) => each.strategy))) {
      if (strategy.capture === undefined) continue;
      const changes = changesFor(planned, strategy);
      const waiting = changes.map((change) => ({ address: change.target.address, calls: strategy.waitsFor?.(change) ?? [] }));
      const options = { timeoutMs, maxPauseMs: params.maxPauseMs };
      captured.set(strategy, await room.during(session, waiting, timeoutMs, (signal) => strategy.capture?.(changes, { ...options, signal })));
    }
    return captured;
  } catch (thrown) {
    for (const each of captured.values()) each.release();
    throw thrown;
  }
}
