/**
 * What stands in a slot around a function whose calls are looked at: it tells an observer when a call begins and how it ends, and passes everything on. What the service gets is what it
 * would have got: the same values and errors, in the same turn, with the same handlers on a promise. What an observer throws stays here: near the end of the stack even a look at the clock may.
 */
import { apply } from '../../platform/originals.ts';
import type { FunctionTarget } from '../patch/modules.ts';
import { settled } from '../patch/slot-watch.ts';
import type { SlotFunction, SlotWrapper } from '../patch/slot-watch.ts';

export type CallEnd = 'returned' | 'threw' | 'resolved' | 'rejected' | 'closed';

/** Looks at calls. `Call` is what it remembers of one. */
export interface CallObserver<Call> {
  /** Before the function's own code. Null: this call is not looked at. */
  begin(all: readonly unknown[]): Call | null;
  /** Runs the function's own code, where that takes something around it. Not for generators, whose code runs in pieces. */
  within?<Result>(call: Call, work: () => Result): Result;
  /** Of an async function: its first synchronous piece is over, its promise is not. */
  left(call: Call): void;
  end(call: Call, how: CallEnd, value: unknown): void;
}

/**
 * The promise that an ordinary function returns is its result, and is not followed: to follow it would make its rejection a handled one. That of an async function is taken over by the
 * function around the slot in any case.
 */
export function observing<Call extends object>({ entry }: FunctionTarget, observer: CallObserver<Call>): SlotWrapper {
  if (entry.generator) return (inner) => (entry.async ? asyncGenerator(inner, observer) : generator(inner, observer));
  if (entry.async) return (inner) => asyncFunction(inner, observer);
  return (inner) =>
    function (...all) {
      const call = begin(observer, all);
      if (call === null) return apply(inner, undefined, all);
      let result: unknown;
      try {
        result = run(observer, call, inner, all);
      } catch (error) {
        end(observer, call, 'threw', error);
        throw error;
      }
      end(observer, call, 'returned', result);
      return result;
    };
}

function asyncFunction<Call extends object>(inner: SlotFunction, observer: CallObserver<Call>): SlotFunction {
  return function (...all) {
    const call = begin(observer, all);
    if (call === null) return apply(inner, undefined, all);
    const result = run(observer, call, inner, all);
    left(observer, call);
    settled(
      result,
      (value) => end(observer, call, 'resolved', value),
      (reason) => end(observer, call, 'rejected', reason),
    );
    return result;
  };
}

/** Its body begins with the first value that is taken, and so does the call. */
function generator<Call extends object>(inner: SlotFunction, observer: CallObserver<Call>): SlotFunction {
  return function* (...all): Generator {
    const call = begin(observer, all);
    const inside = apply(inner, undefined, all) as Generator;
    if (call === null) return yield* inside;
    let open = true;
    try {
      const value: unknown = yield* inside;
      open = false;
      end(observer, call, 'returned', value);
      return value;
    } catch (error) {
      open = false;
      end(observer, call, 'threw', error);
      throw error;
    } finally {
      if (open) end(observer, call, 'closed', undefined);
    }
  };
}

function asyncGenerator<Call extends object>(inner: SlotFunction, observer: CallObserver<Call>): SlotFunction {
  return async function* (...all): AsyncGenerator {
    const call = begin(observer, all);
    const inside = apply(inner, undefined, all) as AsyncGenerator;
    if (call === null) return yield* inside;
    let open = true;
    try {
      const value: unknown = yield* inside;
      open = false;
      end(observer, call, 'returned', value);
      return value;
    } catch (error) {
      open = false;
      end(observer, call, 'threw', error);
      throw error;
    } finally {
      if (open) end(observer, call, 'closed', undefined);
    }
  };
}

function run<Call>(observer: CallObserver<Call>, call: Call, inner: SlotFunction, all: readonly unknown[]): unknown {
  return observer.within === undefined ? apply(inner, undefined, all) : observer.within(call, (): unknown => apply(inner, undefined, all));
}

function begin<Call>(observer: CallObserver<Call>, all: readonly unknown[]): Call | null {
  try {
    return observer.begin(all);
  } catch {
    return null;
  }
}

function left<Call>(observer: CallObserver<Call>, call: Call): void {
  try {
    observer.left(call);
  } catch {
    // Then nothing is known of that.
  }
}

function end<Call>(observer: CallObserver<Call>, call: Call, how: CallEnd, value: unknown): void {
  try {
    observer.end(call, how, value);
  } catch {
    // Then that call is not shown.
  }
}
