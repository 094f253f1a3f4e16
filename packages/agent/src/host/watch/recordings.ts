/**
 * Calls that were kept while they were watched: their arguments, `this`, the variables they saw, and how they ended, by a number. They are kept as they are, not as copies, for the session
 * that asked for it and no longer, and no more than a bound: the oldest go first.
 */
import { rounded } from '../../platform/clock.ts';
import { types } from 'node:util';
import type { Clock } from '../../platform/clock.ts';
import { parse } from '../../platform/originals.ts';
import { KeyholeError, limits } from '../../protocol/index.ts';
import type { Params, RemoteValue, ReplayedCall, WatchedCall } from '../../protocol/index.ts';
import { redacted } from '../../source/secrets.ts';
import type { Inspector } from '../inspector.ts';
import type { SessionObjects } from '../objects.ts';
import type { PatchEngine } from '../patch/engine.ts';
import { loadedCode } from '../patch/modules.ts';
import type { FunctionTarget } from '../patch/modules.ts';
import { callShapeOf, callSlot, settled } from '../patch/slot-watch.ts';
import type { SlotCall } from '../patch/slot-watch.ts';
import type { SlotsStrategy } from '../patch/slots.ts';
import { staleBase } from '../patch/stale.ts';
import { isSecret } from '../secrets.ts';
import { parameterNames } from './condition.ts';

export interface KeptCall {
  target: FunctionTarget;
  call: SlotCall;
  how: WatchedCall['how'];
  value: unknown;
  /** What was said of it: the JSON text of a {@link WatchedCall}. */
  said: string;
}

interface Kept {
  calls: Map<number, KeptCall>;
  next: number;
}

export class Recordings {
  readonly #sessions = new Map<string, Kept>();

  /** What holds them. */
  get keeper(): object {
    return this.#sessions;
  }

  /** The number that the next one gets. */
  next(session: string): number {
    return this.#of(session).next;
  }

  keep(session: string, call: KeptCall): void {
    const kept = this.#of(session);
    kept.calls.set(kept.next, call);
    kept.next += 1;
    const [oldest] = kept.calls.keys();
    if (kept.calls.size > limits.maxRecordedCalls && oldest !== undefined) kept.calls.delete(oldest);
  }

  list(session: string): WatchedCall[] {
    return [...this.#of(session).calls.values()].map(({ said }) => parse(said) as WatchedCall);
  }

  /** What is shown of one when it is opened. @throws {KeyholeError} NOT_FOUND */
  opened(session: string, number: number): Record<string, unknown> {
    const { target, call, how, value } = this.find(session, number);
    const names = parameterNames(target);
    return { this: call.self, args: call.args.map((each, index) => (isSecret(names[index] ?? '') ? redacted : each)), [how]: value };
  }

  /** @throws {KeyholeError} NOT_FOUND */
  find(session: string, number: number): KeptCall {
    const found = this.#sessions.get(session)?.calls.get(number);
    if (found !== undefined) return found;
    throw new KeyholeError(
      'NOT_FOUND',
      `there is no recorded call ${number}`,
      `In keyhole attach, .watch --record keeps calls; the last ${limits.maxRecordedCalls} stay until you leave.`,
    );
  }

  forget(session: string): void {
    this.#sessions.delete(session);
  }

  #of(session: string): Kept {
    let kept = this.#sessions.get(session);
    if (kept === undefined) this.#sessions.set(session, (kept = { calls: new Map(), next: 1 }));
    return kept;
  }
}

export interface ReplayParts {
  slots: SlotsStrategy;
  engine: PatchEngine;
  inspector: Inspector;
  clock: Clock;
}

/**
 * Calls a function once more with what a call had: what runs now, or a text that is not applied. Its effects happen.
 * @throws {KeyholeError} NOT_PATCHABLE where that can not be, STALE_BASE, SYNTAX, TIMEOUT.
 */
export async function replayCall(
  { slots, engine, inspector, clock }: ReplayParts,
  { target, call, how, value }: KeptCall,
  { patch, timeoutMs = limits.defaultEvaluationTimeoutMs }: Params<'recording.replay'>,
  objects: SessionObjects,
): Promise<ReplayedCall> {
  const { address, entry } = target;
  const kind = entry.generator
    ? 'a generator: its caller takes the values one by one'
    : entry.kind.endsWith('constructor')
      ? 'a constructor: a call makes another object'
      : null;
  if (kind !== null) throw new KeyholeError('NOT_PATCHABLE', `${address} can not be called again: it is ${kind}`);
  const live = engine.liveAt(address);
  const runs = live?.code ?? loadedCode(target);
  if (patch !== undefined && patch.address !== address)
    throw new KeyholeError('BAD_REQUEST', `the new text is one of ${patch.address}, and the call was one of ${address}`);
  if (patch !== undefined && patch.baseCode !== runs) throw staleBase(address, patch.baseCode, runs);
  const callable = slots.callable(target, patch ?? live ?? { code: runs });
  if ('why' in callable) throw new KeyholeError('NOT_PATCHABLE', `${address}: ${callable.why}`);
  let outcome: { threw: boolean; value: unknown } = { threw: false, value: undefined };
  const startedMs = clock.now();
  const ended = inspector.within(timeoutMs, () => {
    try {
      outcome = { threw: false, value: callSlot(callable.call, callShapeOf(target), call) };
    } catch (thrown) {
      outcome = { threw: true, value: thrown };
    }
  });
  if (!ended)
    throw new KeyholeError('TIMEOUT', `${address} was ended after ${timeoutMs} ms`, 'It blocked the service as long; --timeout allows more.');
  const isPromise = !outcome.threw && types.isPromise(outcome.value);
  const now = isPromise
    ? await settling(outcome.value, clock, timeoutMs)
    : { how: outcome.threw ? ('threw' as const) : ('returned' as const), value: outcome.value };
  const ms = clock.now() - startedMs;
  const shown = (each: unknown): RemoteValue => objects.value(inspector.show(each, objects.group));
  return {
    address,
    text: patch !== undefined ? 'edited' : live !== null ? live.id : 'loaded',
    before: { how, value: shown(value) },
    now: { how: now.how, value: shown(now.value) },
    ms: rounded(ms),
  };
}

function settling(promise: unknown, clock: Clock, timeoutMs: number): Promise<{ how: 'resolved' | 'rejected'; value: unknown }> {
  return new Promise((resolve, reject) => {
    const late = new KeyholeError(
      'TIMEOUT',
      `its promise has not settled after ${timeoutMs} ms`,
      'What it does goes on in the service; --timeout waits longer.',
    );
    const callOff = clock.after(timeoutMs, () => reject(late));
    const done = (how: 'resolved' | 'rejected') => (value: unknown) => {
      callOff();
      // As a field: a promise would take a value that has a `then` for another promise.
      resolve({ how, value });
    };
    settled(promise, done('resolved'), done('rejected'));
  });
}
