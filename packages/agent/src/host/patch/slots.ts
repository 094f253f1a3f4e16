/**
 * The strategy for code that was instrumented when it was loaded: a patch fills the function's slot. Every living closure reaches the patch at its next
 * call, with its own variables; the function objects the service handed out stay the same. Nothing stops for it.
 */
import { InstrumentedModule } from '../../loader/index.ts';
import type { ModuleInstance, Portal } from '../../loader/index.ts';
import { KeyholeError } from '../../protocol/index.ts';
import type { StrategyVerdict } from '../../protocol/index.ts';
import { indexFunctions } from '../../source/index.ts';
import { compilePatch } from './compile.ts';
import type { CompiledPatch } from './compile.ts';
import { commonJsNames } from './modules.ts';
import type { FunctionTarget } from './modules.ts';
import type { Change, PatchStrategy, Refusal, Transaction } from './strategy.ts';

/** What the process has seen of one module's slots. */
interface SlotHistory {
  /** For each function: what each text that makes such closures offers them. The loaded text is one of them. */
  offers: Map<number, Set<string>[]>;
  /** Functions of which some living closures may not answer to the slot, and the patch that made those. */
  detached: Map<number, string>;
  /** What the patch that is live now requires. */
  requires: Map<number, Set<string>>;
}

interface Ready {
  change: Change;
  module: InstrumentedModule;
  index: number;
  slot: string;
  patch: CompiledPatch | null;
  /** One function for each evaluation of the module; undefined puts the loaded code back. */
  functions: { instance: ModuleInstance; value: unknown }[];
}

export class SlotsStrategy implements PatchStrategy {
  readonly name = 'slots';
  readonly #histories = new WeakMap<InstrumentedModule, SlotHistory>();

  assess(target: FunctionTarget): StrategyVerdict {
    const why = this.#obstacle(target);
    return { name: this.name, possible: why === null, pauseMs: 0, why: why ?? 'it was given a slot when its file was loaded' };
  }

  reachable(target: FunctionTarget): string[] {
    const { module } = target;
    return module instanceof InstrumentedModule ? [...this.#reachable(target, module, target.index)] : [];
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

  #obstacle(target: FunctionTarget): string | null {
    const { module } = target;
    if (!(module instanceof InstrumentedModule)) return 'its file was not instrumented: start the service with --import @keyhole/agent/register';
    const index = target.index;
    const without = module.without.get(index);
    if (without !== undefined) return `it has no slot: ${without}`;
    const by = this.#history(module).detached.get(index);
    if (by !== undefined) return `closures made by patch ${by} of an enclosing function do not answer to its slot; a restart brings them back`;
    return null;
  }

  #history(module: InstrumentedModule): SlotHistory {
    let history = this.#histories.get(module);
    if (history === undefined) {
      history = { offers: new Map(), detached: new Map(), requires: new Map() };
      this.#histories.set(module, history);
    }
    return history;
  }

