/**
 * Timers and immediates that are set, as Node keeps them: a list for each number of milliseconds, and one of immediates. Nothing hands these out; the closure of Node's own `setTimeout` has them,
 * and a closure can be read without running anything. A list is walked as it is; nothing in it is changed, held or called.
 */
import type { Adapter, FoundActor } from '../host/actors/adapter.ts';
import { isOwnTimer, startTimeout, stopTimeout } from '../platform/clock.ts';
import { ownKeys } from '../platform/originals.ts';
import { isObject, Numbers, own, ownBySymbol, ownNumber, ownText } from './own.ts';

/** What has to be known of functions: the host can tell. */
export interface FunctionFacts {
  /** A variable that a function sees in its closure. */
  variable(of: (...words: never[]) => unknown, name: string): unknown;
  /** Where it was written; null where that is not known. */
  madeAt(of: unknown): { file: string; line: number } | null;
}

/** Characters of a name. */
const maxName = 60;
const nothing = (): void => undefined;

/** @param functions null while there is no host. */
export function timers(functions: () => FunctionFacts | null): Adapter {
  const numbers = new Numbers();
  return {
    name: 'timers',
    shown: 'asked',
    *list(): Generator<FoundActor> {
      const facts = functions();
      const lists = facts?.variable(startTimeout, 'timerListMap');
      if (facts === null || !isObject(lists))
        throw new Error(`Node ${process.version} keeps its timers where they can not be read, or they are not Node's; --from resources counts them`);
      for (const timer of timersIn(lists)) if (!isOwnTimer(timer)) yield { actor: timer, name: String(numbers.of(timer)), type: typeOf(timer) };
      for (const immediate of immediatesIn(facts.variable(startTimeout, 'immediateQueue')))
        if (!isOwnTimer(immediate)) yield { actor: immediate, name: String(numbers.of(immediate)), type: 'Immediate' };
    },
    state: (timer) => stateOf(timer, functions()),
    isOver: (timer) => own(timer, '_destroyed') === true,
  };
}

/** Those of each list, the next to run first. A list is a ring, of which it is itself a part. */
function* timersIn(lists: object): Generator<object> {
  for (const key of ownKeys(lists)) {
    const list = own(lists, key);
    for (let timer = own(list, '_idlePrev'); isObject(timer) && timer !== list; timer = own(timer, '_idlePrev')) yield timer;
  }
}

function* immediatesIn(queue: unknown): Generator<object> {
  for (let immediate = own(queue, 'head'); isObject(immediate); immediate = own(immediate, '_idleNext')) yield immediate;
}

function typeOf(timer: object): string {
  return ownNumber(timer, '_repeat') === null ? 'Timeout' : 'Interval';
}

function stateOf(timer: object, facts: FunctionFacts | null): object {
  const isImmediate = own(timer, '_onImmediate') !== undefined;
  const callback = own(timer, isImmediate ? '_onImmediate' : '_onTimeout');
  const at = facts?.madeAt(callback) ?? null;
  const afterMs = ownNumber(timer, '_idleTimeout');
  const startMs = ownNumber(timer, '_idleStart');
  return {
    callback: nameOf(callback),
    ...(at !== null && { at: `${at.file}:${at.line}` }),
    ...(!isImmediate && afterMs !== null && { afterMs, inMs: startMs === null ? null : Math.round(startMs + afterMs - loopTimeMs()) }),
    keepsAlive: ownBySymbol(timer, 'refed') === true,
  };
}

function nameOf(callback: unknown): string {
  const name = ownText(callback, 'name')?.replace(/^(?:bound )+/, '') ?? '';
  return name === '' ? '(anonymous)' : name.slice(0, maxName);
}

/** The moment that Node counts from: only a timer that is just set has it. */
function loopTimeMs(): number {
  const timer = startTimeout(nothing, 1);
  const startMs = ownNumber(timer, '_idleStart') ?? 0;
  stopTimeout(timer);
  return startMs;
}
