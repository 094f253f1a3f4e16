/** What a call of an instrumented function hands to its patch: fixed when the text is loaded, so patches are held against it. */
import { children } from '../source/index.ts';
import type { FunctionEntry, FunctionUse } from '../source/index.ts';
import type { OfferKey } from './offers.ts';

/** What a text offers whose calls are as exact as those of the loaded one. It stands beside what an accessor offers, and is no case of it. */
export const argumentCount: OfferKey = 'the number of its arguments';

export interface Passing {
  /** How many arguments can reach the patch. */
  takes: number;
  /** From which position on the patch can tell an argument that was left out from `undefined`. */
  exactFrom: number;
}

/** `arguments` where the text says it, else the parameters by their names, and whatever its rest parameter takes. */
export function passingOf({ node, kind }: FunctionEntry, use: FunctionUse): Passing {
  if (use.arguments && kind !== 'arrow') return { takes: Infinity, exactFrom: 0 };
  const parameters = children(node, 'params');
  const named = parameters.filter((each) => each.type !== 'RestElement').length;
  return named < parameters.length ? { takes: Infinity, exactFrom: named } : { takes: named, exactFrom: Infinity };
}

/** From which position on a text tells an argument that was left out from `undefined`; Infinity where it does not. */
export function exactnessOf({ node, kind }: FunctionEntry, use: FunctionUse): number {
  if (use.arguments && kind !== 'arrow') return 0;
  const rest = children(node, 'params').findIndex((each) => each.type === 'RestElement');
  return rest === -1 ? Infinity : rest;
}
