/**
 * A condition over values of a running call, evaluated by ourselves and never by V8: names, members, operators and literals as in closed-grammar.ts, and of these only what runs no code
 * of the service. A getter, a Proxy or an object that would have to become a primitive is an error, never a call. So anybody who may look may say one, and it can do no harm.
 */
import * as acorn from 'acorn';
import { getOwnPropertyDescriptor, getPrototypeOf } from '../platform/originals.ts';
import { lookingExpression, reachesSecret, whyUnreadable } from './closed-grammar.ts';
import { child, children } from './syntax.ts';
import type { SyntaxNode } from './syntax.ts';

/** What the names of a condition stand for in one call. */
export type Names = (name: string) => unknown;
type Condition = (names: Names) => unknown;

/** How values are looked at without running anything; the host provides it, since telling a Proxy takes Node. */
export interface Look {
  isProxy(value: object): boolean;
  /** Of a Map, a Set, a typed array: what their own accessors say; undefined where the key is none of these. */
  builtInSize(value: object, key: PropertyKey): number | undefined;
}

const maxPrototypes = 100;

interface ParsedCondition {
  /** Names it uses, `this` among them. */
  names: Set<string>;
  evaluate: Condition;
}

/** @param isSecret what may not be named; null where all may. @returns why it is none, or what evaluates it. */
export function parseCondition(text: string, look: Look, isSecret: ((name: string) => boolean) | null): ParsedCondition | { why: string } {
  const looked = lookingExpression(text);
  if ('why' in looked) return looked;
  const why = isSecret === null ? null : reachesSecret(looked.root, isSecret);
  if (why !== null) return { why };
  const names = new Set<string>();
  const evaluate = compile(looked.root, { look, names });
  return { names, evaluate: (given) => plain(evaluate(given)) };
}

/** Why a text is not one whole expression that can stand in parentheses, or null. Names of private members are taken for known. */
export function whyNoExpression(text: string): string | null {
  const source = `(${text}\n)`;
  try {
    const { body } = acorn.parse(source, { ecmaVersion: 'latest', sourceType: 'script', checkPrivateFields: false, preserveParens: true });
    const [only] = body;
    // The parentheses have to be the ones around it.
    const isWhole =
      only?.type === 'ExpressionStatement' && only.expression.type === 'ParenthesizedExpression' && only.expression.end === source.length;
    return body.length === 1 && isWhole ? null : 'it is not one expression';
  } catch (thrown) {
    return whyUnreadable(thrown);
  }
}

interface Making {
  look: Look;
  names: Set<string>;
}

/** A chain that ended at `?.` with nothing: the rest of it is not looked at. */
const ended = Symbol('ended');

function compile(node: SyntaxNode, making: Making): Condition {
  const part = (field: string): Condition => {
    const found = child(node, field);
    if (found === null) throw new Error(`${node.type} without ${field}`);
    return compile(found, making);
  };
  switch (node.type) {
    case 'Identifier':
    case 'ThisExpression': {
      const name = node.type === 'Identifier' ? String(node.name) : 'this';
      if (name in constants) return () => constants[name];
      making.names.add(name);
      return (names) => names(name);
    }
    case 'Literal': {
      const { value } = node;
      return () => value;
    }
    case 'TemplateLiteral': {
      const texts = children(node, 'quasis').map((each) => (each as unknown as { value: { cooked: string } }).value.cooked);
      const values = children(node, 'expressions').map((each) => compile(each, making));
      return (names) =>
        texts
          .map((text, index) => {
            const value = values[index];
            return value === undefined ? text : `${text}${String(primitive(value(names)))}`;
          })
          .join('');
    }
    case 'ChainExpression': {
      const inner = part('expression');
      return (names) => plain(inner(names));
    }
    case 'MemberExpression':
      return member(node, making);
    case 'LogicalExpression': {
      const [left, right] = [part('left'), part('right')];
      if (node.operator === '&&') return (names) => plain(left(names)) && right(names);
      if (node.operator === '||') return (names) => plain(left(names)) || right(names);
      return (names) => plain(left(names)) ?? right(names);
    }
    case 'ConditionalExpression': {
      const [test, yes, no] = [part('test'), part('consequent'), part('alternate')];
      return (names) => (plain(test(names)) ? yes(names) : no(names));
    }
    case 'UnaryExpression':
      return unary(String(node.operator), part('argument'));
    case 'BinaryExpression':
      return binary(String(node.operator), part('left'), part('right'), making.look);
    default:
      throw new Error(`${node.type} is not looked at`);
  }
}

const constants: Record<string, unknown> = Object.assign(Object.create(null) as object, { undefined, NaN, Infinity });

function plain(value: unknown): unknown {
  return value === ended ? undefined : value;
}

