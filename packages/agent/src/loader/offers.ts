/**
 * What a function hands to its patch: an accessor, which is an arrow inside the function and therefore sees what the function sees. It is compiled only when a
 * patch asks it something, but read at every start, so it is short:
 *
 *   ()=>fee      (k,w,v)=>k==0?fee:w?sum=v:sum      (k,w,v)=>super[v]
 *
 * The first parameter says which, the second what to do (0 read, 1 write, 2 `in`), the third is the value (or the object, for a private name), the fourth the value for a private
 * name. What is not a captured variable is offered only where the function says it already, so that no function is made to keep more than it did.
 */
import { isWritable } from '../source/index.ts';
import type { Captures, FunctionEntry, SyntaxNode } from '../source/index.ts';

/** The accessor's parameters under names that mean nothing else in the function. */
export interface AccessorNames {
  which: string;
  how: string;
  value: string;
  other: string;
}

/** How one thing is said inside the accessor. */
export type OfferCase = (names: AccessorNames) => string;

/** How the text of a patch says what its original said itself. */
export interface Spoken {
  /** A captured variable that is none of the text's own; null where the name is something else. */
  variable(name: string): OfferCase | null;
  /** A word (`this`, `super`, ...) or a private name of the patched function itself; null where it can not be said. */
  word(key: string): OfferCase | null;
}

/** A variable by its name, a private name as `#x`, or one of the words below. */
export type OfferKey = string;

/** The cases of a function's accessor, by what they offer, in a fixed order. */
export function offersOf(entry: FunctionEntry, captures: Captures, registered: ReadonlySet<SyntaxNode>): Map<OfferKey, OfferCase> {
  const use = captures.useOf(entry.node);
  const isArrow = entry.node.type === 'ArrowFunctionExpression';
  const derived = entry.kind === 'derived constructor';
  const offers = new Map<OfferKey, OfferCase>();
  for (const [name, binding] of use.captured) offers.set(name, variableCase(name, isWritable(binding, captures)));
  if (isArrow && use.arguments) offers.set('arguments', wordCases.arguments);
  if (use.newTarget) offers.set('new.target', wordCases['new.target']);
  if (use.super || derived) offers.set('super', wordCases.super);
  if (derived || (isArrow && use.superCall)) offers.set('super()', wordCases['super()']);
  if (derived) offers.set('this', wordCases.this);
  for (const [name, declaring] of use.privateNames) {
    if (declaring !== null && !registered.has(declaring)) offers.set(`#${name}`, privateCase(name));
  }
  return offers;
}

/** The cases that the text of a patch can offer of those its original offered. */
export function offersOfNested(entry: FunctionEntry, captures: Captures, spoken: Spoken, ownsWords: boolean): Map<OfferKey, OfferCase> {
  const offers = offersOf(entry, captures, new Set());
  for (const [name, declaring] of captures.useOf(entry.node).privateNames) {
    const code = declaring === null ? spoken.word(`#${name}`) : null;
    if (code !== null) offers.set(`#${name}`, code);
  }
  if (!ownsWords) {
    for (const key of Object.keys(wordCases)) {
      if (!offers.delete(key)) continue;
      const code = spoken.word(key);
      if (code !== null) offers.set(key, code);
    }
  }
  for (const reference of captures.references) {
    if (reference.node.start < entry.node.start || reference.node.end > entry.node.end) continue;
    if (captures.resolve(reference.name, reference.scope) !== null) continue;
    const variable = spoken.variable(reference.name);
    if (variable !== null) offers.set(reference.name, variable);
  }
  return offers;
}

/** The arrow, with the cases numbered as the loaded function numbers them; null where there is nothing to offer. */
export function accessorOf(offers: ReadonlyMap<OfferKey, OfferCase>, order: readonly OfferKey[] = [...offers.keys()]): string | null {
  if (order.length === 0) return null;
  const names = namesBeside(new Set(offers.keys()));
  const cases = order.flatMap((key, index) => {
    const code = offers.get(key)?.(names);
    return code === undefined ? [] : [{ index, code }];
  });
  const [last, ...others] = cases.toReversed();
  if (last === undefined) return '()=>{}';
  const body = others.reduce((rest, { index, code }) => `${names.which}==${index}?${code.includes('?') ? `(${code})` : code}:${rest}`, last.code);
  const parameters = [names.which, names.how, names.value, names.other];
  const used = parameters.findLastIndex((name) => body.includes(name));
  return `(${parameters.slice(0, used + 1).join(',')})=>${body}`;
}

/** Short names that none of the offered variables has. */
function namesBeside(taken: ReadonlySet<string>): AccessorNames {
  const free = (name: string): string => (taken.has(name) ? free(`${name}_`) : name);
  return { which: free('k'), how: free('w'), value: free('v'), other: free('o') };
}

/** The accessor of a class for the private names it declares. */
export function privateAccessorOf(names: readonly string[]): string {
  return accessorOf(new Map(names.map((name) => [`#${name}`, privateCase(name)]))) ?? 'null';
}

const wordCases: Record<string, OfferCase> & Record<'arguments' | 'new.target' | 'super' | 'super()' | 'this', OfferCase> = {
  arguments: () => 'arguments',
  'new.target': () => 'new.target',
  super: ({ value }) => `super[${value}]`,
  'super()': ({ value }) => `super(...${value})`,
  this: () => 'this',
};

function variableCase(name: string, writable: boolean): OfferCase {
  return ({ how, value }) => (writable ? `${how}?${name}=${value}:${name}` : name);
}

function privateCase(name: string): OfferCase {
  return ({ how, value, other }) => `${how}==2?#${name} in ${value}:${how}?${value}.#${name}=${other}:${value}.#${name}`;
}
