/**
 * What a function was made with: a variable of its closure, and where its text stands. V8 tells both of any function, Node's own included, without its Debugger domain and without running anything.
 */
import { isInstrumentedModule, offsetWithoutEdits, scopeWords } from '../loader/index.ts';
import type { InstrumentedModule } from '../loader/index.ts';
import { nodeClock } from '../platform/clock.ts';
import { lineStarts } from '../source/index.ts';
import type { Inspector, RemoteObject } from './inspector.ts';
import type { LoadedModule, ModuleIndex } from './patch/modules.ts';

type AnyFunction = (...words: never[]) => unknown;

/** Lines and columns from 0. */
interface Location {
  scriptId: string;
  lineNumber: number;
  columnNumber?: number;
}

const group = 'keyhole:closures';
/** Looking up whose script is whose takes 0.1 to 0.3 ms for each file, once; the rest of them has its turn with the next look. */
const mostPerTurnMs = 10;
/** Functions that are bound, one around the other. */
const maxBound = 10;

export class Closures {
  readonly #inspector: Inspector;
  readonly #modules: ModuleIndex;
  readonly #loaded: () => readonly LoadedModule[];
  readonly #scripts = new Map<string, InstrumentedModule>();
  readonly #known = new WeakSet<LoadedModule>();
  #lookedAtAll = false;
  #spentMs = 0;
  readonly #places = new WeakMap<object, { file: string; line: number } | null>();

  constructor(inspector: Inspector, modules: ModuleIndex, loaded: () => readonly LoadedModule[]) {
    this.#inspector = inspector;
    this.#modules = modules;
    this.#loaded = loaded;
  }

  variable(of: AnyFunction, name: string): unknown {
    return closureVariable(this.#inspector, of, name);
  }

  /** The author's place of a function's text; null of what is not in an instrumented module, or not in one that there was time to look at. Of a bound one, that of the function behind it. */
  madeAt(of: unknown): { file: string; line: number } | null {
    if (typeof of !== 'function') return null;
    let place = this.#places.get(of);
    if (place === undefined) {
      place = this.#placeOf(of);
      // One that was not found may be in a file that was not looked at yet.
      if (place !== null || this.#lookedAtAll) this.#places.set(of, place);
    }
    return place;
  }

  #placeOf(of: object): { file: string; line: number } | null {
    const location = this.#locationOf(of);
    if (location === undefined) return null;
    const module = this.#moduleOf(location.scriptId);
    if (module === null) return null;
    const offset = (lineStarts(module.record.text)[location.lineNumber] ?? 0) + (location.columnNumber ?? 0);
    return this.#modules.placeOf(module, offsetWithoutEdits(offset, module.record.edits.numbers));
  }

  #locationOf(of: unknown, boundLeft = maxBound): Location | undefined {
    if (typeof of !== 'function' || boundLeft === 0) return undefined;
    const { location, target } = withInternals(this.#inspector, of as AnyFunction, (internal) => {
      const { objectId } = internal('[[TargetFunction]]') ?? {};
      return {
        location: internal('[[FunctionLocation]]')?.value as Location | undefined,
        target: objectId === undefined ? undefined : this.#inspector.unwrap(objectId),
      };
    });
    return location ?? this.#locationOf(target, boundLeft - 1);
  }

  #moduleOf(scriptId: string): InstrumentedModule | null {
    const known = this.#scripts.get(scriptId);
    if (known !== undefined) return known;
    this.#lookedAtAll = true;
    for (const module of this.#loaded()) {
      if (this.#spentMs > mostPerTurnMs) {
        this.#lookedAtAll = false;
        break;
      }
      if (this.#known.has(module) || !isInstrumentedModule(module) || !module.evaluated) continue;
      this.#known.add(module);
      const fromMs = nodeClock.now();
      // One that its own text made.
      const made = module.scope()[scopeWords.import] as AnyFunction;
      const id = withInternals(this.#inspector, made, (internal) => internal('[[FunctionLocation]]')?.value as Location | undefined)?.scriptId;
      if (id !== undefined) this.#scripts.set(id, module);
      if (this.#spentMs === 0)
        nodeClock.soon(() => {
          this.#spentMs = 0;
        });
      this.#spentMs += nodeClock.now() - fromMs;
    }
    return this.#scripts.get(scriptId) ?? null;
  }
}

/** What a function sees under a name in the closures that it was made in; undefined where it sees no such variable. */
export function closureVariable(inspector: Inspector, of: AnyFunction, name: string): unknown {
  return withInternals(inspector, of, (internal) => {
    const scopes = internal('[[Scopes]]')?.objectId;
    if (scopes === undefined) return undefined;
    for (const { value: scope } of inspector.properties(scopes, true, false).result) {
      if (scope?.objectId === undefined || scope.description?.startsWith('Global') === true) continue;
      const found = inspector.properties(scope.objectId, true, false).result.find((each) => each.name === name)?.value;
      if (found !== undefined) return found.objectId === undefined ? found.value : inspector.unwrap(found.objectId);
    }
    return undefined;
  });
}

function withInternals<T>(inspector: Inspector, of: AnyFunction, use: (internal: (name: string) => RemoteObject | undefined) => T): T {
  try {
    const { objectId = '' } = inspector.wrap(of, group, false);
    const { internalProperties = [] } = inspector.properties(objectId, true, false);
    return use((name) => internalProperties.find((each) => each.name === name)?.value);
  } finally {
    inspector.releaseGroup(group);
  }
}
