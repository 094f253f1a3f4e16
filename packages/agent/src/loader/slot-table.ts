/**
 * What the instrumented modules of this process registered: for each its loaded text and its portals. A portal is a function `code => eval(code)` of the
 * module's own scope; it fills slots and is how the REPL evaluates inside a module.
 */
import type { ModuleFormat } from '../source/index.ts';

export type Portal = (code: string) => unknown;

/** What the loader read and made of one file. */
export interface LoadRecord {
  url: string;
  format: ModuleFormat;
  running: string;
  typed: string | null;
  map: string | null;
  prefix: string;
  /** Functions without a slot, by index, with the reason. */
  without: [number, string][];
}

/** One evaluation of a module: a file may be loaded more than once. */
export interface ModuleInstance {
  portal: Portal;
  /** Portals of classes at module level, by their order. */
  classes: Map<number, Portal>;
}

export class InstrumentedModule {
  readonly instrumented = true;
  readonly url: string;
  readonly format: ModuleFormat;
  readonly running: string;
  readonly typed: string | null;
  readonly map: string | null;
  readonly prefix: string;
  readonly without: ReadonlyMap<number, string>;
  readonly instances: ModuleInstance[] = [];

  constructor(record: LoadRecord) {
    this.url = record.url;
    this.format = record.format;
    this.running = record.running;
    this.typed = record.typed;
    this.map = record.map;
    this.prefix = record.prefix;
    this.without = new Map(record.without);
  }
}

export class SlotTable {
  readonly #modules = new Map<string, InstrumentedModule[]>();
  readonly #untouched: { file: string; why: string }[] = [];
  readonly #receive: () => LoadRecord | { url: string; why: string } | null;

  /** @param receive gives records that another thread (the loader of Node 20) has made and not yet delivered. */
  constructor(receive: () => LoadRecord | { url: string; why: string } | null = () => null) {
    this.#receive = receive;
  }

  record(record: LoadRecord): void {
    const versions = this.#modules.get(record.url) ?? [];
    // The same text once more (a cleared require cache): one module with one more instance.
    if (versions.at(-1)?.running === record.running) return;
    versions.push(new InstrumentedModule(record));
    this.#modules.set(record.url, versions);
  }

  leftUntouched(url: string, why: string): void {
    this.#untouched.push({ file: url, why });
  }

  /** Called by the first statement of an instrumented module, and by its classes with their order. */
  define(url: string, classIndex: number, portal: Portal): void {
    this.#drain();
    const module = this.#modules.get(url)?.at(-1);
    if (module === undefined) return;
    if (classIndex < 0) module.instances.push({ portal, classes: new Map() });
    else module.instances.at(-1)?.classes.set(classIndex, portal);
  }

  /** Modules that have been evaluated. */
  list(): InstrumentedModule[] {
    this.#drain();
    return [...this.#modules.values()].flat().filter((module) => module.instances.length > 0);
  }

  /** Files that were loaded as they were, with the reason. */
  get untouched(): readonly { file: string; why: string }[] {
    this.#drain();
    return this.#untouched;
  }

  #drain(): void {
    for (let next = this.#receive(); next !== null; next = this.#receive()) {
      if ('why' in next) this.leftUntouched(next.url, next.why);
      else this.record(next);
    }
  }
}
