/** That a push stood its minute is written down for those of its patches that are live still, and for no others. */
import { expect, test, vi } from 'vitest';
import { recordCounted } from '../../packages/agent/dist/server/counted.js';
import type { CountedEntry } from '../../packages/agent/dist/protocol/index.js';

test('those that are live, when the time is over; nothing where none is, or nobody answers', async () => {
  vi.useFakeTimers();
  const written: CountedEntry[] = [];
  const push = { entry: 7, ids: ['p7-1', 'p7-2'] };
  const live = (...ids: string[]) => vi.fn(() => Promise.resolve(ids.map((id) => ({ id }))));
  const asked = live('p3', 'p7-2');
  recordCounted(push, asked, (counted) => written.push(counted));
  await vi.advanceTimersByTimeAsync(60_500);
  expect(asked).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(written).toEqual([{ kind: 'confirm', phase: 'stood', by: 'agent', entry: 7, patches: ['p7-2'] }]);
  recordCounted(push, live('p3'), (counted) => written.push(counted));
  recordCounted(
    push,
    () => Promise.reject(new Error('it hangs')),
    (counted) => written.push(counted),
  );
  await vi.advanceTimersByTimeAsync(62_000);
  expect(written).toHaveLength(1);
  vi.useRealTimers();
});
