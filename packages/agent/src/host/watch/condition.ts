/** What `--if` says, made ready for one function: which calls are to be shown. What goes wrong in it is counted, and reaches neither the service nor its caller. */
import { types } from 'node:util';
import { apply, compile, lengthOfTyped, sizeOfMap, sizeOfSet } from '../../platform/originals.ts';
import { KeyholeError } from '../../protocol/index.ts';
import { children, nameOf, parseCondition, whyNoExpression } from '../../source/index.ts';
import { isSecret } from '../secrets.ts';
import type { Look } from '../../source/index.ts';
import type { FunctionTarget } from '../patch/modules.ts';

/** One call, as a condition sees it. `error` is what it threw or its promise rejected with. */
export interface Sight {
  self: unknown;
  args: readonly unknown[];
  result?: unknown;
  error?: unknown;
  ms?: number;
}

export interface CallCondition {
  /** It says nothing of how the call ends. */
  early: boolean;
  /** @throws what goes wrong in it. */
  holds(sight: Sight): boolean;
}

const whole = ['args', 'this', 'result', 'error', 'ms'];
const late = new Set(['result', 'error', 'ms']);

export const look: Look = {
  isProxy: types.isProxy,
  builtInSize(value, key) {
    if (key === 'size' && types.isMap(value)) return apply(sizeOfMap, value, []);
    if (key === 'size' && types.isSet(value)) return apply(sizeOfSet, value, []);
    if (key === 'length' && types.isTypedArray(value)) return apply(lengthOfTyped, value, []);
    return undefined;
  },
};

/**
 * @param mayEval whether it may be any expression. Then it runs as the service's own code would.
 * @throws {KeyholeError} NOT_ALLOWED where it is more than looking, NOT_FOUND where it has a name that means nothing here, SYNTAX.
 */
export function conditionFor(target: FunctionTarget, text: string, mayEval: boolean): CallCondition {
  const parameters = parameterNames(target);
  const parsed = parseCondition(text, look, mayEval ? null : isSecret);
  if ('why' in parsed) {
    if (mayEval) return free(text, parameters, target.address);
    throw new KeyholeError(
      'NOT_ALLOWED',
      `--if ${text.slice(0, 200)} is more than looking: ${parsed.why}`,
      'Names, members, operators and literals are; anything else takes an operator who may eval.',
    );
  }
  const unknown = [...parsed.names].find((name) => !whole.includes(name) && !parameters.includes(name));
  if (unknown !== undefined) {
    const known = [...whole, ...parameters.filter((name) => name !== null)].join(', ');
    throw new KeyholeError('NOT_FOUND', `--if has ${unknown}, which is not known at a call of ${target.address}`, `There are ${known}.`);
  }
  return {
    early: [...parsed.names].every((name) => !late.has(name)),
    holds: (sight) =>
      Boolean(parsed.evaluate((name) => (name in sight && name !== 'self' ? sight[name as 'args'] : nameIn(sight, name, parameters)))),
  };
}

/** Null for those that are taken apart. */
export function parameterNames(target: FunctionTarget): (string | null)[] {
  return children(target.entry.node, 'params').map((each) => nameOf(each.type === 'AssignmentPattern' ? (each.left as typeof each) : each));
}

function nameIn({ self, args }: Sight, name: string, parameters: readonly (string | null)[]): unknown {
  if (name === 'this') return self;
  const index = parameters.indexOf(name);
  return index === -1 ? undefined : args[index];
}

type Compiled = (this: unknown, args: readonly unknown[], result: unknown, error: unknown, ms: unknown, ...parameters: unknown[]) => unknown;

/** Any expression, in the global scope. */
function free(text: string, parameters: readonly (string | null)[], address: string): CallCondition {
  const named = parameters.map((name, index) => ({ name, index })).filter(({ name }) => name !== null && !whole.includes(name));
  const names = ['args', 'result', 'error', 'ms', ...named.map(({ name }) => name)];
  const wrong = whyNoExpression(text);
  if (wrong !== null) throw new KeyholeError('SYNTAX', `--if for ${address}: ${wrong}`);
  let compiled: Compiled;
  try {
    compiled = compile(`(function(${names.join(',')}){return (${text}\n)})`) as Compiled;
  } catch (thrown) {
    throw new KeyholeError('SYNTAX', `--if for ${address}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
  return {
    early: !/\b(?:result|error|ms)\b/.test(text),
    holds: ({ self, args, result, error, ms }) => Boolean(apply(compiled, self, [args, result, error, ms, ...named.map(({ index }) => args[index])])),
  };
}
