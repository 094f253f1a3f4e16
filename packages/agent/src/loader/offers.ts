/**
 * What a function hands to its patch: an accessor, which is an arrow inside the function and therefore sees what the function sees. It is compiled only when a
 * patch asks it something.
 *
 *   ($khk,$khw,$khv,$kho)=>{switch($khk){case 0:return $khw?sum=$khv:sum;case 1:return super[$khv];}}
 *
 * `$khk` says which, `$khw` what to do (0 read, 1 write, 2 `in`), `$khv` the value (or the object, for a private name), `$kho` the value for a private name. What is not a
 * captured variable is offered only where the function says it already, so that no function is made to keep more than it did.
 */
import { isWritable } from '../source/index.ts';
import type { Captures, FunctionEntry, SyntaxNode } from '../source/index.ts';

/** Names of the accessor's parameters; a function that captures a variable of such a name gets no slot. */
export const accessorParameters = ['$khk', '$khw', '$khv', '$kho'] as const;

/** How the text of a patch says what its original said itself. */
export interface Spoken {
  /** A captured variable that is none of the text's own, with `$khv` for the value that is written; null where the name is something else. */
  variable(name: string): { read: string; write: string | null } | null;
  /** The code of the case for a word (`this`, `super`, ...) of the patched function itself; null where it can not be said. */
  word(key: string): string | null;
}

/** A variable by its name, a private name as `#x`, or one of these words. */
export type OfferKey = string;

/** The cases of a function's accessor, by what they offer, in a fixed order. */
export function offersOf(entry: FunctionEntry, captures: Captures, registered: ReadonlySet<SyntaxNode>): Map<OfferKey, string> {
  const use = captures.useOf(entry.node);
  const isArrow = entry.node.type === 'ArrowFunctionExpression';
  const derived = entry.kind === 'derived constructor';
  const offers = new Map<OfferKey, string>();
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
export function offersOfNested(entry: FunctionEntry, captures: Captures, spoken: Spoken, ownsWords: boolean): Map<OfferKey, string> {
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
    if (variable !== null) offers.set(reference.name, variable.write === null ? variable.read : `$khw?${variable.write}:${variable.read}`);
  }
  return offers;
}

/** The arrow, with the cases numbered as the loaded function numbers them; null where there is nothing to offer. */
export function accessorOf(offers: ReadonlyMap<OfferKey, string>, order: readonly OfferKey[] = [...offers.keys()]): string | null {
  const cases = order.flatMap((key, index) => {
    const code = offers.get(key);
    return code === undefined ? [] : [`case ${index}:return ${code};`];
  });
  return order.length === 0 ? null : `(${accessorParameters.join(',')})=>{switch($khk){${cases.join('')}}}`;
}

/** The accessor of a class for the private names it declares. */
export function privateAccessorOf(names: readonly string[]): string {
  return accessorOf(new Map(names.map((name) => [`#${name}`, privateCase(name)]))) ?? 'null';
}

const wordCases = { arguments: 'arguments', 'new.target': 'new.target', super: 'super[$khv]', 'super()': 'super(...$khv)', this: 'this' };

function variableCase(name: string, writable: boolean): string {
  return writable ? `$khw?${name}=$khv:${name}` : name;
}

function privateCase(name: string): string {
  return `$khw==2?#${name} in $khv:$khw?$khv.#${name}=$kho:$khv.#${name}`;
}
