/** What is said of a pause before it happens: one bad moment is not held against the process for ever. */
import { describe, expect, test } from 'vitest';
import { Observed } from '../../packages/agent/dist/host/patch/pauses.js';
import { FakeClock } from '../helpers/fake-clock.ts';

describe('what was observed', () => {
  const clock = new FakeClock();
  const observed = new Observed(20, clock);

  test('is nothing at first', () => expect(observed.value).toBeNull());

  test('above the usual halves every 20 s', () => {
    observed.take(100);
    expect(observed.value).toBe(100);
    clock.pass(20_000);
    expect(observed.value).toBe(60);
    clock.pass(20_000);
    expect(observed.value).toBe(40);
    clock.pass(3_600_000);
    expect(observed.value).toBeCloseTo(20);
  });

  test('below the usual stays', () => {
    observed.take(2);
    clock.pass(3_600_000);
    expect(observed.value).toBe(2);
  });

  test('the newest counts', () => {
    observed.take(400);
    observed.take(30);
    expect(observed.value).toBe(30);
  });
});
