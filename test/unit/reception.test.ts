/** Who is served, who waits and who must go, by a clock that the test sets. */
import { describe, expect, test } from 'vitest';
import { Reception, type ReceptionBounds, type Visit } from '../../packages/agent/dist/server/reception.js';
import { FakeClock } from '../helpers/fake-clock.ts';

const bounds: ReceptionBounds = {
  maxUnauthenticatedConnections: 2,
  maxWaitingConnections: 5,
  maxWaitingOfOneSource: 3,
  crowdedTimeoutMs: 400,
  maxFailedAttempts: 3,
  failedAttemptsPerSecond: 10,
};

/** Connections by name; what happened to them, in order. */
function place() {
  const clock = new FakeClock();
  const reception = new Reception(bounds, clock);
  const events: string[] = [];
  const come = (name: string, source = 'local'): Visit | null =>
    reception.arrive({ source, enter: () => events.push(`${name} in`), cut: () => events.push(`${name} cut`) });
  const taken = (): string[] => events.splice(0);
  return { clock, reception, come, taken };
}

describe('a few at a time', () => {
  test('the last one that is served, the first that waits, the last that may wait, the first that is sent away', () => {
    const { come, taken } = place();
    for (const name of ['a', 'b']) expect(come(name)).not.toBeNull();
    expect(taken()).toEqual(['a in', 'b in']);
    for (const name of ['c', 'd', 'e']) expect(come(name)).not.toBeNull();
    expect(come('f')).toBeNull();
    for (const name of ['g', 'h']) expect(come(name, '10.0.0.1')).not.toBeNull();
    expect(come('i', '10.0.0.2')).toBeNull();
    expect(taken()).toEqual([]);
  });

  test('who leaves or proves a key makes room for the first that waits', () => {
    const { come, taken } = place();
    const [a, b] = [come('a'), come('b')];
    come('c');
    const d = come('d');
    come('e');
    taken();
    a?.proven();
    expect(taken()).toEqual(['c in']);
    d?.left();
    b?.left();
    expect(taken()).toEqual(['e in']);
    a?.left();
    expect(taken()).toEqual([]);
  });

  test('an address of which fewer are served goes first', () => {
    const { come, taken } = place();
    const a = come('a', '10.0.0.1');
    come('b', '10.0.0.1');
    come('c', '10.0.0.1');
    come('d', '10.0.0.2');
    taken();
    a?.left();
    expect(taken()).toEqual(['d in']);
  });

  test('nobody is cut while nobody waits; then whoever has been there for long enough, and no more than wait', () => {
    const { clock, come, taken } = place();
    come('a');
    clock.pass(10_000);
    come('b');
    expect(clock.pending).toBe(0);
    expect(taken()).toEqual(['a in', 'b in']);
    come('c');
    clock.pass(0);
    expect(taken()).toEqual(['a cut', 'c in']);
    come('d');
    clock.pass(399);
    expect(taken()).toEqual([]);
    clock.pass(1);
    expect(taken()).toEqual(['b cut', 'd in']);
  });

  test('a good key comes in within a second, however slow the others are, as long as it is let wait', () => {
    const { clock, come, taken } = place();
    for (const name of ['a', 'b', 'c', 'd']) come(name);
    come('good');
    clock.pass(1_000);
    expect(taken()).toContain('good in');
  });
});

describe('attempts that fail', () => {
  const fail = (visit: Visit | null): void => {
    visit?.failed();
    visit?.left();
  };

  test('the last that is free, the first that waits, and how long', () => {
    const { clock, come, taken } = place();
    for (let index = 0; index < bounds.maxFailedAttempts; index += 1) fail(come(`bad${index}`));
    expect(taken()).toEqual(['bad0 in', 'bad1 in', 'bad2 in']);
    come('next');
    clock.pass(99);
    expect(taken()).toEqual([]);
    clock.pass(1);
    expect(taken()).toEqual(['next in']);
  });

  test('another address does not wait', () => {
    const { come, taken } = place();
    for (let index = 0; index < 10; index += 1) fail(come(`bad${index}`));
    taken();
    come('good', '10.0.0.1');
    expect(taken()).toEqual(['good in']);
  });

  test('ten thousand of them, and a good key from the same address comes in within a second', () => {
    const { clock, come, taken } = place();
    for (let index = 0; index < 10_000; index += 1) {
      fail(come('bad'));
      clock.pass(1);
    }
    taken();
    come('good');
    clock.pass(1_000);
    expect(taken()).toEqual(['good in']);
  });

  test('ten thousand addresses do not fill the memory, and those that failed last are remembered', () => {
    const { come, taken } = place();
    for (let source = 0; source < 10_000; source += 1) for (let index = 0; index < 3; index += 1) fail(come('bad', `10.0.0.${source}`));
    taken();
    come('again', '10.0.0.9999');
    expect(taken()).toEqual([]);
    come('forgotten', '10.0.0.0');
    expect(taken()).toEqual(['forgotten in']);
  });

  test('closing leaves no timer', () => {
    const { clock, reception, come } = place();
    for (const name of ['a', 'b', 'c']) come(name);
    expect(clock.pending).toBe(1);
    reception.close();
    expect(clock.pending).toBe(0);
  });
});
