/** What looking may take of the main thread: with a clock that the test moves, and looks that take what the test says. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KeyholeError, limits } from '../../packages/agent/dist/protocol/index.js';
import { Dispatcher, type DispatcherParts } from '../../packages/agent/dist/server/dispatcher.js';
import { LookBudget, type LookShare } from '../../packages/agent/dist/server/look-budget.js';
import { PolicyFile } from '../../packages/agent/dist/server/policy.js';
import { OperatorSession } from '../../packages/agent/dist/server/session.js';
import { FakeClock } from '../helpers/fake-clock.ts';

/** A service whose main thread does one look after the other. */
class World extends FakeClock {
  /** When the main thread has done what it was asked so far. */
  #freeAt = 0;
  readonly budget: LookBudget;
  readonly done: { session: string; at: number; ms: number }[] = [];
  readonly refused: { session: string; at: number; code: string }[] = [];

  constructor(share: LookShare) {
    super();
    this.budget = new LookBudget(share, this);
  }

  /** @returns how to end its waiting, where it waits. */
  look(session: string, ms: number): () => (why: KeyholeError) => void {
    let end = (why: KeyholeError): void => expect.fail(`it did not wait to hear ${why.message}`);
    const onMain = (took: (ms: number) => void): Promise<void> => {
      this.#freeAt = Math.max(this.#freeAt, this.time) + ms;
      return new Promise((resolve) => {
        this.after(this.#freeAt - this.time, () => {
          took(ms);
          this.done.push({ session, at: this.time, ms });
          resolve();
        });
      });
    };
    this.budget
      .take(session, onMain, (how) => {
        end = how;
      })
      .catch((thrown: unknown) => this.refused.push({ session, at: this.time, code: KeyholeError.from(thrown).code }));
    return () => end;
  }

  async until(time: number): Promise<void> {
    do await new Promise(setImmediate);
    while (this.next(time));
    this.time = time;
  }
}

test('what is saved up goes without waiting for more; what comes after waits for what comes in', async () => {
  const world = new World({ maxLookMsPerSecond: 10, maxLookBurstMs: 100 });
  for (let number = 0; number < 12; number += 1) world.look('a', 10);
  await world.until(500);
  expect(world.done).toHaveLength(11);
  await world.until(2_000);
  expect(world.done).toHaveLength(12);
  // The eleventh left 10 ms owed, less what came in.
  expect(world.done[11]?.at).toBeGreaterThan(900);
});

test('a few looks of one person go at once', async () => {
  const world = new World({ maxLookMsPerSecond: 10, maxLookBurstMs: 2_000 });
  for (let number = 0; number < 4; number += 1) {
    world.look('a', 2);
    await world.until(world.time + 2);
  }
  expect(world.done.map(({ at }) => at)).toEqual([2, 4, 6, 8]);
});

test('many who come together leave the service three quarters of its time, whatever is saved up', async () => {
  const world = new World({ maxLookMsPerSecond: 10, maxLookBurstMs: 2_000 });
  for (let number = 0; number < 200; number += 1) world.look(`console ${number}`, 5);
  await world.until(2_000);
  const inFirst = (ms: number): number => world.done.filter(({ at }) => at <= ms).reduce((sum, each) => sum + each.ms, 0);
  expect(inFirst(100)).toBeLessThanOrEqual(45);
  expect(inFirst(1_000)).toBeLessThanOrEqual(270);
  expect(inFirst(2_000)).toBeLessThanOrEqual(520);
  expect(inFirst(2_000)).toBeGreaterThan(400);
});

test('nobody waits long because of one who asks all the time', async () => {
  const world = new World({ maxLookMsPerSecond: 10, maxLookBurstMs: 10 });
  for (let number = 0; number < 30; number += 1) world.look('script', 5);
  await world.until(1_000);
  world.look('person', 5);
  await world.until(3_000);
  const at = world.done.find(({ session }) => session === 'person')?.at ?? Infinity;
  expect(at).toBeLessThan(2_000);
  expect(world.done.filter(({ session }) => session === 'script').length).toBeGreaterThan(3);
});

test('one slow look does not shut out everybody for a hundred times its length', async () => {
  const world = new World({ maxLookMsPerSecond: 10, maxLookBurstMs: 10 });
  world.look('a', 3_000);
  await world.until(3_000);
  world.look('b', 1);
  await world.until(4_200);
  expect(world.done.map(({ session }) => session)).toEqual(['a', 'b']);
});

