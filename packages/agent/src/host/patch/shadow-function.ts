/**
 * One function in a shadow run. It stands around the old code in the slot: copies what a call gets, lets the old code do the call, and later, in a turn of its own, runs the new
 * code on the copies and holds the outcomes against each other. Nothing it does reaches the caller: neither a value nor an error; a failure of ours is a skipped call.
 */
import { isDeepStrictEqual, types } from 'node:util';
import type { Clock } from '../../platform/clock.ts';
import { apply } from '../../platform/originals.ts';
import type { Percentiles, RemoteValue, ShadowDifference, ShadowReport } from '../../protocol/index.ts';
import type { Inspector } from '../inspector.ts';
import type { SessionObjects } from '../objects.ts';
import { Copier, NoCopy } from './copies.ts';
import type { FunctionTarget } from './modules.ts';
import { callShapeOf, callSlot, openCall, settled } from './slot-watch.ts';
import type { Accessor, CallShape, SlotCall, SlotFunction, SlotWrapper } from './slot-watch.ts';

/** The synchronous part of one shadow call holds the service up: V8 ends it after this long, and the run of that function with it. */
export const maxShadowCallMs = 500;
/** Calls whose copies wait for their shadow; more are skipped, so that a burst does not fill the memory. */
export const maxWaitingCalls = 100;
const maxDifferences = 5;
const maxReasons = 20;

/** What the functions of one run share. */
export interface ShadowSurroundings {
  clock: Clock;
  inspector: Inspector;
  objects: SessionObjects;
  /** Set while new code runs: a call it makes is nobody's real call. */
  busy: boolean;
  changed(): void;
}

interface Outcome {
  threw: boolean;
  value: unknown;
}

/** A call that was copied, and since when the old code runs. */
interface Copied {
  next: SlotFunction;
  copies: SlotCall;
  variables: ShadowVariables | null;
  copyMs: number;
  startedAt: number;
}
interface Observed extends Copied {
  old: Outcome;
}

export class ShadowFunction {
  readonly target: FunctionTarget;
  readonly #around: ShadowSurroundings;
  readonly #wanted: number;
  readonly #usesThis: boolean;
  readonly #shape: CallShape;
  readonly #counts = { calls: 0, equal: 0, different: 0, threw: 0, skipped: 0, incomparable: 0 };
  readonly #reasons = new Map<string, number>();
  readonly #differences: ShadowDifference[] = [];
  readonly #timesMs = { old: [] as number[], new: [] as number[], copy: [] as number[] };
  #waiting = 0;
  #over = false;

  constructor(target: FunctionTarget, usesThis: boolean, calls: number, around: ShadowSurroundings) {
    this.target = target;
    this.#usesThis = usesThis;
    this.#shape = callShapeOf(target);
    this.#wanted = calls;
    this.#around = around;
  }

  /** Nothing more is to be waited for. */
  get done(): boolean {
    const { calls, equal, different, skipped, incomparable } = this.#counts;
    return this.#over || (calls >= this.#wanted && equal + different + skipped + incomparable === calls);
  }

  /** What goes into the slot around the old code. */
  observing(next: SlotFunction): SlotWrapper {
    const begin = (all: readonly unknown[]): Copied | null => this.#begin(all, next);
    const returned = (copied: Copied, outcome: Outcome): void => this.#returned(copied, outcome);
    return (inner) =>
      function (...all) {
        const copied = begin(all);
        if (copied === null) return apply(inner, this, all);
        let result: unknown;
        try {
          result = apply(inner, this, all);
        } catch (error) {
          returned(copied, { threw: true, value: error });
          throw error;
        }
        returned(copied, { threw: false, value: result });
        return result;
      };
  }

