/** Taking patches back in threads beside the main one: asked of each, done by a silent one as soon as it answers. What is not certain is said. */
import { valuesOf } from '../../platform/originals.ts';
import { KeyholeError } from '../../protocol/index.ts';
import type { Withdrawal } from '../patch/engine.ts';
import { changeLimitMs } from './messages.ts';
import { labelOf } from './roster.ts';
import type { Threads } from './threads.ts';

/** @returns one sentence for each thread where it is not done. */
export async function withdrawIn(threads: Threads, ids: readonly number[], withdrawals: readonly Withdrawal[]): Promise<string[]> {
  const said = ids.map(async (id): Promise<string[]> => {
    const label = labelOf(threads.find(id));
    try {
      const context = { session: '', call: 0 };
      await threads.ask(id, 'thread.withdraw', { withdrawals: [...withdrawals] }, { context, limitMs: changeLimitMs, always: true });
      return [];
    } catch (thrown) {
      // What has ended has nothing to take back.
      if (!threads.ids().includes(id)) return [];
      const { code, message } = KeyholeError.from(thrown);
      return [code === 'TIMEOUT' ? `${message}: it is undone there as soon as it answers` : `it could NOT be undone in thread ${label}: ${message}`];
    }
  });
  return (await valuesOf(said)).flat();
}
