/** Names that may follow an expression: own and inherited ones, read from descriptors under the side-effect guard. */
import type { Evaluator } from './evaluate.ts';
import type { Inspector } from './inspector.ts';

/** A chain of names and literal keys; anything else might run code. */
const chain = /^[\p{ID_Start}$_#][\p{ID_Continue}$\u200c\u200d]*(?:\??\.#?[\p{ID_Start}$_][\p{ID_Continue}$]*|\[(?:\d+|"[^"\\]*"|'[^'\\]*')\])*$/u;
const maxNames = 2_000;
const timeoutMs = 100;

export function complete(inspector: Inspector, evaluator: Evaluator, expression: string, file: string | undefined, group: string): string[] {
  if (expression !== '' && !chain.test(expression)) return [];
  let object;
  try {
    object = evaluator.peek(expression === '' ? 'globalThis' : expression, expression === '' ? undefined : file, group, timeoutMs);
  } catch {
    // A name that means nothing has no completions.
    return [];
  }
  if (object.objectId === undefined) {
    if (object.type === 'undefined' || object.subtype === 'null') return [];
    object = inspector.wrap(Object.getPrototypeOf(Object(object.value ?? '')), group, false);
    if (object.objectId === undefined) return [];
  }
  // A Proxy answers questions about its properties with code of the service.
  if (object.subtype === 'proxy') return [];
  const { result } = inspector.properties(object.objectId, false, false);
  return [...new Set(result.filter((each) => each.symbol === undefined).map((each) => each.name))].slice(0, maxNames);
}
