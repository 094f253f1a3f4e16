/**
 * What may stand in a slot instead of the compiled patch, for a while: a function around it that looks and passes everything on. The one place besides the strategy that knows how a
 * slot is called. What looks must never change what the service sees: neither a value, nor an error, nor whether somebody handles a rejection.
 */
import { types } from 'node:util';
import { offerOrder, passesThis } from '../../loader/index.ts';
import type { OfferKey } from '../../loader/index.ts';
import { apply, followed } from '../../platform/originals.ts';
import type { FunctionTarget } from './modules.ts';

export type SlotFunction = (this: unknown, ...all: unknown[]) => unknown;
/** Called once for each evaluation of the module, in their order. */
export type SlotWrapper = (inner: SlotFunction) => SlotFunction;
/** What one closure hands over, by number: reads it (0), writes it (1), or asks for a private name (2). */
export type Accessor = (key: number, what?: 0 | 1 | 2, value?: unknown, more?: unknown) => unknown;

/** What the calls of a function hand to its slot before the arguments; it was fixed when the file was loaded. */
export interface CallShape {
  passesThis: boolean;
  /** What the accessor offers, by its number; none where there is no accessor. */
  offers: readonly OfferKey[];
}

/** A call of a slot, taken apart. */
export interface SlotCall {
  self: unknown;
  accessor: Accessor | null;
  args: readonly unknown[];
}

export function callShapeOf({ entry, captures, classes }: FunctionTarget): CallShape {
  return { passesThis: passesThis(entry, captures), offers: offerOrder(captures, entry, classes) };
}

export function openCall({ passesThis, offers }: CallShape, all: readonly unknown[]): SlotCall {
  const at = passesThis ? 1 : 0;
  const accessor = offers.length > 0 ? (all[at] as Accessor) : null;
  return { self: passesThis ? all[0] : undefined, accessor, args: all.slice(accessor === null ? at : at + 1) };
}

export function callSlot(inner: SlotFunction, { passesThis }: CallShape, { self, accessor, args }: SlotCall): unknown {
  return apply(inner, undefined, [...(passesThis ? [self] : []), ...(accessor === null ? [] : [accessor]), ...args]);
}

/**
 * Calls back for each call that fails: it throws, or the promise of an async function rejects, or a generator throws to whoever iterates. The promise that an ordinary function
 * returns is not looked at: to look would make its rejection a handled one.
 */
export function watchingErrors({ entry }: FunctionTarget, failed: (error: unknown) => void): SlotWrapper {
  if (entry.generator) return (inner) => (entry.async ? watchedAsyncGenerator(inner, failed) : watchedGenerator(inner, failed));
  return (inner) =>
    function (...all) {
      let result: unknown;
      try {
        result = apply(inner, this, all);
      } catch (error) {
        failed(error);
        throw error;
      }
      // The async function around the slot takes this promise over, so it is handled in any case.
      if (entry.async) settled(result, () => undefined, failed);
      return result;
    };
}

/** Hears how a native promise ends. Only for promises that somebody else handles in any case, or that nobody else will ever see. */
export function settled(promise: unknown, done: (value: unknown) => unknown, failed: (reason: unknown) => unknown): boolean {
  if (!types.isPromise(promise)) return false;
  void followed(promise, done, failed);
  return true;
}

function watchedGenerator(inner: SlotFunction, failed: (error: unknown) => void): SlotFunction {
  return function* (this: unknown, ...all: unknown[]): Generator {
    try {
      return yield* apply(inner, this, all) as Generator;
    } catch (error) {
      failed(error);
      throw error;
    }
  };
}

function watchedAsyncGenerator(inner: SlotFunction, failed: (error: unknown) => void): SlotFunction {
  return async function* (this: unknown, ...all: unknown[]): AsyncGenerator {
    try {
      return yield* apply(inner, this, all) as AsyncGenerator;
    } catch (error) {
      failed(error);
      throw error;
    }
  };
}
