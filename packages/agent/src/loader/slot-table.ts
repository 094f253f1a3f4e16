/**
 * What the instrumented modules of this process registered: for each load its text, its variables and its classes. The slots of a load are one property of the global
 * object: undefined until something is patched, then an array with a place for each function. They are defined and filled here and nowhere else.
 */
import type { ModuleFormat } from '../source/index.ts';
import { withEdits, withoutEdits } from './edits.ts';
import type { PackedEdits } from './edits.ts';
import { mapOf } from './maps.ts';
import { scopeWords, slotName } from './names.ts';
import { isFileOfOthers } from './selection.ts';

// The service may replace them.
const { create, defineProperty, freeze, getOwnPropertyDescriptor, isExtensible } = Object;
const { deleteProperty, has, set } = Reflect;

/** @throws where the service has closed the global object. */
function defineSlots(name: string, value: readonly unknown[] | undefined): void {
  if (isExtensible(globalThis)) {
    deleteProperty(globalThis, name);
    defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });
    // What was there when it was closed may change, and is a little slower afterwards.
  } else if (!has(globalThis, name) || !set(globalThis, name, value)) {
    throw new Error('the service has closed the global object, which takes no slots any more');
  }
}

/** The variables of a module as properties: getters, and setters for those that may change. Words that are no variables stand under {@link scopeWords}. */
export type ModuleScope = Record<string, unknown>;

/** Answers for the private names of a class, see loader/offers.ts. */
export type PrivateAccessor = (index: number, how: 0 | 1 | 2, object: unknown, value?: unknown) => unknown;

/** What the loader read and made of one file. */
export interface LoadRecord {
  /** Names this load; its slots' names start with it. */
  id: string;
  url: string;
  format: ModuleFormat;
  /** What runs. V8 keeps this very string for `toString`, so it costs nothing to keep it here. */
  text: string;
  /** From the JavaScript that was loaded to what runs. */
  edits: Omit<PackedEdits, 'inserted'>;
  /** From the JavaScript that was loaded to the TypeScript it was made of by Node, where it was. */
  types: PackedEdits | null;
  functions: number;
  /** Functions without a slot, by index, with the reason. */
  without: [number, string][];
  loadedAtMs: number;
}

export interface UntouchedFile {
  file: string;
  why: string;
}

/** A file that runs without slots beside others that have them. */
export interface LeftOutFile {
  url: string;
  /** Why it could not be instrumented; null where nobody wanted it to be. */
  why: string | null;
}

/** What the loader's thread of Node 20 tells: what it made of a file, why it could not, or that it let one pass. */
export type LoaderNews = LoadRecord | UntouchedFile | { passed: string };

export class InstrumentedModule {
  readonly instrumented = true;
  readonly #record: LoadRecord;
  /** null until its first statement has run. */
  #scope: (() => ModuleScope) | null = null;
  #running: string | null = null;
  #map: string | null | undefined;
  readonly without: ReadonlyMap<number, string>;
  readonly classes = new Map<number, { class: unknown; privates: PrivateAccessor | null }>();
  /** It ran twice from one load, so that two sets of variables share its slots. */
  twice = false;

  constructor(record: LoadRecord) {
    this.#record = record;
    this.without = new Map(record.without);
  }

  get record(): LoadRecord {
    return this.#record;
  }

  get url(): string {
    return this.#record.url;
  }

  get format(): ModuleFormat {
    return this.#record.format;
  }

