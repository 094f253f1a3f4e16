/** Closures that a patch makes answer to the same slots as those the loaded code made, so that patching them later reaches all of them. */
import { EditList, accessorOf, addSlot, argumentCount, offerOrder, offersOfNested, passesThis, passingLike, passingOf } from '../../loader/index.ts';
import type { Edit, InstrumentedModule, OfferKey, Passing, Spoken } from '../../loader/index.ts';
import { child, children, isWritable } from '../../source/index.ts';
import type { Captures, FunctionEntry, ParsedFunction } from '../../source/index.ts';
import type { FunctionTarget } from './modules.ts';
import { pairNested } from './nested.ts';
import type { Meaning } from './meaning.ts';

/** A patch between its parsing and its code. */
export interface Draft {
  target: FunctionTarget;
  module: InstrumentedModule;
  parsed: ParsedFunction;
  own: FunctionEntry;
  functions: FunctionEntry[];
  captures: Captures;
  meaning: Meaning;
}

export interface NestedSlots {
  /** Insertions into the text that was parsed. */
  edits: Edit[];
  offers: Map<number, Set<OfferKey>>;
  detached: Set<number>;
}

export function slotNested({ target, module, parsed, own, functions, captures, meaning }: Draft): NestedSlots {
  const { captures: loadedCaptures, functions: originals } = target;
  const { pairs, detached } = pairNested(originals, target.index, functions, functions.indexOf(own));
  const offers = new Map<number, Set<OfferKey>>();
  const text = new EditList(parsed.text);
  const spoken = spokenBy(target, meaning, own);
  for (const [original, nested] of pairs) {
    const entry = functions[nested];
    const loaded = originals[original];
    if (entry === undefined || loaded === undefined) continue;
    const order = offerOrder(loadedCaptures, loaded, target.classes);
    const shared = sharesWords(entry, own);
    const given = offersOfNested(entry, captures, spoken, !shared);
    const self = passesThis(loaded, loadedCaptures) ? (shared && entry.kind === 'arrow' ? meaning.self : 'this') : null;
    const accessor = accessorOf(given, order);
    const before = passingOf(loaded, loadedCaptures.useOf(loaded.node));
    const passing = passingLike(before, entry, captures.useOf(entry.node));
    const place = {
      text,
      source: parsed.text,
      tokens: parsed.tokens,
      entry,
      captures,
      slot: module.slot(original),
      accessor,
      self,
      passing,
      moved: [],
    };
    if (module.without.has(original) || !alike(loaded, entry, before, passing) || addSlot(place) !== null) {
      detached.add(original);
      continue;
    }
    const offered = new Set(order.filter((key) => given.has(key)));
    if (passing.exactFrom <= before.exactFrom) offered.add(argumentCount);
    offers.set(original, offered);
  }
  return { edits: text.sorted(), offers, detached };
}

/** Whether a patch of the one can serve the other. */
function alike(loaded: FunctionEntry, entry: FunctionEntry, before: Passing, passing: Passing): boolean {
  const parameters = children(entry.node, 'params');
  return (
    entry.generator === loaded.generator &&
    entry.kind === loaded.kind &&
    entry.async === loaded.async &&
    passing.takes >= before.takes &&
    // A destructured parameter would have to move into the body; the text of a patch is left as it was written.
    parameters.every((each) => (each.type === 'RestElement' ? child(each, 'argument') : each)?.type === 'Identifier')
  );
}

/** Whether `this` in a nested function is the patched function's: only arrows stand between. */
function sharesWords(entry: FunctionEntry, own: FunctionEntry): boolean {
  for (let at: FunctionEntry | null = entry; at !== null && at !== own; at = at.parent) if (at.kind !== 'arrow') return false;
  return true;
}

function spokenBy(target: FunctionTarget, meaning: Meaning, own: FunctionEntry): Spoken {
  const { entry, captures } = target;
  const { given, self } = meaning;
  const around = captures.scopeOf(entry.node).parent;
  return {
    variable(name) {
      const binding = around === null ? null : captures.resolve(name, around);
      if (binding === null || binding.scope === captures.module) return null;
      const index = meaning.offered(name);
      if (index === null) return null;
      const read = `${given.accessor}(${index})`;
      return isWritable(binding, captures) ? ({ how, value }) => `${how}?${given.accessor}(${index},1,${value}):${read}` : () => read;
    },
    word(key) {
      if (key === 'this') return () => self;
      if (key === 'arguments' && own.kind !== 'arrow') return () => 'arguments';
      if (key === 'super' && meaning.superByClass) return ({ value }) => `${given.reflect}.get(${given.home}(),${value},${self})`;
      const index = meaning.offered(key);
      if (index === null) return null;
      return ({ how, value, other }) =>
        key.startsWith('#') || key.startsWith('super') ? `${given.accessor}(${index},${how},${value},${other})` : `${given.accessor}(${index})`;
    },
  };
}
