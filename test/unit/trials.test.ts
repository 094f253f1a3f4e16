/** Trials and the engine's promise of all or none, with a clock that the test moves and strategies that fail on demand. */
import { describe, expect, test } from 'vitest';
import { checkRequest, limits } from '../../packages/agent/dist/protocol/index.js';
import { PatchWorld as World } from '../helpers/patch-world.ts';

describe('all or none', () => {
  test('a failure half-way takes back what was there already, and nothing counts as live', async () => {
    const world = new World();
    await world.apply({ a: 'a1' });
    world.fault = (address, step) => address === 'c' && step === 'apply';
    await expect(world.apply({ a: 'a2', b: 'b2', c: 'c2' })).rejects.toThrow('no way into c; the change was undone');
    expect(['a', 'b', 'c'].map((address) => world.call(address))).toEqual(['a1', 'loaded', 'loaded']);
    expect(world.engine.records().map(({ id }) => id)).toEqual(['p1']);
  });

  test('what can not be proven is taken back; what can not be taken back is said to be live', async () => {
    const world = new World();
    world.fault = (address, step) => address === 'b' && step === 'verify';
    await expect(world.apply({ a: 'a1', b: 'b1' })).rejects.toThrow('b: it is not there');
    expect(['a', 'b'].map((address) => world.call(address))).toEqual(['loaded', 'loaded']);
    world.fault = (address, step) => address === 'b' && (step === 'verify' || step === 'undo');
    await expect(world.apply({ a: 'a1', b: 'b1' })).rejects.toThrow('COULD NOT BE UNDONE and may be live (stuck at b)');
  });

  test('one that is refused before anything happens refuses all', async () => {
    const world = new World();
    world.fault = (address, step) => address === 'b' && step === 'prepare';
    expect(await world.apply({ a: 'a1', b: 'b1' })).toMatchObject({ ok: false, patches: [], refused: [{ address: 'b' }] });
    expect(world.call('a')).toBe('loaded');
  });
});

describe('probation', () => {
  test('undone at the deadline and not before; the time left is told', async () => {
    const world = new World();
    expect((await world.apply({ a: 'a1' }, { confirmMs: 5_000 })).patches[0]?.trial).toEqual({ confirmWithinMs: 5_000 });
    await world.pass(4_999);
    expect(world.trial()).toEqual({ confirmWithinMs: 1 });
    expect(world.call('a')).toBe('a1');
    await world.pass(1);
    expect(world.call('a')).toBe('loaded');
    expect(world.reports).toEqual([{ entry: 1, cause: 'not confirmed', lateMs: 0, patches: [{ id: 'p1', address: 'a', now: null }] }]);
  });

  test('confirmed one millisecond before it stays; one that comes too late undoes it, though its timer has not run yet', async () => {
    const world = new World();
    await world.apply({ a: 'a1' }, { confirmMs: 5_000 });
    await world.pass(4_999);
    expect(await world.trials.confirm('p1')).toEqual({ ok: true, id: 'p1', patches: ['p1'] });
    await world.pass(100_000);
    expect(world.call('a')).toBe('a1');

    await world.apply({ b: 'b1' }, { confirmMs: 5_000 });
    world.clock.time += 7_000;
    await expect(world.trials.confirm('p2')).rejects.toThrow('p2 is not on probation: it was undone: nobody confirmed it in time');
    expect(world.call('b')).toBe('loaded');
    expect(world.reports).toMatchObject([{ lateMs: 2_000 }]);
    await world.pass(1);
    expect(world.reports).toHaveLength(1);
  });

  test('a patch that was reverted or replaced meanwhile is not touched', async () => {
    const world = new World();
    await world.apply({ a: 'a1', b: 'b1' }, { confirmMs: 5_000 });
    world.engine.revert({ ids: ['p1-1'], reason: 'x' });
    await world.apply({ b: 'b2' });
    await world.pass(5_000);
    expect([world.call('a'), world.call('b'), world.reports]).toEqual(['loaded', 'b2', []]);
  });

  test('goes back to the last patch that was not on trial; where that can not be made any more, to the loaded code', async () => {
    const world = new World();
    await world.apply({ a: 'a1' });
    await world.apply({ a: 'a2' }, { confirmMs: 5_000 });
    await world.apply({ a: 'a3' }, { confirmMs: 6_000 });
    await world.pass(6_000);
    expect([world.call('a'), world.engine.liveAt('a')?.id]).toEqual(['a1', 'p1']);
    await world.apply({ a: 'a4' }, { confirmMs: 5_000 });
    world.fault = (_, step, code) => step === 'prepare' && code === 'a1';
    await world.pass(5_000);
    expect([world.call('a'), world.engine.liveAt('a')]).toEqual(['loaded', null]);
    expect(world.reports.map(({ patches }) => patches[0]?.now)).toEqual(['p1', null]);
  });

  test('an earlier patch that has to wait for a call of the service is not waited for: the loaded code runs', async () => {
    const world = new World();
    await world.apply({ a: 'a1' });
    await world.apply({ a: 'a2' }, { confirmMs: 5_000 });
    world.waits = (code) => code === 'a1';
    await world.pass(5_000);
    expect([world.call('a'), world.engine.liveAt('a')]).toEqual(['loaded', null]);
    expect(world.reports.map(({ patches }) => patches[0]?.now)).toEqual([null]);
  });

  test('a confirmation while it is being undone comes too late', async () => {
    const world = new World();
    await world.apply({ a: 'a1' }, { confirmMs: 5_000 });
    const undoing = world.pass(5_000);
    await expect(world.trials.confirm('p1')).rejects.toThrow('p1 is not on probation: it is being undone');
    await undoing;
    expect(world.call('a')).toBe('loaded');
  });

  test('threads where it is not done yet are told', async () => {
    const world = new World();
    world.elsewhere = ['thread 3 (w) did not answer'];
    await world.apply({ a: 'a1' }, { confirmMs: 5_000 });
    await world.pass(5_000);
    expect(world.reports).toMatchObject([{ patches: [{ id: 'p1', now: null }], elsewhere: ['thread 3 (w) did not answer'] }]);
  });

  test('an undo that fails is told once and tried again', async () => {
    const world = new World();
    await world.apply({ a: 'a1' }, { confirmMs: 5_000 });
    world.fault = (_, step) => step === 'apply';
    await world.pass(5_000);
    await world.pass(10_000);
    expect(world.reports).toMatchObject([{ failed: expect.stringContaining('no way into a'), patches: [{ id: 'p1', now: 'p1' }] }]);
    expect(world.trial()).toEqual({ confirmWithinMs: 0 });
    world.fault = () => false;
    await world.pass(10_000);
    expect(world.call('a')).toBe('loaded');
    expect(world.reports.slice(1)).toMatchObject([{ patches: [{ id: 'p1', now: null }], lateMs: 20_000 }]);
  });
});

