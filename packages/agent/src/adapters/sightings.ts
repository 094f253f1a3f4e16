/**
 * Which objects of a library there are: each is seen at the first call of a method that a library calls once for an object, or seldom. That method is wrapped when the library's file has been
 * loaded, and nothing else of it is touched; in bundles nothing is. Where a module keeps its objects itself, it is enough to have the module. This is there from the start of the process, so it is
 * small. What was seen is held weakly.
 */

import { createRequire } from 'node:module';
import { nodeClock } from '../platform/clock.ts';

interface Library {
  /** The adapter that shows its objects. */
  name: string;
  /** The CommonJS file that gives the class: what most are in Node, also for those who `import` them. */
  file: RegExp;
  /** The ES module that stands for the file. It is seen where hooks run on this thread: not on Node 20. */
  module?: RegExp;
  classOf?(exports: Record<string, unknown>): unknown;
  /** Left out where the exports themselves are what is looked for. */
  method?: string;
  /** Whether an object is one to be held. */
  isWanted?(object: object): boolean;
}

const libraries: readonly Library[] = [
  // Every upgrade passes through it; a server nobody ever came to is not seen.
  { name: 'ws', file: /[\\/]node_modules[\\/]ws[\\/]lib[\\/]websocket-server\.js$/, classOf: (exports) => exports, method: 'handleUpgrade' },
  // Its constructor calls it.
  { name: 'socket.io', file: /[\\/]node_modules[\\/]socket\.io[\\/]dist[\\/]index\.js$/, classOf: ({ Server }) => Server, method: 'connectTimeout' },
  // Children are found from their roots.
  {
    name: 'xstate',
    file: /[\\/]node_modules[\\/]xstate[\\/]dist[\\/]xstate(?:\.development)?\.cjs\.js$/,
    classOf: ({ Actor }) => Actor,
    method: 'start',
    isWanted: (actor) => Reflect.getOwnPropertyDescriptor(actor, '_parent')?.value === undefined,
  },
  {
    name: 'colyseus',
    file: /[\\/]node_modules[\\/]@colyseus[\\/]core[\\/]build[\\/]MatchMaker\.c?js$/,
    module: /\/node_modules\/@colyseus\/core\/build\/MatchMaker\.mjs(?:[?#]|$)/,
  },
];

const modules = (): NodeJS.Dict<{ exports: unknown }> => createRequire(import.meta.url).cache;
/** A service that makes more objects of a library than that has them found up to here. */
const maxHeld = 20_000;
const firstSweep = 1_000;
const { apply, defineProperty, getOwnPropertyDescriptor } = Reflect;

export class Sightings {
  readonly #libraries: readonly Library[];
  /** `untilSweep`: so many more come before it is looked who has gone. */
  readonly #held = new Map<string, { references: Set<WeakRef<object>>; untilSweep: number }>();
  readonly #known = new WeakSet();
  #look: () => void = () => undefined;

  /** @param wanted names of adapters: of other libraries nothing is touched. */
  constructor(wanted: readonly string[]) {
    this.#libraries = libraries.filter(({ name }) => wanted.includes(name));
  }

  /** A CommonJS file was loaded: by its absolute path, with what it exports. Never throws. */
  readonly loaded = (file: string, exports: unknown): void => {
    for (const library of this.#libraries) {
      if (!library.file.test(file)) continue;
      try {
        if (library.method === undefined) this.#hold(library.name, exports as object);
        else this.#watch(library, library.method, library.classOf?.(exports as Record<string, unknown>));
      } catch {
        // A version with another shape: its objects are not found.
      }
    }
  };

  /** An ES module is about to be loaded, by its URL. It is imported once more when it has been: that gives the same module, and runs nothing. Never throws. */
  readonly importing = (url: string): void => {
    for (const { name, module } of this.#libraries) {
      if (module?.test(url) !== true) continue;
      nodeClock.soon(() => {
        import(url).then(
          (namespace: object) => this.#hold(name, namespace),
          // Whoever imported it hears why it could not be loaded.
          () => undefined,
        );
      });
    }
  };

  /** Where nobody tells what is loaded: what has been is looked through now, and whenever it is asked. */
  static ofLoaded(wanted: readonly string[]): Sightings {
    const sightings = new Sightings(wanted);
    sightings.#look = () => {
      for (const [file, module] of Object.entries(modules())) if (module !== undefined) sightings.loaded(file, module.exports);
    };
    sightings.#look();
    return sightings;
  }

  /** Those that live. */
  *of(library: string): Generator<object> {
    this.#look();
    const references = this.#held.get(library)?.references ?? new Set();
    for (const reference of references) {
      const object = reference.deref();
      if (object === undefined) references.delete(reference);
      else yield object;
    }
  }

  #watch({ name, isWanted }: Library, method: string, made: unknown): void {
    const prototype: unknown = typeof made === 'function' ? made.prototype : undefined;
    if (typeof prototype !== 'object' || prototype === null || this.#known.has(prototype)) return;
    const own = getOwnPropertyDescriptor(prototype, method);
    const original: unknown = own?.value;
    if (typeof original !== 'function' || own?.configurable !== true) return;
    this.#known.add(prototype);
    const see = (object: unknown): void => {
      try {
        if (typeof object === 'object' && object !== null && isWanted?.(object) !== false) this.#hold(name, object);
      } catch {
        // It is not found, and works as ever.
      }
    };
    const wrapper = {
      [method](this: unknown, ...given: unknown[]): unknown {
        see(this);
        return apply(original, this, given);
      },
    }[method] as object;
    for (const key of ['name', 'length'] as const) defineProperty(wrapper, key, getOwnPropertyDescriptor(original, key) ?? {});
    defineProperty(prototype, method, { ...own, value: wrapper });
  }

  #hold(library: string, object: object): void {
    if (this.#known.has(object)) return;
    const held = this.#held.get(library) ?? { references: new Set<WeakRef<object>>(), untilSweep: firstSweep };
    this.#held.set(library, held);
    held.untilSweep -= 1;
    if (held.untilSweep <= 0) {
      for (const reference of held.references) if (reference.deref() === undefined) held.references.delete(reference);
      // As many come before it is looked again, so each of them pays for one that is looked at.
      held.untilSweep = Math.max(firstSweep, held.references.size);
    }
    if (held.references.size >= maxHeld) return;
    this.#known.add(object);
    held.references.add(new WeakRef(object));
  }
}