  /** Whether its text is strict as a whole. */
  get strict(): boolean {
    return this.format === 'module' || /^(?:\s|\/\/[^\n]*\n|\/\*[^]*?\*\/)*(['"])use strict\1/.test(this.running);
  }

  get functions(): number {
    return this.#record.functions;
  }

  get evaluated(): boolean {
    return this.#scope !== null;
  }

  /** The JavaScript that was loaded, before instrumentation. */
  get running(): string {
    this.#running ??= withoutEdits(this.#record.text, this.#record.edits);
    return this.#running;
  }

  get typed(): string | null {
    return this.#record.types === null ? null : withEdits(this.running, this.#record.types);
  }

  /** The source map from {@link running}, read when it is first asked for. */
  get map(): string | null {
    if (this.#map === undefined) this.#map = mapOf(this.url, this.running, this.#record.loadedAtMs);
    return this.#map;
  }

  /**
   * An object over some of the module's variables. Its prototype is its own, so that V8 gives it a shape of its own, sees which getter each name has, and inlines it: a plain object with
   * getters is ten times as slow.
   */
  scopeOf(names: Iterable<string>): ModuleScope {
    const whole = this.scope();
    const scope = create(create(null)) as ModuleScope;
    for (const name of names) {
      const property = getOwnPropertyDescriptor(whole, name);
      if (property !== undefined) defineProperty(scope, name, property);
    }
    return scope;
  }

  /** A fresh object over the module's variables. */
  scope(): ModuleScope {
    if (this.#scope === null) throw new Error(`${this.url} has not been evaluated`);
    const scope = this.#scope();
    const words = scope[scopeWords.commonjs];
    if (typeof words === 'function') for (const [name, value] of Object.entries(words() as object)) scope[name] = value;
    return scope;
  }

  /** The expression that is a function's slot. */
  slot(index: number): string {
    return slotName(this.#record.id, index);
  }

  /** What is in a function's slot. */
  inSlot(index: number): unknown {
    return this.#slots()?.[index];
  }

  /**
   * Fills a slot; undefined empties it. The array is frozen and another one after every change, and the property is another one too: V8 takes all of it for constants, so that neither the
   * patched function nor its neighbours look at it at every call. Assigning instead would end that with the second change: a tenfold call, measured.
   */
  fill(index: number, value: unknown): void {
    const slots = Array.from({ length: this.functions }, (_, each) => (each === index ? value : this.inSlot(each)));
    defineSlots(this.#record.id, slots.every((each) => each === undefined) ? undefined : freeze(slots));
  }

  #slots(): readonly unknown[] | undefined {
    return getOwnPropertyDescriptor(globalThis, this.#record.id)?.value as readonly unknown[] | undefined;
  }

  register(scope: () => ModuleScope): void {
    if (this.#scope !== null) this.twice = true;
    this.#scope = scope;
  }
}

/** By what it says: a loader of the service's may have made a second copy of this file, with a class of its own. */
export function isInstrumentedModule(module: { readonly instrumented: boolean }): module is InstrumentedModule {
  return module.instrumented;
}

export class SlotTable {
  readonly #modules = new Map<string, InstrumentedModule>();
  #untouched: UntouchedFile[] = [];
  /** Urls of files that were not selected. */
  readonly #passed = new Set<string>();
  readonly #receive: () => LoaderNews | null;
  #listener: (url: string) => void = () => undefined;
  #leftOutListener: (url: string) => void = () => undefined;

  /** @param receive gives records that another thread (the loader of Node 20) has made and not yet delivered. */
  constructor(receive: () => LoaderNews | null = () => null) {
    this.#receive = receive;
  }

  /** @throws where the global object takes no property any more. */
  record(record: LoadRecord): void {
    defineSlots(record.id, undefined);
    // An earlier layer may have seen the text before another loader made JavaScript of it.
    this.#untouched = this.#untouched.filter((each) => each.file !== record.url);
    const module = new InstrumentedModule(record);
    this.#modules.set(record.id, module);
  }

  leftUntouched(file: string, why: string): void {
    if (this.#untouched.some((each) => each.file === file && each.why === why)) return;
    this.#untouched.push({ file, why });
    this.#leftOutListener(file);
  }

  /** A file is loaded as it is, since it was not selected. */
  passedBy(url: string): void {
    if (!isFileOfOthers(url) || this.#passed.has(url)) return;
    this.#passed.add(url);
    this.#leftOutListener(url);
  }

  /** Called by the first statement of an instrumented module, with -1, and by its classes with their order. */
  define(id: string, classIndex: number, given: unknown, privates: PrivateAccessor | null): void {
    this.#drain();
    const module = this.#modules.get(id);
    if (module === undefined) return;
    if (classIndex < 0) module.register(given as () => ModuleScope);
    else module.classes.set(classIndex, { class: given, privates });
    this.#listener(module.url);
  }

  /** Called with a module's url when it has registered itself, or one of its classes has: nothing else of it has run. The listener must not throw. */
  onDefine(listener: (url: string) => void): void {
    this.#listener = listener;
  }

  /** Called with the url of a file that is about to run without slots, as far as this thread's loader knows. The listener must not throw. */
  onLeftOut(listener: (url: string) => void): void {
    this.#leftOutListener = listener;
  }

  /** Modules that have been evaluated, each load of a file for itself. */
  list(): InstrumentedModule[] {
    this.#drain();
    return [...this.#modules.values()].filter((module) => module.evaluated);
  }

  /** What was made of a file at its last load. Runs nothing else: it is asked at an interrupt. */
  recordOf(url: string): LoadRecord | null {
    const loads = [...this.#modules.values()].filter((module) => module.url === url);
    return loads.at(-1)?.record ?? null;
  }

  /** Files that were loaded as they were, with the reason. */
  get untouched(): readonly UntouchedFile[] {
    this.#drain();
    return this.#untouched;
  }

  /** Files that were loaded and have no slots. Their names alone: nothing is known of their texts. */
  leftOut(): LeftOutFile[] {
    this.#drain();
    const passed = [...this.#passed].map((url) => ({ url, why: null }));
    return [...passed, ...this.#untouched.map(({ file, why }) => ({ url: file, why }))];
  }

  #drain(): void {
    for (let next = this.#receive(); next !== null; next = this.#receive()) {
      if ('passed' in next) {
        this.passedBy(next.passed);
        continue;
      }
      if ('why' in next) {
        this.leftUntouched(next.file, next.why);
        continue;
      }
      try {
        this.record(next);
      } catch (thrown) {
        // This runs in the middle of the service's own loading.
        const why = thrown instanceof Error ? thrown.message : String(thrown);
        this.leftUntouched(next.url, `${why}; its text looked for them already, so nothing else can patch it`);
      }
    }
  }
}