describe('errors', () => {
  test('as many as allowed leave it; one more undoes the push at the next turn, and not before', async () => {
    const world = new World();
    await world.apply({ a: 'fails', b: 'b1' }, { ifErrors: 2 });
    expect([world.call('a'), world.call('a')]).toEqual(['failed', 'failed']);
    await world.pass(1);
    expect(world.trial()).toEqual({ errors: { allowed: 2, seen: 2, forMs: limits.errorWatchMs - 1 } });
    world.call('a');
    expect([world.call('a'), world.call('b')]).toEqual(['failed', 'b1']);
    await world.pass(0);
    expect([world.call('a'), world.call('b')]).toEqual(['loaded', 'loaded']);
    expect(world.reports).toEqual([
      {
        entry: 1,
        cause: 'errors',
        lateMs: 0,
        patches: [
          { id: 'p1-1', address: 'a', now: null },
          { id: 'p1-2', address: 'b', now: null },
        ],
        errors: { id: 'p1-1', allowed: 2, seen: 4, name: 'Error', message: 'failed' },
      },
    ]);
  });

  test('calls that fail before it is known that the patch is live are counted too', async () => {
    const world = new World();
    world.applied = () => void world.call('a');
    await world.apply({ a: 'fails' }, { ifErrors: 0 });
    await world.pass(0);
    expect(world.call('a')).toBe('loaded');
    expect(world.reports).toMatchObject([{ cause: 'errors', errors: { seen: 1 } }]);
  });

  test('only within its first minute; then the bare patch stands in the slot', async () => {
    const world = new World();
    await world.apply({ a: 'fails' }, { ifErrors: 0 });
    const watched = world.slots.get('a');
    world.clock.time += limits.errorWatchMs;
    world.call('a');
    await world.pass(0);
    expect(world.slots.get('a')).not.toBe(watched);
    expect(world.trial()).toBeUndefined();
    world.call('a');
    await world.pass(1);
    expect([world.call('a'), world.reports]).toEqual(['failed', []]);
  });

  test('a strategy whose calls can not be looked at refuses that, and takes a probation', async () => {
    const world = new World(false);
    expect((await world.apply({ a: 'a1' }, { ifErrors: 0 })).refused[0]?.why).toContain('its calls can not be looked at: that takes a slot');
    expect(world.call('a')).toBe('loaded');
    await world.apply({ a: 'a1' }, { confirmMs: 5_000 });
    await world.pass(5_000);
    expect(world.call('a')).toBe('loaded');
    expect(world.reports).toHaveLength(1);
  });

  test('a confirmed patch is still watched', async () => {
    const world = new World();
    await world.apply({ a: 'fails' }, { ifErrors: 0, confirmMs: 5_000 });
    await world.trials.confirm('p1');
    world.call('a');
    await world.pass(1);
    expect(world.call('a')).toBe('loaded');
  });
});

test.each([
  ['patch.apply', 'confirmMs', limits.minConfirmMs, limits.maxConfirmMs],
  ['patch.apply', 'ifErrors', 0, limits.maxErrorsAllowed],
  ['patch.shadow', 'calls', 1, limits.maxShadowCalls],
  ['patch.shadow', 'timeoutMs', limits.minShadowMs, limits.maxShadowMs],
])('%s takes %s from %i to %i', (op, name, least, most) => {
  const request = (value: number) => () => checkRequest(op, { patches: [], reason: 'x', ...(op === 'patch.shadow' && { calls: 1 }), [name]: value });
  for (const value of [least, most]) expect(request(value)).not.toThrow();
  for (const value of [least - 1, most + 1, least + 0.5]) expect(request(value)).toThrow(`${name} must be a whole number from ${least} to ${most}`);
});
