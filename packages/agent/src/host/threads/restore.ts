/** Taking back a change of several threads that failed in one: in each of them, and what is not certain is said. */
import { valuesOf } from '../../platform/originals.ts';
import { KeyholeError } from '../../protocol/index.ts';
import type { PatchRecord, PatchRequest } from '../../protocol/index.ts';
import type { HostContext } from '../bridge.ts';
import { changeLimitMs } from './messages.ts';
import { labelOf } from './roster.ts';
import type { Threads } from './threads.ts';

/** One thread's share of a change. */
export interface Part {
  thread: number;
  requests: PatchRequest[];
  before: PatchRecord[];
}

/** @returns where it was undone, and where that is not certain, in words. */
export async function restoreIn(
  threads: Threads,
  parts: readonly Part[],
  settled: readonly PromiseSettledResult<unknown>[],
  ids: Readonly<Record<string, string>>,
  context: HostContext,
): Promise<string> {
  const undone: string[] = [];
  const unknown: string[] = [];
  const undo = async (part: Part, maybe: boolean): Promise<void> => {
    const label = labelOf(threads.find(part.thread));
    const params = { ids: part.requests.flatMap(({ address }) => ids[address] ?? []), records: part.before };
    try {
      await threads.ask(part.thread, 'thread.restore', params, { context, limitMs: changeLimitMs, always: true });
      undone.push(label);
    } catch (thrown) {
      const { code, message } = KeyholeError.from(thrown);
      if (code === 'TIMEOUT')
        unknown.push(`${label}: ${maybe ? 'the change may be live there' : 'the change is live there'}; it is taken back as soon as it answers`);
      else unknown.push(`${label}: ${message}`);
    }
  };
  const running = new Set(threads.ids());
  await valuesOf(
    settled.map(async (each, index) => {
      const part = parts[index];
      const made = each.status === 'fulfilled';
      const maybe = each.status === 'rejected' && KeyholeError.from(each.reason).code === 'TIMEOUT';
      if (part !== undefined && running.has(part.thread) && (made || maybe)) await undo(part, maybe);
    }),
  );
  return [undone.length === 0 ? 'nothing else was changed' : `undone in ${undone.join(', ')}`, ...unknown].join('; ');
}
