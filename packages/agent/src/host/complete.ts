/** Names that may follow an expression: own and inherited ones, read from descriptors under the side-effect guard. */
import { isSmall, keysOf } from './bounded.ts';
import type { Evaluator, ScopePortals } from './evaluate.ts';
import { objectsIn } from './inspector.ts';
import type { Inspector } from './inspector.ts';
import type { SessionObjects } from './objects.ts';

/** A chain of names and literal keys; anything else might run code. */
const chain = /^[\p{ID_Start}$_#][\p{ID_Continue}$\u200c\u200d]*(?:\??\.#?[\p{ID_Start}$_][\p{ID_Continue}$]*|\[(?:\d+|"[^"\\]*"|'[^'\\]*')\])*$/u;
const maxNames = 2_000;
const timeoutMs = 100;

interface Asked {
  expression: string;
  /** Inside that module: its variables come before the globals. */
  in?: string;
}

export class Completion {
  readonly #inspector: Inspector;
  readonly #evaluator: Evaluator;
  readonly #portals: ScopePortals;

  constructor(inspector: Inspector, evaluator: Evaluator, portals: ScopePortals) {
    this.#inspector = inspector;
    this.#evaluator = evaluator;
    this.#portals = portals;
  }

  names({ expression, in: file }: Asked, objects: SessionObjects): string[] {
    if (expression !== '' && !chain.test(expression)) return [];
    const own = expression === '' && file !== undefined ? this.#portals.names(file) : [];
    return [...new Set([...own, ...this.#propertiesOf(expression, file, objects)])].slice(0, maxNames);
  }

  #propertiesOf(expression: string, file: string | undefined, objects: SessionObjects): string[] {
    let object;
    try {
      object = this.#evaluator.peek(expression === '' ? 'globalThis' : expression, expression === '' ? undefined : file, objects, timeoutMs);
    } catch {
      // A name that means nothing has no completions.
      return [];
    }
    // What V8 would run code of the service for, or list for seconds.
    const value = this.#inspector.objectOf(object);
    if (value !== null && !isSmall(value)) return keysOf(value).filter((key) => typeof key === 'string');
    if (object.objectId === undefined) {
      if (object.type === 'undefined' || object.subtype === 'null') return [];
      object = this.#inspector.wrap(Object.getPrototypeOf(Object(object.value ?? '')), objects.group, false);
      if (object.objectId === undefined) return [];
    }
    // A Proxy answers questions about its properties with code of the service.
    if (object.subtype === 'proxy') return [];
    const answer = this.#inspector.properties(object.objectId, false, false);
    // Only names are wanted: whoever presses Tab must hold nothing for the session.
    this.#inspector.release([object, ...objectsIn(answer)], []);
    return answer.result.filter((each) => each.symbol === undefined).map((each) => each.name);
  }
}