  finish(): ShadowReport {
    this.#over = true;
    const { equal, different, skipped, incomparable, calls } = this.#counts;
    const open = calls - equal - different - skipped - incomparable;
    if (open > 0) this.#count('incomparable', 'it had not come to its end when the run was over', open);
    const { old, new: fresh, copy } = this.#timesMs;
    return {
      address: this.target.address,
      ...this.#counts,
      reasons: [...this.#reasons].map(([why, times]) => ({ why, calls: times })),
      differences: this.#differences,
      oldMs: percentiles(old),
      newMs: percentiles(fresh),
      copyMs: percentiles(copy),
    };
  }

  /** Copies what the call got; null where it is not looked at. Runs before the service's own call, so it is bounded and throws nothing. */
  #begin(all: readonly unknown[], next: SlotFunction): Copied | null {
    if (this.#over || this.#around.busy || this.#counts.calls >= this.#wanted) return null;
    this.#counts.calls += 1;
    if (this.#waiting >= maxWaitingCalls) return this.#skip(`${maxWaitingCalls} calls were waiting for their shadow already`);
    const started = this.#around.clock.now();
    let where = 'its arguments';
    try {
      const copier = new Copier(this.#around.clock.now);
      const call = openCall(this.#shape, all);
      const args = call.args.map((each) => copier.copy(each, false));
      where = 'this';
      const copiedSelf = this.#usesThis ? copier.copy(call.self, true) : undefined;
      where = 'its captured variables';
      const variables = call.accessor === null ? null : new ShadowVariables(this.target, this.#shape, call.accessor, copier);
      this.#waiting += 1;
      const startedAt = this.#around.clock.now();
      return { next, copies: { self: copiedSelf, accessor: variables?.accessor ?? null, args }, variables, copyMs: startedAt - started, startedAt };
    } catch (thrown) {
      return this.#skip(noCopyOf(where, thrown));
    }
  }

  #returned(copied: Copied, outcome: Outcome): void {
    try {
      if (!outcome.threw && types.isPromise(outcome.value)) {
        if (!this.target.entry.async)
          return this.#drop('it returns a promise and is no async function: to await it would change who handles its rejection');
        settled(
          outcome.value,
          (value) => this.#ended(copied, { threw: false, value }),
          (value) => this.#ended(copied, { threw: true, value }),
        );
      } else this.#ended(copied, outcome);
    } catch (thrown) {
      this.#drop(noCopyOf('its result', thrown));
    }
  }

  #ended(copied: Copied, { threw, value }: Outcome): void {
    if (this.#over) return;
    const endedAt = this.#around.clock.now();
    this.#timesMs.old.push(endedAt - copied.startedAt);
    try {
      const old = { threw, value: new Copier(this.#around.clock.now).copy(value, false) };
      this.#timesMs.copy.push(copied.copyMs + this.#around.clock.now() - endedAt);
      this.#around.clock.soon(() => this.#run({ ...copied, old }));
    } catch (thrown) {
      this.#drop(noCopyOf(threw ? 'what it throws' : 'its result', thrown));
    }
  }

  /** The shadow: the new code on the copies. */
  #run(observed: Observed): void {
    if (this.#over) return;
    const { clock, inspector } = this.#around;
    const shown = this.#differences.length < maxDifferences ? observed.copies.args.map((each) => this.#preview(each)) : [];
    const started = clock.now();
    let outcome: Outcome = { threw: false, value: undefined };
    this.#around.busy = true;
    const ended = inspector.within(maxShadowCallMs, () => {
      try {
        outcome = { threw: false, value: callSlot(observed.next, this.#shape, observed.copies) };
      } catch (value) {
        outcome = { threw: true, value };
      }
    });
    this.#around.busy = false;
    if (!ended) {
      this.#waiting -= 1;
      // The old function came to its end.
      this.#count('different', `the new function ran longer than ${maxShadowCallMs} ms without a pause; it was ended, and is not run again`);
      this.#over = true;
      this.#around.changed();
      return;
    }
    const done = (finished: Outcome): void => this.#compare(observed, shown, finished, clock.now() - started);
    // A promise of a shadow is nobody else's: it is taken over in any case, so that its rejection is not the service's.
    const isAwaited = settled(
      outcome.threw ? undefined : outcome.value,
      (value) => this.target.entry.async && done({ threw: false, value }),
      (value) => this.target.entry.async && done({ threw: true, value }),
    );
    if (!isAwaited || !this.target.entry.async) done(outcome);
  }

  #compare({ old, variables }: Observed, args: RemoteValue[], { threw, value }: Outcome, tookMs: number): void {
    if (this.#over) return;
    this.#waiting -= 1;
    this.#timesMs.new.push(tookMs);
    const missing = variables?.missing ?? null;
    let equal = false;
    try {
      if (missing !== null) this.#count('incomparable', missing);
      else if (threw && isPrivateName(value)) this.#count('incomparable', 'it reads a private name, which a copy of this does not have');
      else {
        const fresh = { threw, value: new Copier(this.#around.clock.now).copy(value, false) };
        if (!this.#around.inspector.within(maxShadowCallMs, () => (equal = isDeepStrictEqual(old, fresh)))) throw new NoCopy('too much to compare');
        this.#count(equal ? 'equal' : 'different', null);
        if (!equal && threw && !old.threw) this.#counts.threw += 1;
        if (!equal && this.#differences.length < maxDifferences) this.#differences.push({ args, old: this.#shown(old), new: this.#shown(fresh) });
      }
    } catch (thrown) {
      this.#count('incomparable', noCopyOf(threw ? 'what the new function throws' : 'the new result', thrown));
    }
    this.#around.changed();
  }

  #skip(why: string): null {
    this.#count('skipped', why);
    this.#around.changed();
    return null;
  }

  /** A call that was copied and will have no shadow. */
  #drop(why: string): void {
    if (this.#over) return;
    this.#waiting -= 1;
    this.#skip(why);
  }

  #count(what: 'equal' | 'different' | 'skipped' | 'incomparable', why: string | null, calls = 1): void {
    this.#counts[what] += calls;
    if (why === null) return;
    const reason = this.#reasons.has(why) || this.#reasons.size < maxReasons ? why : 'other reasons';
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + calls);
  }

  #shown({ threw, value }: Outcome): { threw: boolean; value: RemoteValue } {
    return { threw, value: this.#preview(value) };
  }

  /** V8's own preview: it runs no getter. The copy is let go, so there is no handle to it. */
  #preview(copy: unknown): RemoteValue {
    const { inspector, objects } = this.#around;
    const { handle: _, ...value } = objects.value(inspector.show(copy, objects.group));
    return value;
  }
}

/** What a closure hands over, as a shadow sees it: captured variables as they were before the real call; what it writes stays with it. */
class ShadowVariables {
  /** Why something that the new code asked for is not there. */
  missing: string | null = null;
  readonly #offers: readonly string[];
  readonly #real: Accessor;
  readonly #values = new Map<number, unknown>();
  readonly #without = new Map<number, string>();

  constructor(target: FunctionTarget, { offers }: CallShape, accessor: Accessor, copier: Copier) {
    this.#offers = offers;
    this.#real = accessor;
    const { captured } = target.captures.useOf(target.entry.node);
    for (const [key, name] of offers.entries()) {
      if (!captured.has(name)) continue;
      try {
        this.#values.set(key, copier.copy(accessor(key, 0), true));
      } catch (thrown) {
        this.#without.set(key, noCopyOf(name, thrown));
      }
    }
  }

  readonly accessor: Accessor = (key, what, value) => {
    // A method of the base class; the shadow calls it with its own `this`.
    if (this.#offers[key] === 'super' && !what) return this.#real(key, 0, value);
    const variable = this.#values.has(key) || this.#without.has(key);
    if (variable && what === 1) {
      this.#without.delete(key);
      this.#values.set(key, value);
    } else if (!this.#values.has(key)) {
      this.missing ??= this.#without.get(key) ?? `it uses ${this.#offers[key] ?? 'something'} of the running call, which a shadow does not have`;
      throw new ReferenceError(this.missing);
    }
    return this.#values.get(key);
  };
}

function noCopyOf(where: string, thrown: unknown): string {
  if (thrown instanceof NoCopy) return `there is ${thrown.message} in ${where}, which has no copy`;
  return `${where} could not be copied (${thrown instanceof Error ? thrown.name : 'something was thrown'})`;
}

/** V8 names it in the message; there is nothing else to tell it by. */
function isPrivateName(error: unknown): boolean {
  return (
    types.isNativeError(error) &&
    /private (?:member|method|accessor|field|name)|^Receiver must be /.test(String(Reflect.getOwnPropertyDescriptor(error, 'message')?.value))
  );
}

function percentiles(samples: readonly number[]): Percentiles {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number): number => Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 1_000) / 1_000;
  return { p50: at(0.5), p99: at(0.99) };
}
