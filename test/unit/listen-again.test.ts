/** A place that is taken is tried again, one that would be unsafe is not. */
import { expect, test } from 'vitest';
import { againMs, listenAgain } from '../../packages/agent/dist/server/listen-again.js';
import { UnsafePlace } from '../../packages/agent/dist/server/tcp-port.js';

/** Runs what it is given at once, and remembers how long that should have been. */
const clock = () => {
  const waits: number[] = [];
  const after = (delayMs: number, work: () => void): (() => void) => {
    waits.push(delayMs);
    work();
    return () => undefined;
  };
  return { waits, clock: { now: () => 0, after, soon: (work: () => void) => after(0, work) } };
};
const listener = { address: 'unix:/x', close: () => undefined };

test('until it is free, with each failure told', async () => {
  const told: string[] = [];
  const { waits, clock: fake } = clock();
  let attempts = 0;
  const found = await listenAgain(
    async () => {
      attempts += 1;
      if (attempts < 3) throw new Error(`taken ${attempts}`);
      return listener;
    },
    (message) => told.push(message),
    fake,
  );
  expect(found).toBe(listener);
  expect(told).toEqual(['taken 1', 'taken 2']);
  expect(waits).toEqual([againMs, againMs]);
});

test('what is a matter of configuration is not tried twice', async () => {
  let attempts = 0;
  const attempt = async (): Promise<never> => {
    attempts += 1;
    throw new UnsafePlace('not there');
  };
  await expect(listenAgain(attempt, () => undefined, clock().clock)).rejects.toThrow('not there');
  expect(attempts).toBe(1);
});
