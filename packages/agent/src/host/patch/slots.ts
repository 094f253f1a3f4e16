/**
 * The strategy for code that was instrumented when it was loaded: a patch fills the function's slot. Every living closure reaches the patch at its next
 * call, with its own variables; the function objects the service handed out stay the same. Nothing stops for it.
 */
import { argumentCount, isInstrumentedModule, offerOrder } from '../../loader/index.ts';
import type { InstrumentedModule, OfferKey } from '../../loader/index.ts';
import type { StrategyVerdict } from '../../protocol/index.ts';
import { atOnce } from '../../source/index.ts';
import type { Pieces } from '../../source/index.ts';
import { compilingPatch } from './compile.ts';
import type { CompiledPatch } from './compile.ts';
import type { PatchImports } from './imports.ts';
import { howToGetSlots, loadedCode } from './modules.ts';
import type { FunctionTarget } from './modules.ts';
import { functionOf } from './slot-function.ts';
import { SlotPlaces } from './slot-places.ts';
import type { SlotFunction, SlotWrapper } from './slot-watch.ts';
import type { Change, PatchStrategy, Refusal, Transaction } from './strategy.ts';

/** What the process has seen of one module's slots. */
interface SlotHistory {
  /** For each function: what each text that makes such closures offers them. The loaded text is one of them. */
  offers: Map<number, Set<OfferKey>[]>;
  /** Functions of which some living closures may not answer to the slot, and the patch that made those. */
  detached: Map<number, string>;
  /** What the patch that is live now requires. */
  requires: Map<number, Set<OfferKey>>;
  /** What the loaded code requires where somebody looks at its calls, once for each who does. */
  observed: Map<number, Set<OfferKey>[]>;
  /** Another one whenever what closures offer has changed. */
  version: number;
}

/** A text compiled, or why it can not be. */
type Made = { patch: CompiledPatch; value: SlotFunction } | { why: string };

interface Ready {
  change: Change;
  module: InstrumentedModule;
  index: number;
  /** null puts the loaded code back. */
  patch: CompiledPatch | null;
  /** For the slot. */
  value: unknown;
}

export class SlotsStrategy implements PatchStrategy {
  readonly name = 'slots';
  readonly wraps = true;
  readonly #histories = new WeakMap<InstrumentedModule, SlotHistory>();
  readonly #places = new SlotPlaces();
  readonly #imports: PatchImports;
  /** What {@link begin} has made and is not applied. */
  readonly #begun = new WeakMap<FunctionTarget, { change: Change; version: number; made: Made }>();

  constructor(imports: PatchImports) {
    this.#imports = imports;
  }

  assess(target: FunctionTarget): StrategyVerdict {
    const why = this.#obstacle(target);
    return { name: this.name, possible: why === null, pauseMs: 0, why: why ?? 'it was given a slot when its file was loaded' };
  }

  reachable(target: FunctionTarget): string[] {
    const { module } = target;
    if (!isInstrumentedModule(module)) return [];
    const offered = this.#offered(target, module);
    return [...target.captures.useOf(target.entry.node).captured.keys()].filter((name) => offered.has(name));
  }

