/** One place that held a function and was given another: told apart in a heap snapshot by the name of this class. */
import type { AnyFunction, Spot } from './rebind-spots.ts';

/** A place that holds a patch. The survey knows by the class's name that what it holds is held by us. */
export class KeyholePlace {
  readonly spot: Spot;
  /** What it held when it was loaded. */
  readonly keyholeOriginal: AnyFunction;
  /** What it held before this transaction, and after it. */
  readonly before: AnyFunction;
  readonly after: AnyFunction;

  constructor(spot: Spot, keyholeOriginal: AnyFunction, before: AnyFunction, after: AnyFunction) {
    this.spot = spot;
    this.keyholeOriginal = keyholeOriginal;
    this.before = before;
    this.after = after;
  }
}
