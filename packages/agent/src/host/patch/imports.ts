/**
 * What patches import: modules that are in the process already, as an import of the running file would give them. A name is resolved where the running file stands, by Node's own rules and the
 * service's hooks. No module is evaluated for it: what is not there, or is there twice, is refused by name. An ES module gives its namespace, so that what the exporter assigns later is seen.
 */
import { createRequire, isBuiltin } from 'node:module';
import { fileURLToPath } from 'node:url';
import { types } from 'node:util';
import { scopeWords } from '../../loader/index.ts';
import type { InstrumentedModule } from '../../loader/index.ts';
import type { Clock } from '../../platform/clock.ts';
import { followed, getOwnPropertyDescriptor } from '../../platform/originals.ts';
import { KeyholeError } from '../../protocol/index.ts';
import type { PatchImport, PatchRequest } from '../../protocol/index.ts';
import type { LoadedModule, ModuleIndex } from './modules.ts';

/** What a module exports, or why a patch can not have it. */
type Exporter = { exports: object; isNamespace: boolean } | { why: string };

type Importing = Pick<PatchRequest, 'address' | 'imports'>;

/** An evaluation that is not over yet may wait for anything. */
const evaluationLimitMs = 2_000;

export class PatchImports {
  readonly #index: Pick<ModuleIndex, 'at'>;
  readonly #modules: () => readonly InstrumentedModule[];
  readonly #clock: Clock;
  /** By the importing module, then by the name it has for the other one. */
  readonly #exporters = new WeakMap<object, Map<string, Exporter>>();

  /** @param modules every load of a file that is instrumented and has been evaluated. */
  constructor(index: Pick<ModuleIndex, 'at'>, modules: () => readonly InstrumentedModule[], clock: Clock) {
    this.#index = index;
    this.#modules = modules;
    this.#clock = clock;
  }

  /** Looks up anew what patches import. It changes nothing and never fails: {@link missing} says what could not be had, and so does whoever compiles the patch. */
  async bring(requests: readonly Importing[]): Promise<void> {
    for (const { address, imports = [] } of requests) {
      const found = imports.length === 0 ? [] : this.#importers(address);
      for (const module of this.#modules().filter((each) => found.includes(each))) {
        const known = this.#exporters.get(module) ?? new Map<string, Exporter>();
        this.#exporters.set(module, known);
        for (const from of new Set(imports.map((each) => each.from))) known.set(from, await this.#exporter(module, from));
      }
    }
  }

  /** Why a patch can not have one of its imports, in one of the loads of its file; null where everything is there. */
  missing({ address, imports = [] }: Importing): string | null {
    for (const module of imports.length === 0 ? [] : this.#importers(address)) {
      const brought = this.of(module, imports);
      if ('why' in brought) return brought.why;
    }
    return null;
  }

  /** Each name of a patch with what reads it, or why it can not have one. Only what was brought is there. */
  of(importer: object, imports: readonly PatchImport[]): { names: Map<string, () => unknown> } | { why: string } {
    const names = new Map<string, () => unknown>();
    for (const { name, imported, from } of imports) {
      const exporter = this.#exporters.get(importer)?.get(from) ?? { why: `${from} was not looked up` };
      if ('why' in exporter) return exporter;
      const get = exporter.isNamespace ? ofNamespace(exporter.exports, imported, from) : ofCommonJs(exporter.exports, imported, from);
      if (typeof get !== 'function') return get;
      names.set(name, get);
    }
    return { names };
  }

  #importers(address: string): LoadedModule[] {
    try {
      return this.#index.at(address).map(({ module }) => module);
    } catch (thrown) {
      // Who patches it hears of it.
      if (thrown instanceof KeyholeError) return [];
      throw thrown;
    }
  }