  *begin(changes: readonly Change[]): Pieces<void> {
    for (const change of changes) {
      const { code, target } = change;
      if (code === null || !isInstrumentedModule(target.module) || this.#obstacle(target) !== null) continue;
      const { version } = this.#history(target.module);
      const made = yield* this.#making(change, target.module, code);
      this.#begun.set(target, { change, version, made });
      yield;
    }
  }

  prepare(changes: readonly Change[]): { transaction: Transaction; refused: Refusal[] } {
    const refused: Refusal[] = [];
    let ready: Ready[] = [];
    for (const change of changes) {
      const result = this.#compile(change);
      if ('why' in result) refused.push({ address: change.target.address, why: result.why });
      else ready.push(result);
    }
    // One copy of a file that can not be patched refuses the function in all of them.
    const accepted = (each: Ready): boolean => !refused.some((refusal) => refusal.address === each.change.target.address);
    ready = ready.filter(accepted);
    refused.push(...this.#starving(ready));
    ready = ready.filter(accepted);
    return { transaction: this.#transaction(ready), refused };
  }

  /**
   * Lets something stand around a function, whichever patches of it come and go meanwhile, until it is taken away. The loaded code runs as its own patch as long.
   * @returns why that can not be, or what takes it away again and says whether the slot then holds what it should.
   */
  observe(target: FunctionTarget, observer: SlotWrapper): { why: string } | { stop: () => boolean } {
    const ready = this.#compile({ id: 'loaded', target, code: loadedCode(target) });
    if ('why' in ready) return ready;
    const [starving] = this.#starving([ready]);
    if (starving !== undefined) return starving;
    const { module, index, patch, value } = ready;
    const history = this.#history(module);
    const taken = this.#places.observe(module, index, value as SlotFunction, observer);
    this.#remember(ready);
    const requires = patch?.requires ?? new Set();
    history.observed.set(index, [...(history.observed.get(index) ?? []), requires]);
    return {
      stop: () => {
        history.observed.set(
          index,
          (history.observed.get(index) ?? []).filter((each) => each !== requires),
        );
        return taken();
      },
    };
  }

  /** A text of a function as slots call it, for whoever calls it without putting it there. */
  callable(target: FunctionTarget, { code, imports }: Pick<Change, 'imports'> & { code: string }): { why: string } | { call: SlotFunction } {
    const ready = this.#compile({ id: 'replay', target, code, imports });
    if ('why' in ready) return ready;
    const [starving] = this.#starving([ready]);
    if (starving !== undefined) return starving;
    this.#remember(ready);
    return { call: ready.value as SlotFunction };
  }

  /** Whether somebody looks at its calls, so that it runs as its own patch. */
  isObserved({ module, index }: FunctionTarget): boolean {
    return isInstrumentedModule(module) && this.#places.isObserved(module, index);
  }

  #obstacle(target: FunctionTarget): string | null {
    const { module } = target;
    if (!isInstrumentedModule(module)) return `its file was not instrumented: ${howToGetSlots(module)}`;
    const index = target.index;
    if (module.twice) return 'its file was run twice from one load, so that its slots serve two sets of variables';
    const without = module.without.get(index);
    if (without !== undefined) return `it has no slot: ${without}`;
    const by = this.#history(module).detached.get(index);
    if (by !== undefined) return `closures made by patch ${by} of an enclosing function do not answer to its slot; a restart brings them back`;
    return null;
  }

  #history(module: InstrumentedModule): SlotHistory {
    let history = this.#histories.get(module);
    if (history === undefined) {
      history = { offers: new Map(), detached: new Map(), requires: new Map(), observed: new Map(), version: 0 };
      this.#histories.set(module, history);
    }
    return history;
  }

  /** What every living closure of a function offers to its patch. */
  #offered(target: FunctionTarget, module: InstrumentedModule): Set<OfferKey> {
    const { captures, entry, index } = target;
    const loaded = [...offerOrder(captures, entry, target.classes), argumentCount];
    const others = this.#history(module).offers.get(index) ?? [];
    return new Set(loaded.filter((key) => others.every((each) => each.has(key))));
  }

