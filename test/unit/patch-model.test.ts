/**
 * The engine and its trials held against a model of them that is simple enough to be believed: what several operators push, revert, confirm and call in any order, with the time that passes in between.
 * `KEYHOLE_INTERLEAVINGS=100000` plays as many.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeyholeError, limits, type TrialState } from '../../packages/agent/dist/protocol/index.js';
import { PatchWorld } from '../helpers/patch-world.ts';

const interleavings = Number(process.env['KEYHOLE_INTERLEAVINGS'] ?? 1_000);
const addresses = ['a', 'b', 'c'];
const operators = ['alice', 'bob', 'carol'];

interface Push {
  entry: number;
  patches: Live[];
  /** When it is undone unless it is confirmed. */
  until: number | null;
  watch: { allowed: number; until: number; seen: Map<string, number> } | null;
  tripped: boolean;
  isOver: boolean;
}
interface Live {
  id: string;
  address: string;
  code: string;
  push: Push;
  previous: Live | null;
}

/** What has to be: one live patch or none for each function; trials that end in time; nothing half. */
class Model {
  now = 1_000;
  readonly live = new Map<string, Live>();
  readonly pushes: Push[] = [];
  undone: string[] = [];
  #entry = 0;

  nextEntry(): number {
    this.#entry += 1;
    return this.#entry;
  }

  codeAt(address: string): string {
    return this.live.get(address)?.code ?? 'loaded';
  }

  /** @param entry that of its intent: of two at once the later one may be done first. */
  apply(
    codes: Record<string, string>,
    seen: ReadonlyMap<string, string>,
    terms: { confirmMs?: number; ifErrors?: number },
    fails: boolean,
    entry = this.nextEntry(),
  ): string {
    const entries = Object.entries(codes);
    if (entries.some(([address]) => (seen.get(address) ?? 'loaded') !== this.codeAt(address))) return 'STALE_BASE';
    if (fails) return 'PATCH_FAILED';
    const { confirmMs, ifErrors } = terms;
    const push: Push = {
      entry,
      patches: [],
      until: confirmMs === undefined ? null : this.now + confirmMs,
      watch: ifErrors === undefined ? null : { allowed: ifErrors, until: this.now + limits.errorWatchMs, seen: new Map() },
      tripped: false,
      isOver: false,
    };
    push.patches = entries.map(([address, code], index) => ({
      id: `p${push.entry}${entries.length === 1 ? '' : `-${index + 1}`}`,
      address,
      code,
      push,
      previous: this.#lasting(this.live.get(address) ?? null),
    }));
    for (const patch of push.patches) this.live.set(patch.address, patch);
    this.pushes.push(push);
    return 'ok';
  }

  revert(ids: readonly string[]): string {
    const found = [...this.live.values()].filter(({ id }) => ids.includes(id));
    if (found.length < ids.length) return 'NOT_FOUND';
    for (const { address } of found) this.live.delete(address);
    return 'ok';
  }

  takeBack(ids: readonly string[]): string {
    const found = [...this.live.values()].filter(({ id }) => ids.includes(id));
    if (found.length < ids.length) return 'NOT_FOUND';
    for (const { address, previous } of found) {
      if (previous === null) this.live.delete(address);
      else this.live.set(address, previous);
    }
    return 'ok';
  }

  confirm(id: string): string {
    const push = this.pushes.find(({ patches }) => patches.some((patch) => patch.id === id));
    if (push === undefined || push.until === null || push.isOver) return 'NOT_FOUND';
    if (this.now >= push.until) this.#undo(push, 'not confirmed');
    else if ([...this.live.values()].some((patch) => patch.id === id)) {
      push.until = null;
      return 'ok';
    }
    return 'NOT_FOUND';
  }

  call(address: string): string {
    const patch = this.live.get(address);
    if (patch?.code !== 'fails') return this.codeAt(address);
    const { watch } = patch.push;
    if (watch !== null && this.now < watch.until) {
      const seen = (watch.seen.get(address) ?? 0) + 1;
      watch.seen.set(address, seen);
      if (seen > watch.allowed) patch.push.tripped = true;
    }
    return 'failed';
  }

  /** What is due happens. */
  settle(): void {
    for (const push of this.pushes.filter(({ isOver }) => !isOver)) {
      if (push.until !== null && push.until <= this.now) this.#undo(push, 'not confirmed');
      else if (push.tripped) this.#undo(push, 'errors');
      else if (push.watch !== null && push.watch.until <= this.now) push.watch = null;
    }
  }

