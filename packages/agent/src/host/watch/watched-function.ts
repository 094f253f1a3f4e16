/**
 * One function that is watched: decides for each call whether it is shown, and says what was there. It runs inside the service's calls, so all it does is counted against the budget, nothing
 * it meets is run, and nothing it throws gets out.
 */
import { types } from 'node:util';
import { nodeClock, rounded } from '../../platform/clock.ts';
import { stringify, wallClockMs } from '../../platform/originals.ts';
import { limits } from '../../protocol/index.ts';
import type { WatchedCall } from '../../protocol/index.ts';
import type { FunctionTarget } from '../patch/modules.ts';
import { callShapeOf, openCall } from '../patch/slot-watch.ts';
import type { CallShape, SlotCall } from '../patch/slot-watch.ts';
import { callers } from './caller.ts';
import { parameterNames } from './condition.ts';
import type { CallCondition, Sight } from './condition.ts';
import { Glimpse } from './glimpse.ts';
import type { GlimpseLimits } from './glimpse.ts';
import type { Lookout } from './lookout.ts';
import type { CallEnd, CallObserver } from './observing.ts';
import type { KeptCall } from './recordings.ts';
import { describeThrown } from './words.ts';

const { now } = nodeClock;

/** Which calls are shown, and what of them. */
export interface Wanted {
  condition: CallCondition | null;
  slowerMs: number | null;
  throws: boolean;
  glimpse: GlimpseLimits;
  /** Frames of the caller. */
  stack: number;
  /** Keeps calls that are shown. */
  recorder: { next(): number; keep(call: KeptCall): void } | null;
}

/** What the functions of one watch share. */
export interface Watching {
  root: string;
  /** So many calls are shown. */
  limit: number;
  /** A condition runs: what it calls is nobody's call. */
  busy: boolean;
  /** Calls that have begun and may be shown when they end. */
  open: number;
  seen: number;
  shown: number;
  /** Calls that were not shown since the last one that was. */
  missedSince: number;
  /** `failed`: it was not possible to look at them. */
  missed: { rate: number; failed: number };
  conditionErrors: { calls: number; first?: string };
}

/** A call that has begun and may be shown. */
interface Begun {
  number: number;
  at: number;
  startedMs: number;
  syncMs: number | null;
  call: SlotCall;
  /** Its fields `args`, `moreArgs` and `self` as JSON text. */
  shown: string | null;
  stack: string[] | null;
}

export class WatchedFunction implements CallObserver<Begun> {
  readonly target: FunctionTarget;
  readonly #wanted: Wanted;
  readonly #watching: Watching;
  readonly #lookout: Lookout;
  readonly #shape: CallShape;
  /** As JSON text. */
  readonly #address: string;
  readonly #makesThis: boolean;
  /** Whether only the end of a call tells if it is shown. */
  readonly #decidedLate: boolean;
  /** Its `this`, asked of the accessor, since a derived constructor has none before super(). */
  readonly #thisKey: number;
  /** Their names, where they have such: an argument of that name may be a secret. */
  readonly #parameters: readonly (string | undefined)[];
  /** Calls that have begun, so that those which are open at the end can be told. */
  readonly #open = new Set<Begun>();
  seen = 0;
  shown = 0;

  constructor(target: FunctionTarget, wanted: Wanted, watching: Watching, lookout: Lookout) {
    this.#lookout = lookout;
    this.target = target;
    this.#wanted = wanted;
    this.#watching = watching;
    this.#shape = callShapeOf(target);
    this.#address = stringify(target.address);
    this.#parameters = parameterNames(target).map((name) => name ?? undefined);
    this.#makesThis = target.entry.kind.endsWith('constructor');
    this.#decidedLate = wanted.throws || wanted.slowerMs !== null || wanted.condition?.early === false;
    this.#thisKey = this.#shape.offers.indexOf('this');
  }

  begin(all: readonly unknown[]): Begun | null {
    const watching = this.#watching;
    const { meter, over } = this.#lookout;
    if (over || watching.busy) return null;
    this.seen += 1;
    watching.seen += 1;
    if (!meter.mayShow || watching.open >= limits.maxOpenCalls) {
      this.#tooFast();
      if (meter.pass()) this.#lookout.check(now());
      return null;
    }
    const startedMs = now();
    let begun: Begun | null = null;
    try {
      begun = this.#look(all, startedMs);
    } catch {
      this.#notSeen();
    }
    const endedMs = now();
    this.#spend(endedMs - startedMs, endedMs);
    // What looking took is not the call's.
    if (begun !== null) begun.startedMs = endedMs;
    return begun;
  }

  left(begun: Begun): void {
    begun.syncMs = now() - begun.startedMs;
  }

