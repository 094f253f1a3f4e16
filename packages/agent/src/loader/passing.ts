/** What a call of an instrumented function hands to its patch: fixed when the text is loaded, so patches are held against it. */
import { child, children, opensStrict } from '../source/index.ts';
import type { FunctionEntry, FunctionUse } from '../source/index.ts';
import type { OfferKey } from './offers.ts';

/** What a text offers whose calls are as exact as those of the loaded one. It stands beside what an accessor offers, and is no case of it. */
export const argumentCount: OfferKey = 'the number of its arguments';

export interface Passing {
  /** `arguments` where the text says it, or was `given` it; else the parameters by their names, and whatever its rest parameter takes, which it may have been given as well. */
  by: 'arguments' | 'given arguments' | 'own rest' | 'given rest' | 'names';
  /** How many arguments can reach the patch. */
  takes: number;
  /** From which position on the patch can tell an argument that was left out from `undefined`. */
  exactFrom: number;
}

/** @param free whether it costs little to hand on more than the parameters. */
export function passingOf(entry: FunctionEntry, use: FunctionUse, free = isCheap): Passing {
  if (use.arguments && entry.kind !== 'arrow') return { by: 'arguments', takes: Infinity, exactFrom: 0 };
  if (isGivenArguments(entry, use, free)) return { by: 'given arguments', takes: Infinity, exactFrom: 0 };
  const parameters = children(entry.node, 'params');
  const named = parameters.filter((each) => each.type !== 'RestElement').length;
  if (named < parameters.length) return { by: 'own rest', takes: Infinity, exactFrom: named };
  if (isGivenRest(entry, use, free)) return { by: 'given rest', takes: Infinity, exactFrom: named };
  return { by: 'names', takes: named, exactFrom: Infinity };
}

/** As {@link passingOf}, of a function in the text of a patch that stands for a loaded one: what that one was given this one has too, however short it is. */
export function passingLike(loaded: Passing, entry: FunctionEntry, use: FunctionUse): Passing {
  const own = passingOf(entry, use);
  if (own.by !== 'names') return own;
  if (loaded.by === 'given arguments' && mayBeGivenArguments(entry, use)) return loaded;
  if (loaded.by === 'given rest' && mayBeGivenRest(entry, use)) return { by: 'given rest', takes: Infinity, exactFrom: own.takes };
  return own;
}

/**
 * To say `arguments` costs an object for each call that V8 does not put into its caller. On Node 24 real libraries were 2 to 5 per cent slower where every function did, and none where the short
 * ones did not. Of these, those have it that other files call, with what nobody here can know; and async functions on every Node, which V8 never puts into their callers.
 */
function isGivenArguments(entry: FunctionEntry, use: FunctionUse, free: boolean): boolean {
  // In sloppy code `arguments` would move the parameters to the heap.
  return (entry.async || (free && use.strict && (use.calledFromOutside || isLong(entry)))) && mayBeGivenArguments(entry, use);
}

/** On Node 22 the same libraries were 2 to 4 per cent slower, a template engine with sloppy functions a tenth. */
const isCheap = Number(process.versions.node.split('.')[0]) >= 24;

const shortCharacters = 120;

function isLong({ node }: FunctionEntry): boolean {
  return node.end - node.start >= shortCharacters;
}

/** Why calls of a function hand on no more than its parameters. */
export function whyNoMore(entry: FunctionEntry, use: FunctionUse): string {
  if (entry.generator) return 'a generator would be slower for it';
  if (use.directEval) return 'it calls eval';
  if (passingOf(entry, use, true).by !== 'names') return 'it would be slower for it before Node 24';
  if (!isLong(entry)) return `it is shorter than ${shortCharacters} characters, and would be slower for it`;
  return 'a rest parameter would have to stand in its text, and whoever has it may read there the names of its parameters';
}

/** Arrows have none of their own, those of a generator cost a fifth, and what `eval` might declare is not known. */
function mayBeGivenArguments({ generator, kind }: FunctionEntry, { directEval }: FunctionUse): boolean {
  return !generator && kind !== 'arrow' && !directEval;
}

/**
 * A rest parameter changes neither `length` nor `name`, but it stands in the text, where containers that bring dependencies by the names of parameters read it. So only those have one that nobody
 * can have to look at, because whoever says their name calls them, and listeners, handlers and callbacks, which nobody reads so; their callers often have more to give than they take.
 */
function isGivenRest(entry: FunctionEntry, use: FunctionUse, free: boolean): boolean {
  return (use.handedOn || (free && use.onlyCalled && isLong(entry))) && mayBeGivenRest(entry, use);
}

/** A directive of the function's own forbids it, and `eval` might look for mapped arguments. */
function mayBeGivenRest({ node, generator }: FunctionEntry, { directEval }: FunctionUse): boolean {
  return !generator && !directEval && !opensStrict(child(node, 'body'));
}

/** From which position on a text tells an argument that was left out from `undefined`; Infinity where it does not. */
export function exactnessOf({ node, kind }: FunctionEntry, use: FunctionUse): number {
  if (use.arguments && kind !== 'arrow') return 0;
  const rest = children(node, 'params').findIndex((each) => each.type === 'RestElement');
  return rest === -1 ? Infinity : rest;
}