  stateOf(address: string): TrialState | undefined {
    const { push } = this.live.get(address) ?? {};
    if (push === undefined || (push.until === null && push.watch === null)) return undefined;
    const left = (until: number): number => Math.max(0, until - this.now);
    const { until, watch } = push;
    return {
      ...(until !== null && { confirmWithinMs: left(until) }),
      ...(watch !== null && { errors: { allowed: watch.allowed, seen: watch.seen.get(address) ?? 0, forMs: left(watch.until) } }),
    };
  }

  #undo(push: Push, cause: string): void {
    Object.assign(push, { isOver: true, until: null, watch: null });
    const here = push.patches.filter((patch) => this.live.get(patch.address) === patch);
    for (const { address, previous } of here) {
      if (previous === null) this.live.delete(address);
      else this.live.set(address, previous);
    }
    if (here.length > 0) this.undone.push(`${push.entry} ${cause}: ${here.map(({ id, previous }) => `${id} > ${previous?.id ?? 'loaded'}`).join()}`);
  }

  /** Nobody goes back to what was on trial itself. */
  #lasting(patch: Live | null): Live | null {
    return patch !== null && (patch.push.until !== null || patch.push.watch !== null) ? patch.previous : patch;
  }
}

const address = fc.constantFrom(...addresses);
const who = fc.constantFrom(...operators);
const code = fc.constantFrom('one', 'two', 'fails', 'fails');
const codes = fc.dictionary(address, code, { minKeys: 1, maxKeys: 3, noNullPrototype: true });
const terms = fc.oneof(
  { weight: 1, arbitrary: fc.constant({}) },
  fc.record({ confirmMs: fc.integer({ min: 1_000, max: 90_000 }) }),
  fc.record({ ifErrors: fc.integer({ min: 0, max: 2 }) }),
  fc.record({ confirmMs: fc.integer({ min: 1_000, max: 90_000 }), ifErrors: fc.integer({ min: 0, max: 2 }) }),
);
/** Which of all patches that there were, from the latest. */
const which = fc.nat({ max: 3 });
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('look' as const), who }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('push' as const), who, codes, terms, looks: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('push and fail' as const), who, codes, at: fc.constantFrom('apply' as const, 'verify' as const) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('push at once' as const), one: who, other: who, codes, others: codes }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('revert' as const), which: fc.uniqueArray(which, { minLength: 1, maxLength: 2 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('take back' as const), which: fc.uniqueArray(which, { minLength: 1, maxLength: 2 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('confirm' as const), which }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('call' as const), address }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0, 500, 5_000, 30_000, 60_000) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('block' as const), ms: fc.constantFrom(500, 5_000, 60_000) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

const seenInAll = { lapsed: 0, failed: 0, stale: 0, confirmed: 0, late: 0, takenBack: 0 };

const answer = async (work: () => unknown): Promise<string> => {
  try {
    const result = (await work()) as { ok?: boolean } | undefined;
    return result?.ok === false ? 'refused' : 'ok';
  } catch (thrown) {
    if (thrown instanceof KeyholeError) return thrown.code;
    throw thrown;
  }
};

/** An assertion takes longer than all that it looks at. */
const same = (found: unknown, meant: unknown): void => {
  if (JSON.stringify(found) !== JSON.stringify(meant)) expect(found).toEqual(meant);
};

/** Plays steps in both worlds, and compares all that can be seen after each. */
async function play(steps: readonly Step[]): Promise<void> {
  const world = new PatchWorld();
  const model = new Model();
  const seen = new Map(operators.map((operator) => [operator, new Map<string, string>()]));
  const look = (operator: string): Map<string, string> => {
    const now = new Map(addresses.map((each) => [each, model.codeAt(each)]));
    seen.set(operator, now);
    return now;
  };
  const beliefOf = (operator: string): Map<string, string> => new Map(addresses.map((each) => [each, seen.get(operator)?.get(each) ?? 'loaded']));
  const idOf = (at: number): string => model.pushes.flatMap(({ patches }) => patches).at(-1 - at)?.id ?? 'p0';

  for (const each of steps) {
    switch (each.do) {
      case 'look':
        look(each.who);
        break;
      case 'push': {
        if (each.looks) look(each.who);
        const belief = beliefOf(each.who);
        const expected = model.apply(each.codes, belief, each.terms, false);
        same(await answer(() => world.apply(each.codes, each.terms, belief)), expected);
        if (expected === 'STALE_BASE') seenInAll.stale += 1;
        break;
      }
      case 'push and fail': {
        const belief = look(each.who);
        const expected = model.apply(each.codes, belief, {}, true);
        const last = Object.keys(each.codes).at(-1);
        world.fault = (at, when) => at === last && when === each.at;
        expect(['PATCH_FAILED', 'UNPROVEN']).toContain(
          expected === 'PATCH_FAILED' ? await answer(() => world.apply(each.codes, {}, belief)) : expected,
        );
        world.fault = () => false;
        break;
      }
      case 'push at once': {
        const [one, other] = [look(each.one), look(each.other)];
        const found = await Promise.all([answer(() => world.apply(each.codes, {}, one)), answer(() => world.apply(each.others, {}, other))]);
        const [first, second] = [model.nextEntry(), model.nextEntry()];
        const works = [
          (): string => model.apply(each.codes, one, {}, false, first),
          (): string => model.apply(each.others, other, {}, false, second),
        ];
        // Whoever is ready first: one of two that want the same function, and never half of the other.
        const meant: string[] = [];
        const isSwapped = found[0] !== 'ok' || Object.keys(each.others).some((at) => at in each.codes && world.engine.liveAt(at)?.entry === first);
        for (const at of isSwapped && found[1] === 'ok' ? [1, 0] : [0, 1]) meant[at] = works[at]?.() ?? '';
        same(found, meant);
        break;
      }
      case 'revert': {
        const ids = [...new Set(each.which.map(idOf))];
        const expected = model.revert(ids);
        same(await answer(() => world.engine.revert({ ids, reason: 'x' })), expected);
        break;
      }
      case 'take back': {
        const ids = [...new Set(each.which.map(idOf))];
        const expected = model.takeBack(ids);
        same(await answer(() => world.trials.takeBack(ids, undefined)), expected);
        if (expected === 'ok') seenInAll.takenBack += 1;
        break;
      }
      case 'confirm': {
        const id = idOf(each.which);
        const undone = model.undone.length;
        const expected = model.confirm(id);
        same(await answer(() => world.trials.confirm(id)), expected);
        if (expected === 'ok') seenInAll.confirmed += 1;
        seenInAll.late += model.undone.length - undone;
        break;
      }
      case 'call':
        same(world.call(each.address), model.call(each.address));
        break;
      case 'wait':
        model.now += each.ms;
        model.settle();
        await world.pass(each.ms);
        break;
      default:
        // The thread is busy: time passes, and no timer runs.
        model.now += each.ms;
        world.clock.time += each.ms;
    }
    const told = world.reports.map(
      ({ entry, cause, patches }) => `${entry} ${cause}: ${patches.map(({ id, now }) => `${id} > ${now ?? 'loaded'}`).join()}`,
    );
    const found = addresses.map((at) => {
      const record = world.engine.liveAt(at);
      return [record?.id, record?.code ?? 'loaded', world.slots.has(at), record === null ? undefined : world.trials.stateOf(record.id)];
    });
    const meant = addresses.map((at) => [model.live.get(at)?.id, model.codeAt(at), model.live.has(at), model.stateOf(at)]);
    same([told.sort(), found], [model.undone.sort(), meant]);
  }
  // In the end everything that was on trial is over, and only what was lasting or confirmed is there.
  for (let left = 0; left < 2; left += 1) {
    model.now += 100_000;
    model.settle();
    await world.pass(100_000);
  }
  for (const at of addresses) {
    expect([world.engine.liveAt(at)?.id, world.call(at)]).toEqual([model.live.get(at)?.id, model.call(at)]);
    expect(model.stateOf(at)).toBeUndefined();
  }
  seenInAll.lapsed += model.undone.filter((each) => each.includes('not confirmed')).length;
  seenInAll.failed += model.undone.filter((each) => each.includes('errors')).length;
}

test(
  `${interleavings} interleavings of what three operators do to three functions`,
  { timeout: 60_000 * Math.max(1, interleavings / 1_000) },
  async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), play), { numRuns: interleavings });
    // What a run never comes to, it does not show.
    for (const [what, often] of Object.entries(seenInAll)) expect([what, often > interleavings / 200]).toEqual([what, true]);
  },
);