  async #exporter(importer: InstrumentedModule, from: string): Promise<Exporter> {
    try {
      return importer.format === 'commonjs' ? this.#required(importer, from) : await this.#imported(importer, from);
    } catch (thrown) {
      return { why: `${from} can not be looked up: ${thrown instanceof Error ? thrown.message : String(thrown)}` };
    }
  }

  #required(importer: InstrumentedModule, from: string): Exporter {
    const require = createRequire(importer.url);
    if (isBuiltin(from)) return exporterOf(require(from), from, false);
    const file = require.resolve(from);
    const there = require.cache[file];
    if (there === undefined) return { why: this.#isLoaded(file) ? `${from} is an ES module, which this file can not require` : notThere(from) };
    const why = this.#doubt(file, from) ?? (there.loaded ? null : `${from} is being loaded at this moment`);
    return why === null ? exporterOf(there.exports, from, false) : { why };
  }

  async #imported(importer: InstrumentedModule, from: string): Promise<Exporter> {
    const words = importer.scopeOf([scopeWords.meta, scopeWords.import]);
    const load = words[scopeWords.import] as (specifier: string) => Promise<object>;
    const url = isBuiltin(from) ? from : (words[scopeWords.meta] as ImportMeta).resolve(from);
    if (!isBuiltin(url)) {
      if (!url.startsWith('file:')) return { why: `${from} is ${url}, and only files are known to be in the process` };
      const file = fileURLToPath(url);
      const isThere = this.#modules().some((each) => each.url === url) || createRequire(importer.url).cache[file]?.loaded === true;
      const why = isThere
        ? this.#doubt(file, from)
        : this.#isLoaded(file)
          ? `${from} is in the process under another name than ${url}`
          : notThere(from);
      if (why !== null) return { why };
    }
    const loaded = await this.#withinLimit(load(from));
    return loaded === null ? { why: `${from} is still being evaluated` } : exporterOf(loaded.namespace, from, true);
  }

  #isLoaded(file: string): boolean {
    return this.#modules().some(({ url }) => pathOf(url) === file);
  }

  #doubt(file: string, from: string): string | null {
    const loads = this.#modules().filter(({ url }) => pathOf(url) === file);
    return loads.length > 1 || loads.some(({ twice }) => twice)
      ? `${from} is in the process more than once, and the copies have variables of their own`
      : null;
  }

  #withinLimit(promise: Promise<object>): Promise<{ namespace: unknown } | null> {
    return new Promise((resolve, reject) => {
      const callOff = this.#clock.after(evaluationLimitMs, () => resolve(null));
      const settle = (done: () => void): void => {
        callOff();
        done();
      };
      void followed(
        promise,
        // In an object: a namespace may export `then`.
        (namespace) => settle(() => resolve({ namespace })),
        (reason: unknown) => settle(() => reject(reason instanceof Error ? reason : new Error(String(reason)))),
      );
    });
  }
}

function exporterOf(exports: unknown, from: string, isNamespace: boolean): Exporter {
  if ((typeof exports !== 'object' && typeof exports !== 'function') || exports === null) return { why: `${from} exports no object` };
  if (types.isProxy(exports)) return { why: `${from} exports a Proxy, and to look into it would run its code` };
  return { exports, isNamespace };
}

function ofNamespace(namespace: object, imported: string, from: string): (() => unknown) | { why: string } {
  if (imported === '*') return () => namespace;
  return reading(namespace, imported, from);
}

/** As compilers say imports of CommonJS, where they agree. */
function ofCommonJs(exports: object, imported: string, from: string): (() => unknown) | { why: string } {
  const isCompiled = getOwnPropertyDescriptor(exports, '__esModule')?.value === true;
  if (imported === '*' && !isCompiled && !isBuiltin(from)) return { why: `${from} is CommonJS, and what its namespace is depends on the compiler` };
  if (imported === '*' || (imported === 'default' && !isCompiled)) return () => exports;
  return reading(exports, imported, from);
}

function reading(exports: object, imported: string, from: string): (() => unknown) | { why: string } {
  if (!(imported in exports)) return { why: `${from}, as it is in the process, does not export ${imported}` };
  return () => (exports as Record<string, unknown>)[imported];
}

function notThere(from: string): string {
  return `${from} is not known to be in the process, and a patch evaluates no module: it takes a restart`;
}

function pathOf(url: string): string | null {
  return url.startsWith('file:') ? fileURLToPath(url.replace(/[?#].*$/, '')) : null;
}
