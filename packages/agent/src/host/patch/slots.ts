/**
 * The strategy for code that was instrumented when it was loaded: a patch fills the function's slot. Every living closure reaches the patch at its next
 * call, with its own variables; the function objects the service handed out stay the same. Nothing stops for it.
 */
import { Script } from 'node:vm';
import { argumentCount, isInstrumentedModule, offerOrder } from '../../loader/index.ts';
import type { InstrumentedModule, ModuleScope, OfferKey, PrivateAccessor } from '../../loader/index.ts';
import { apply, compile, defineProperty, get, getPrototypeOf, set } from '../../platform/originals.ts';
import { KeyholeError } from '../../protocol/index.ts';
import type { StrategyVerdict } from '../../protocol/index.ts';
import { compilePatch } from './compile.ts';
import type { CompiledPatch } from './compile.ts';
import type { PatchImports } from './imports.ts';
import { loadedCode } from './modules.ts';
import type { FunctionTarget } from './modules.ts';
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
}

interface Ready {
  change: Change;
  module: InstrumentedModule;
  index: number;
  /** null puts the loaded code back. */
  patch: CompiledPatch | null;
  /** For the slot. */
  value: unknown;
}

const reflect = Object.freeze({ apply, get, set });

export class SlotsStrategy implements PatchStrategy {
  readonly name = 'slots';
  readonly wraps = true;
  readonly #histories = new WeakMap<InstrumentedModule, SlotHistory>();
  readonly #places = new SlotPlaces();
  readonly #imports: PatchImports;

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
    if (!isInstrumentedModule(module)) return 'its file was not instrumented: start the service with --import @keyhole/agent/register';
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
      history = { offers: new Map(), detached: new Map(), requires: new Map(), observed: new Map() };
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
    const imported = this.#imports.of(module, change.imports ?? []);
    if ('why' in imported) return imported;
    const { names } = imported;
    const patch = compilePatch(
      target,
      module,
      change.code,
      change.id,
      this.#offered(target, module),
      new Set(names.keys()),
      (name) => name in globalThis,
    );
    if ('why' in patch) return patch;
    const made = functionOf(patch, module, target, names);
    if (typeof made === 'string') return { why: made };
    return { ...ready, patch, value: change.wrap === undefined ? made.value : change.wrap(made.value) };
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
          undoes.push(() => this.#places.put(module, index, before));
          this.#places.put(module, index, value);
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

/** Where the process forbids eval, a script does it. */
function compiled(code: string): unknown {
  try {
    // By eval: what vm.Script compiles stays in memory, 2 KB a text (Node 20, 22, 24); Node 26 keeps either.
    return compile(code);
  } catch (thrown) {
    if (thrown instanceof EvalError) return new Script(code).runInThisContext();
    throw thrown;
  }
}

/** Compiles a patch; a text that only V8 refuses is the author's error, what else goes wrong is a refusal. */
function functionOf(
  patch: CompiledPatch,
  module: InstrumentedModule,
  target: FunctionTarget,
  imported: ReadonlyMap<string, () => unknown>,
): { value: SlotFunction } | string {
  const registered = patch.classIndex === null ? undefined : module.classes.get(patch.classIndex);
  if (patch.classIndex !== null && registered === undefined) return 'its class has not been evaluated';
  let make: (scope: ModuleScope, home: () => unknown, privates: PrivateAccessor | null | undefined, native: typeof reflect) => unknown;
  try {
    make = compiled(patch.code) as typeof make;
  } catch (thrown) {
    if (thrown instanceof SyntaxError) throw new KeyholeError('SYNTAX', `${target.address}: ${thrown.message}`, 'Nothing was applied.');
    return `its new text can not be compiled: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
  const home = (): unknown => {
    const { class: owner } = registered as { class: { prototype: object } };
    return getPrototypeOf(target.entry.static ? owner : owner.prototype);
  };
  const scope = module.scopeOf(patch.names);
  for (const [name, get] of imported) defineProperty(scope, name, { get });
  const value = make(scope, home, registered?.privates, reflect);
  return typeof value === 'function' ? { value: value as SlotFunction } : 'its new text did not give a function';
}