  #compile(change: Change): Ready | { why: string } {
    const { target } = change;
    const { module } = target;
    const why = this.#obstacle(target);
    if (why !== null) return { why };
    if (!isInstrumentedModule(module)) return { why: 'its file was not instrumented' };
    const { index } = target;
    const ready: Ready = { change, module, index, patch: null, value: undefined };
    if (change.code === null) return ready;
    const made = this.#begunFor(change, module) ?? atOnce(this.#making(change, module, change.code));
    if ('why' in made) return made;
    return { ...ready, patch: made.patch, value: change.wrap === undefined ? made.value : change.wrap(made.value) };
  }

  /** What was begun for this very change, unless other patches of its module came in between. */
  #begunFor({ target, id, code, imports }: Change, module: InstrumentedModule): Made | null {
    const begun = this.#begun.get(target);
    if (begun === undefined || begun.version !== this.#history(module).version) return null;
    const { change, made } = begun;
    return change.id === id && change.code === code && change.imports === imports ? made : null;
  }

  *#making({ id, target, imports = [] }: Change, module: InstrumentedModule, code: string): Pieces<Made> {
    const imported = this.#imports.of(module, imports);
    if ('why' in imported) return imported;
    const { names } = imported;
    const offered = this.#offered(target, module);
    const patch = yield* compilingPatch(target, module, code, id, offered, new Set(names.keys()), (name) => name in globalThis);
    if ('why' in patch) return patch;
    yield;
    const made = functionOf(patch, module, target, names);
    return typeof made === 'string' ? { why: made } : { patch, value: made.value };
  }

  /** Changes whose new text makes closures that lack a variable which a patch of those closures needs. */
  #starving(ready: readonly Ready[]): Refusal[] {
    const refusals: Refusal[] = [];
    for (const { change, module, patch } of ready) {
      for (const [index, offered] of patch?.offers ?? []) {
        const inSet = ready.find((each) => each.module === module && each.index === index);
        const history = this.#history(module);
        const needed = inSet === undefined ? history.requires.get(index) : inSet.patch?.requires;
        const lacks = (name: OfferKey): boolean => !offered.has(name);
        const missing = [...(needed ?? [])].filter(lacks);
        const nested = change.target.functions[index]?.path ?? 'a nested function';
        const unseen = (history.observed.get(index) ?? []).flatMap((each) => [...each].filter(lacks));
        if (unseen.length > 0) {
          const why = `its new text makes ${nested} without ${unseen.join(', ')}, and the calls of ${nested} are being watched; end that first`;
          refusals.push({ address: change.target.address, why });
        }
        if (missing.length === 0) continue;
        refusals.push({
          address: change.target.address,
          why: `its new text makes ${nested} without ${missing.join(', ')}, which the patch of ${nested} uses; revert that patch or push both`,
        });
      }
      for (const index of patch?.detached ?? []) {
        const { requires, observed } = this.#history(module);
        if (!requires.has(index) && (observed.get(index) ?? []).length === 0) continue;
        refusals.push({
          address: change.target.address,
          why: 'a patch of a function nested in it is live, or its calls are being watched, and the new text has no counterpart of that function; end that first',
        });
      }
    }
    return refusals;
  }

  /** From now on closures of the new text may live, also after a revert: what they offer is never forgotten. */
  #remember({ change, module, patch }: Ready): void {
    const history = this.#history(module);
    history.version += 1;
    for (const [nested, names] of patch?.offers ?? []) {
      const offers = history.offers.get(nested) ?? [];
      if (!offers.some((known) => isSubset(known, names))) offers.push(names);
      history.offers.set(nested, offers);
    }
    for (const nested of patch?.detached ?? []) history.detached.set(nested, change.id);
  }

  #transaction(ready: readonly Ready[]): Transaction {
    let undoes: (() => void)[] = [];
    return {
      expectedPauseMs: 0,
      apply: () => {
        undoes = [];
        for (const each of ready) {
          const { module, index, patch, value } = each;
          const history = this.#history(module);
          const requiredBefore = history.requires.get(index);
          undoes.push(() => {
            if (requiredBefore === undefined) history.requires.delete(index);
            else history.requires.set(index, requiredBefore);
          });
          const before = this.#places.belongs(module, index);
          undoes.push(() => {
            // A slot that could not be filled holds what it held, and could not be filled with that either.
            if (!this.#places.holds(module, index, before)) this.#places.put(module, index, before);
          });
          this.#places.put(module, index, value);
          this.#begun.delete(each.change.target);
          if (patch === null) history.requires.delete(index);
          else history.requires.set(index, patch.requires);
          this.#remember(each);
        }
      },
      verify: () => {
        const proven = new Set<string>();
        const doubts: Refusal[] = [];
        for (const { change, module, index, value } of ready) {
          const { address } = change.target;
          if (this.#places.holds(module, index, value)) proven.add(address);
          else doubts.push({ address, why: 'its slot does not hold the patch' });
        }
        return { proven, doubts };
      },
      undo: () => {
        for (const undo of undoes.reverse()) undo();
        undoes = [];
      },
    };
  }
}

/** Where one text offers no more than another, the other says nothing new. */
function isSubset(part: ReadonlySet<OfferKey>, whole: ReadonlySet<OfferKey>): boolean {
  return [...part].every((key) => whole.has(key));
}