  #reachable(target: FunctionTarget, module: InstrumentedModule, index: number): Set<string> {
    const offers = this.#history(module).offers.get(index) ?? [];
    const names = [...target.captures.useOf(target.entry.node).captured.keys()];
    return new Set(names.filter((name) => offers.every((offered) => offered.has(name))));
  }

  #compile(change: Change): Ready | { why: string } {
    const { target } = change;
    const { module } = target;
    const why = this.#obstacle(target);
    if (why !== null) return { why };
    if (!(module instanceof InstrumentedModule)) return { why: 'its file was not instrumented' };
    const index = target.index;
    const ready: Ready = { change, module, index, slot: module.prefix + String(index), patch: null, functions: [] };
    if (change.code === null) {
      ready.functions = module.instances.map((instance) => ({ instance, value: undefined }));
      return ready;
    }
    const isGlobal = (name: string): boolean => name in globalThis || (module.format === 'commonjs' && commonJsNames.has(name));
    const patch = compilePatch(target, module, change.code, change.id, this.#reachable(target, module, index), isGlobal);
    if ('why' in patch) return patch;
    ready.patch = patch;
    for (const instance of module.instances) {
      const portal = patch.portal === -1 ? instance.portal : instance.classes.get(patch.portal);
      if (portal === undefined) return { why: 'its class has not been evaluated in every copy of the module' };
      const compiled = compileIn(portal, patch.code, target);
      if (typeof compiled === 'string') return { why: compiled };
      ready.functions.push({ instance, value: compiled.value });
    }
    return ready;
  }

  /** Changes whose new text makes closures that lack a variable which a patch of those closures needs. */
  #starving(ready: readonly Ready[]): Refusal[] {
    const refusals: Refusal[] = [];
    for (const { change, module, patch } of ready) {
      for (const [index, offered] of patch?.offers ?? []) {
        const inSet = ready.find((each) => each.module === module && each.index === index);
        const needed = inSet === undefined ? this.#history(module).requires.get(index) : inSet.patch?.requires;
        const missing = [...(needed ?? [])].filter((name) => !offered.has(name));
        if (missing.length === 0) continue;
        const nested = indexFunctions(change.target.captures.module.node, module.running)[index]?.path ?? 'a nested function';
        refusals.push({
          address: change.target.address,
          why: `its new text makes ${nested} without ${missing.join(', ')}, which the patch of ${nested} uses; revert that patch or push both`,
        });
      }
      for (const index of patch?.detached ?? []) {
        if (!this.#history(module).requires.has(index)) continue;
        refusals.push({
          address: change.target.address,
          why: 'a patch of a function nested in it is live, and the new text has no counterpart of that function; revert it first',
        });
      }
    }
    return refusals;
  }

  #transaction(ready: readonly Ready[]): Transaction {
    let undoes: (() => void)[] = [];
    const fill = (portal: Portal, slot: string, value: unknown): void => {
      const set = portal(`(v=>{${slot}=v})`) as (value: unknown) => void;
      set(value);
    };
    return {
      expectedPauseMs: 0,
      apply: () => {
        undoes = [];
        for (const { change, module, index, slot, patch, functions } of ready) {
          const history = this.#history(module);
          const requiredBefore = history.requires.get(index);
          undoes.push(() => {
            if (requiredBefore === undefined) history.requires.delete(index);
            else history.requires.set(index, requiredBefore);
          });
          for (const { instance, value } of functions) {
            const before = instance.portal(slot);
            undoes.push(() => fill(instance.portal, slot, before));
            fill(instance.portal, slot, value);
          }
          if (patch === null) history.requires.delete(index);
          else history.requires.set(index, patch.requires);
          // From now on closures of the new text may live, also after a revert: what they offer is never forgotten.
          for (const [nested, names] of patch?.offers ?? []) {
            const offers = history.offers.get(nested) ?? [];
            offers.push(names);
            history.offers.set(nested, offers);
          }
          for (const nested of patch?.detached ?? []) history.detached.set(nested, change.id);
        }
      },
      verify: () => {
        const proven = new Set<string>();
        const doubts: Refusal[] = [];
        for (const { change, slot, functions } of ready) {
          const { address } = change.target;
          const wrong = functions.some(({ instance, value }) => instance.portal(slot) !== value);
          if (wrong) doubts.push({ address, why: 'its slot does not hold the patch' });
          else proven.add(address);
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

/** Compiles in the module's scope; a text that only V8 refuses is a refusal, not a crash. */
function compileIn(portal: Portal, code: string, target: FunctionTarget): { value: unknown } | string {
  let value: unknown;
  try {
    value = portal(code);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) throw new KeyholeError('SYNTAX', `${target.address}: ${thrown.message}`, 'Nothing was applied.');
    return `its new text can not be compiled there: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
  return typeof value === 'function' ? { value } : 'its new text did not give a function';
}
