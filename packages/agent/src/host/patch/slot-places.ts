/**
 * What stands in slots: a patch or nothing, and around it whatever looks at the calls for a while. Patches come and go while somebody looks, and who looks comes and goes while patches
 * stand: neither knows of the other. When nobody looks any more, a slot holds exactly what it would hold had nobody ever looked.
 */
import type { InstrumentedModule } from '../../loader/index.ts';
import type { SlotFunction, SlotWrapper } from './slot-watch.ts';

interface Observed {
  /** What would be there: a patch, or undefined for the loaded code. */
  belongs: unknown;
  /** The loaded code as a slot can call it. */
  loaded: SlotFunction;
  observers: SlotWrapper[];
  /** What is there. */
  value: unknown;
}

export class SlotPlaces {
  readonly #observed = new WeakMap<InstrumentedModule, Map<number, Observed>>();

  /** What a slot holds, apart from whoever looks. */
  belongs(module: InstrumentedModule, index: number): unknown {
    const observed = this.#at(module, index);
    return observed === undefined ? module.inSlot(index) : observed.belongs;
  }

  isObserved(module: InstrumentedModule, index: number): boolean {
    return this.#at(module, index) !== undefined;
  }

  /** @param value a patch, or undefined for the loaded code. */
  put(module: InstrumentedModule, index: number, value: unknown): void {
    const observed = this.#at(module, index);
    if (observed === undefined) return module.fill(index, value);
    const before = observed.belongs;
    observed.belongs = value;
    try {
      fill(module, index, observed);
    } catch (thrown) {
      observed.belongs = before;
      throw thrown;
    }
  }

  /** Whether calls reach that value. */
  holds(module: InstrumentedModule, index: number, value: unknown): boolean {
    const observed = this.#at(module, index);
    if (observed === undefined) return module.inSlot(index) === value;
    return observed.belongs === value && module.inSlot(index) === observed.value;
  }

  /**
   * Lets something stand around whatever the slot holds.
   * @returns what takes it away again, and says whether the slot then holds what it should.
   * @throws where the service has closed the global object.
   */
  observe(module: InstrumentedModule, index: number, loaded: SlotFunction, observer: SlotWrapper): () => boolean {
    const observed = this.#at(module, index) ?? { belongs: module.inSlot(index), loaded, observers: [], value: undefined };
    observed.observers.push(observer);
    fill(module, index, observed);
    let all = this.#observed.get(module);
    if (all === undefined) this.#observed.set(module, (all = new Map<number, Observed>()));
    all.set(index, observed);
    const slots = all;
    return () => {
      observed.observers = observed.observers.filter((each) => each !== observer);
      if (observed.observers.length > 0) {
        fill(module, index, observed);
        return module.inSlot(index) === observed.value;
      }
      module.fill(index, observed.belongs);
      slots.delete(index);
      return module.inSlot(index) === observed.belongs;
    };
  }

  #at(module: InstrumentedModule, index: number): Observed | undefined {
    return this.#observed.get(module)?.get(index);
  }
}

function fill(module: InstrumentedModule, index: number, observed: Observed): void {
  const inner = observed.belongs === undefined ? observed.loaded : (observed.belongs as SlotFunction);
  const value = observed.observers.reduce((around, observer) => observer(around), inner);
  module.fill(index, value);
  observed.value = value;
}