  end(begun: Begun, how: CallEnd, value: unknown): void {
    const watching = this.#watching;
    if (!this.#open.delete(begun)) return;
    watching.open -= 1;
    if (this.#lookout.over) return;
    const endedMs = now();
    try {
      this.#ended(begun, how, value, endedMs - begun.startedMs);
    } catch {
      this.#notSeen();
    }
    const doneMs = now();
    this.#spend(doneMs - endedMs, doneMs);
  }

  /**
   * Calls that are open when the watch ends.
   * @param show whether those of async functions are shown.
   * @returns how many.
   */
  close(atMs: number, show: boolean): number {
    const { size } = this.#open;
    for (const begun of this.#open) {
      if (!show || begun.syncMs === null || this.#decidedLate) continue;
      this.#show(begun, 'unsettled', null, atMs - begun.startedMs);
    }
    this.#open.clear();
    return size;
  }

  #look(all: readonly unknown[], startedMs: number): Begun | null {
    const watching = this.#watching;
    const { condition, stack } = this.#wanted;
    const call = openCall(this.#shape, all);
    if (condition?.early === true && !this.#holds(condition, { self: call.self, args: call.args })) return null;
    const begun: Begun = { number: watching.seen, at: wallClockMs(), startedMs, syncMs: null, call, shown: null, stack: null };
    // Where most calls will not be shown, a token is taken from those that are; so the others are looked at when they are over.
    if (!this.#decidedLate) {
      this.#lookout.meter.showing();
      begun.shown = this.#glimpse(call);
    }
    if (stack > 0) begun.stack = callers(watching.root, stack);
    this.#open.add(begun);
    watching.open += 1;
    return begun;
  }

  #ended(begun: Begun, how: CallEnd, value: unknown, ms: number): void {
    const { condition, slowerMs, throws } = this.#wanted;
    const failed = how === 'threw' || how === 'rejected';
    if (throws && !failed) return;
    if (slowerMs !== null && ms <= slowerMs) return;
    if (condition?.early === false) {
      const { self, args } = begun.call;
      if (!this.#holds(condition, { self, args, ms, ...(failed ? { error: value } : { result: value }) })) return;
    }
    if (this.#decidedLate) {
      const { meter } = this.#lookout;
      if (!meter.mayShow) return this.#tooFast();
      meter.showing();
    }
    this.#show(begun, how, { value }, ms);
  }

  #show(begun: Begun, how: WatchedCall['how'], end: { value: unknown } | null, ms: number): void {
    const watching = this.#watching;
    const { number, at, call, syncMs, stack } = begun;
    let item = `{"t":"call","number":${number},"at":${at},"address":${this.#address},"how":"${how}","ms":${rounded(ms)},${begun.shown ?? this.#glimpse(call)}`;
    if (begun.shown === null) item += ',"argsSeen":"after"';
    if (this.#makesThis) item += ',"constructed":true';
    if (end !== null && how !== 'closed') item += `,"value":${new Glimpse(this.#wanted.glimpse).of(this.#made(call, how, end.value))}`;
    if (syncMs !== null) item += `,"syncMs":${rounded(syncMs)}`;
    if (stack !== null) item += `,"stack":${stringify(stack)}`;
    if (watching.missedSince > 0) item += `,"missed":${watching.missedSince}`;
    const { recorder } = this.#wanted;
    if (recorder !== null) item += `,"recorded":${recorder.next()}`;
    const said = `${item}}`;
    if (!this.#lookout.speaker.say(said)) {
      watching.missedSince += 1;
      return;
    }
    recorder?.keep({ target: this.target, call, how, value: end === null ? undefined : this.#made(call, how, end.value), said });
    watching.missedSince = 0;
    this.shown += 1;
    watching.shown += 1;
    if (watching.shown >= watching.limit) this.#lookout.end('limit');
  }

  /** A constructor gives the object that it was called for, where it does not give another one. */
  #made(call: SlotCall, how: WatchedCall['how'], value: unknown): unknown {
    if (!this.#makesThis || how !== 'returned' || (typeof value === 'object' && value !== null) || typeof value === 'function') return value;
    return this.#thisKey === -1 ? call.self : call.accessor?.(this.#thisKey, 0);
  }

  #glimpse({ self, args }: SlotCall): string {
    const glimpse = new Glimpse(this.#wanted.glimpse);
    const most = limits.maxWatchedArguments;
    let shown = '';
    for (let index = 0; index < args.length && index < most; index += 1)
      shown += `${index === 0 ? '' : ','}${glimpse.of(args[index], this.#parameters[index])}`;
    const fields = `"args":[${shown}]${args.length > most ? `,"moreArgs":${args.length - most}` : ''}`;
    // Of a constructor it is empty still; the others say only how a function was called that needs none.
    if (this.#makesThis || self === undefined || self === globalThis || types.isModuleNamespaceObject(self)) return fields;
    return `${fields},"self":${glimpse.of(self)}`;
  }

  #holds(condition: CallCondition, sight: Sight): boolean {
    const watching = this.#watching;
    watching.busy = true;
    try {
      return condition.holds(sight);
    } catch (thrown) {
      this.#failed(thrown);
      return false;
    } finally {
      watching.busy = false;
    }
  }

  #failed(thrown: unknown): void {
    const { conditionErrors } = this.#watching;
    conditionErrors.calls += 1;
    conditionErrors.first ??= describeThrown(thrown, this.#wanted.glimpse);
  }

  #tooFast(): void {
    this.#watching.missedSince += 1;
    this.#watching.missed.rate += 1;
  }

  /** As where the service has used up the stack. */
  #notSeen(): void {
    this.#watching.missedSince += 1;
    this.#watching.missed.failed += 1;
  }

  #spend(ms: number, nowMs: number): void {
    const { meter } = this.#lookout;
    meter.spend(ms);
    if (meter.exhausted) this.#lookout.check(nowMs);
  }
}
