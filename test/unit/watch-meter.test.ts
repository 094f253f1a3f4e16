/** What a watch may take of the main thread. Time is a number here. */
import { expect, test } from 'vitest';
import { Meter, passedMs } from '../../packages/agent/src/host/watch/meter.ts';

test('as many calls as the rate says, and more with the time', () => {
  const meter = new Meter({ percent: 1, rate: 3 }, 0);
  const take = (): number => {
    let taken = 0;
    for (; meter.mayShow; taken += 1) meter.showing();
    return taken;
  };
  expect(take()).toBe(3);
  meter.refill(300);
  expect(take()).toBe(0);
  meter.refill(334);
  expect(take()).toBe(1);
  meter.refill(60_000);
  expect(take()).toBe(3);
});

test('a share of the time, with some that was saved up; one outlier does not end it', () => {
  const meter = new Meter({ percent: 1, rate: 1 }, 0);
  meter.spend(1_000);
  expect(meter.exhausted).toBe(false);
  for (let at = 0; at < 4; at += 1) meter.spend(20);
  expect(meter.exhausted).toBe(false);
  meter.spend(0.001);
  expect(meter.exhausted).toBe(true);
  meter.refill(100);
  expect(meter.exhausted).toBe(false);
  // What can be saved has an end.
  meter.refill(1e9);
  for (let at = 0; at < 10; at += 1) meter.spend(10);
  expect(meter.exhausted).toBe(false);
  meter.spend(0.001);
  expect(meter.exhausted).toBe(true);
  expect(meter.spentMs).toBeCloseTo(1_180.002);
});

test('calls that are only passed on count too', () => {
  const meter = new Meter({ percent: 1, rate: 1 }, 0);
  const calls = 100 / passedMs;
  let asked = 0;
  for (let at = 0; at < calls + 1_024; at += 1) if (meter.pass()) asked += 1;
  expect(asked).toBe(Math.floor((calls + 1_024) / 1_024));
  meter.refill(0);
  expect(meter.exhausted).toBe(true);
});