describe('who waits', () => {
  const crowded = async (): Promise<World> => {
    const world = new World({ maxLookMsPerSecond: 1, maxLookBurstMs: 1 });
    world.look('a', 1_000);
    await world.until(1_000);
    for (let number = 0; number < 20; number += 1) world.look('a', 1_000);
    await world.until(1_001);
    return world;
  };
  test(`is told BUSY after ${limits.lookWaitMs} ms, and not before`, async () => {
    const world = await crowded();
    world.look('b', 1);
    await world.until(1_000 + limits.lookWaitMs - 1);
    expect(world.refused).toEqual([]);
    await world.until(1_001 + limits.lookWaitMs);
    expect(world.refused.length).toBeGreaterThan(10);
    expect(new Set(world.refused.map(({ code }) => code))).toEqual(new Set(['BUSY']));
    // Those who were there a moment later had it from their own moment on.
    expect(world.done.map(({ session }) => session)).toContain('b');
  });
  test('can be interrupted, and does nothing then', async () => {
    const world = await crowded();
    const end = world.look('b', 1);
    await world.until(1_002);
    end()(new KeyholeError('INTERRUPTED', 'enough'));
    await world.until(60_000);
    expect(world.refused.filter(({ session }) => session === 'b')).toEqual([{ session: 'b', at: 1_002, code: 'INTERRUPTED' }]);
    expect(world.done.map(({ session }) => session)).not.toContain('b');
  });
  test('and goes away waits no more', async () => {
    const world = await crowded();
    world.budget.forget('a');
    await world.until(60_000);
    expect(new Set(world.refused.map(({ code }) => code))).toEqual(new Set(['UNREACHABLE']));
    expect(world.done).toHaveLength(1);
  });
});

test('however many look, and whatever it takes: their share of each stretch of time is bounded', async () => {
  const asked = fc.array(
    fc.record({ session: fc.constantFrom('a', 'b', 'c'), ms: fc.integer({ min: 1, max: 20 }), pauseMs: fc.integer({ min: 0, max: 30 }) }),
    {
      minLength: 50,
      maxLength: 150,
    },
  );
  const share = { maxLookMsPerSecond: 50, maxLookBurstMs: 100 };
  await fc.assert(
    fc.asyncProperty(asked, async (looks) => {
      const world = new World(share);
      for (const { session, ms, pauseMs } of looks) {
        world.look(session, ms);
        await world.until(world.time + pauseMs);
      }
      await world.until(world.time + 60_000);
      expect(world.done.length + world.refused.length).toBe(looks.length);
      const longest = 20;
      for (const [index, { at, ms }] of world.done.entries()) {
        const taken = world.done.slice(index).reduce<{ sum: number; most: number }>(
          ({ sum, most }, each) => {
            const now = sum + each.ms;
            // What was saved up, what came in, and what those took that were under way when nobody knew yet.
            return { sum: now, most: Math.max(most, now - share.maxLookBurstMs - ((each.at - at + ms) / 1_000) * share.maxLookMsPerSecond) };
          },
          { sum: 0, most: -Infinity },
        );
        expect(taken.most).toBeLessThan(longest * 6);
      }
    }),
    { numRuns: 200 },
  );
});

test('a session keeps nothing of a look whose turn did not come', async () => {
  const world = new World({ maxLookMsPerSecond: 1, maxLookBurstMs: 1 });
  const operator = { name: 'alice', email: 'a@b.c', publicKey: 'k', fingerprint: 'f', capabilities: ['inspect'], verifyRequired: false };
  const session = new OperatorSession({ operator, claim: {}, login: {} } as never, {} as never);
  // The main thread answers nobody.
  const bridge = { call: () => ({ id: 1, result: new Promise(() => undefined) }) };
  const parts = { looks: world.budget, bridge, policy: new PolicyFile(null), sessions: new Set([session]), operators: { lines: '' } };
  const dispatcher = new Dispatcher(parts as unknown as DispatcherParts);
  const answers = [1, 2, 3].map((request) => dispatcher.dispatch(session, request, 'inspect', { expression: '1' }).catch((error: unknown) => error));
  await world.until(1);
  expect([...session.streams.keys()]).toEqual([2, 3]);
  session.streams.get(3)?.stop('not allowed');
  expect(await answers[2]).toMatchObject({ code: 'NOT_ALLOWED' });
  expect([...session.streams.keys()]).toEqual([2]);
  await world.until(limits.lookWaitMs + 1);
  expect(await answers[1]).toMatchObject({ code: 'BUSY' });
  expect([...session.streams.keys()]).toEqual([]);
});
