/**
 * What stands in a slot around a function whose calls are looked at: it tells an observer when a call begins and how it ends, and passes everything on. What the service gets is what it
 * would have got: the same values and errors, in the same turn, with the same handlers on a promise. The observer must not throw; where it does, it hears of no further end of that call.
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
      const call = observer.begin(all);
      if (call === null) return apply(inner, undefined, all);
      let result: unknown;
      try {
        result = apply(inner, undefined, all);
      } catch (error) {
        observer.end(call, 'threw', error);
        throw error;
      }
      observer.end(call, 'returned', result);
      return result;
    };
}

function asyncFunction<Call extends object>(inner: SlotFunction, observer: CallObserver<Call>): SlotFunction {
  return function (...all) {
    const call = observer.begin(all);
    const result: unknown = apply(inner, undefined, all);
    if (call === null) return result;
    observer.left(call);
    settled(
      result,
      (value) => observer.end(call, 'resolved', value),
      (reason) => observer.end(call, 'rejected', reason),
    );
    return result;
  };
}

/** Its body begins with the first value that is taken, and so does the call. */
function generator<Call extends object>(inner: SlotFunction, observer: CallObserver<Call>): SlotFunction {
  return function* (...all): Generator {
    const call = observer.begin(all);
    const inside = apply(inner, undefined, all) as Generator;
    if (call === null) return yield* inside;
    let open = true;
    try {
      const value: unknown = yield* inside;
      open = false;
      observer.end(call, 'returned', value);
      return value;
    } catch (error) {
      open = false;
      observer.end(call, 'threw', error);
      throw error;
    } finally {
      if (open) observer.end(call, 'closed', undefined);
    }
  };
}

function asyncGenerator<Call extends object>(inner: SlotFunction, observer: CallObserver<Call>): SlotFunction {
  return async function* (...all): AsyncGenerator {
    const call = observer.begin(all);
    const inside = apply(inner, undefined, all) as AsyncGenerator;
    if (call === null) return yield* inside;
    let open = true;
    try {
      const value: unknown = yield* inside;
      open = false;
      observer.end(call, 'returned', value);
      return value;
    } catch (error) {
      open = false;
      observer.end(call, 'threw', error);
      throw error;
    } finally {
      if (open) observer.end(call, 'closed', undefined);
    }
  };
}