function member(node: SyntaxNode, making: Making): Condition {
  const object = child(node, 'object');
  const property = child(node, 'property');
  if (object === null || property === null) throw new Error('a member without its parts');
  const base = compile(object, making);
  const key: Condition = node.computed === true ? compile(property, making) : () => property.name;
  const optional = node.optional === true;
  // Outside a chain nothing is left out: the marker must not travel on.
  return (names) => {
    const value = base(names);
    if (value === ended) return ended;
    if (optional && (value === undefined || value === null)) return ended;
    return read(value, plain(key(names)), making.look);
  };
}

/** A data property, own or inherited. */
function read(value: unknown, key: unknown, look: Look): unknown {
  if (typeof key === 'object' || typeof key === 'function') throw new Error('an object is no key');
  const name = typeof key === 'symbol' ? key : `${key as string | number | boolean}`;
  if (value === undefined || value === null) throw new TypeError(`${String(value)} has no ${String(name)}`);
  if (typeof value === 'string') {
    if (name === 'length') return value.length;
    if (typeof name === 'string' && /^(?:0|[1-9]\d*)$/.test(name)) return value[Number(name)];
  }
  if (typeof value !== 'object' && typeof value !== 'function') throw new TypeError(`${String(name)} of a ${typeof value} is not looked at`);
  const found = find(value, name, look);
  if (found === undefined) return undefined;
  if ('value' in found) return found.value;
  const size = look.builtInSize(value, name);
  if (size !== undefined) return size;
  throw new Error(`${String(name)} is a getter, which is not run`);
}

function find(value: object, name: PropertyKey, look: Look): PropertyDescriptor | undefined {
  let at: object | null = value;
  for (let step = 0; at !== null && step < maxPrototypes; step += 1) {
    if (look.isProxy(at)) throw new Error('a Proxy is not looked into');
    const found = getOwnPropertyDescriptor(at, name);
    if (found !== undefined) return found;
    at = getPrototypeOf(at);
  }
  return undefined;
}

type Primitive = string | number | bigint | boolean | symbol | null | undefined;

function primitive(value: unknown): Exclude<Primitive, symbol> {
  const bare = plain(value);
  if ((typeof bare === 'object' && bare !== null) || typeof bare === 'function') throw new TypeError('an object is not made a number or a text');
  if (typeof bare === 'symbol') throw new TypeError('a symbol is not made a number or a text');
  return bare as Exclude<Primitive, symbol>;
}

function unary(operator: string, argument: Condition): Condition {
  switch (operator) {
    case '!':
      return (names) => !plain(argument(names));
    case 'typeof':
      return (names) => typeof plain(argument(names));
    case 'void':
      return () => undefined;
    case '-':
      return (names) => -(primitive(argument(names)) as number);
    case '+':
      return (names) => +(primitive(argument(names)) as string);
    case '~':
      return (names) => ~(primitive(argument(names)) as number);
    default:
      throw new Error(`${operator} is not looked at`);
  }
}

/** Of two primitives. The numbers are only what TypeScript calls them: JavaScript decides. */
const arithmetic: Record<string, (a: number, b: number) => unknown> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '&': (a, b) => a & b,
  '|': (a, b) => a | b,
  '^': (a, b) => a ^ b,
  '>>': (a, b) => a >> b,
  '>>>': (a, b) => a >>> b,
};

function binary(operator: string, left: Condition, right: Condition, look: Look): Condition {
  switch (operator) {
    case '===':
      return (names) => plain(left(names)) === plain(right(names));
    case '!==':
      return (names) => plain(left(names)) !== plain(right(names));
    case '==':
      return (names) => looselyEqual(plain(left(names)), plain(right(names)));
    case '!=':
      return (names) => !looselyEqual(plain(left(names)), plain(right(names)));
    case 'in':
      return (names) => {
        const key = plain(left(names));
        const value = plain(right(names));
        if ((typeof value !== 'object' && typeof value !== 'function') || value === null) throw new TypeError('in takes an object');
        return find(value, typeof key === 'symbol' ? key : String(primitive(key)), look) !== undefined;
      };
    default: {
      const compute = arithmetic[operator];
      if (compute === undefined) return () => refuse(operator);
      return (names) => {
        const [a, b] = [primitive(left(names)), primitive(right(names))];
        // Small values make no big ones in one step, and a big one of the service's is not to be multiplied.
        if (typeof a === 'bigint' && (operator === '*' || operator === '/' || operator === '%')) refuse(`${operator} of big numbers`);
        return compute(a as number, b as number);
      };
    }
  }
}

function refuse(what: string): never {
  throw new Error(`${what} is not looked at`);
}

function looselyEqual(a: unknown, b: unknown): boolean {
  const isObject = (value: unknown): boolean => (typeof value === 'object' && value !== null) || typeof value === 'function';
  if (isObject(a) && isObject(b)) return a === b;
  if ((isObject(a) && (b === null || b === undefined)) || (isObject(b) && (a === null || a === undefined))) return false;
  if (isObject(a) || isObject(b)) throw new TypeError('an object is not made a number or a text');
  return a == b;
}
