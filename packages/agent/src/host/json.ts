/** A value as JSON, where it is such: read without running anything, and never more than fits into an answer. */
import { types } from 'node:util';
import { getOwnPropertyDescriptor, isArray, ownKeys } from '../platform/originals.ts';
import { redacted } from '../source/secrets.ts';
import { className } from './bounded.ts';
import { announcesSecret, hide, isSecret } from './secrets.ts';

const maxNodes = 1_000;
const maxCharacters = 20_000;
const maxDepth = 6;

/** undefined where it is no plain JSON value, or too large. Secrets in it are hidden; what is asked for itself is not. */
export function jsonOf(value: unknown): unknown {
  return read(value, { nodes: maxNodes, characters: maxCharacters }, maxDepth);
}

function read(value: unknown, budget: { nodes: number; characters: number }, depth: number): unknown {
  budget.nodes -= 1;
  if (budget.nodes < 0 || depth < 0) return undefined;
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0) ? value : undefined;
  if (typeof value === 'string') {
    budget.characters -= value.length;
    return budget.characters < 0 ? undefined : value;
  }
  if (typeof value !== 'object' || types.isProxy(value)) return undefined;
  const isList = isArray(value);
  if (isList ? value.length > budget.nodes : !isPlain(value)) return undefined;
  const keys = ownKeys(value);
  if (keys.length - 1 > budget.nodes) return undefined;
  const entries: [string, unknown][] = [];
  let before: unknown;
  for (const key of keys) {
    const descriptor = getOwnPropertyDescriptor(value, key);
    if (typeof key === 'symbol' || descriptor?.enumerable !== true) continue;
    if (!('value' in descriptor)) return undefined;
    const json = isSecret(key) || (isList && announcesSecret(before)) ? redacted : read(descriptor.value, budget, depth - 1);
    if (json === undefined) return undefined;
    entries.push([key, typeof json === 'string' ? hide(json) : json]);
    before = descriptor.value;
  }
  if (!isList) return Object.fromEntries(entries);
  return entries.length === value.length ? entries.map(([, json]) => json) : undefined;
}

/** What looks like a plain object and is none. Not all of `types`: some of them ask the value. */
const special = [
  types.isArgumentsObject,
  types.isArrayBufferView,
  types.isAnyArrayBuffer,
  types.isBoxedPrimitive,
  types.isDate,
  types.isGeneratorObject,
  types.isMap,
  types.isSet,
  types.isModuleNamespaceObject,
  types.isNativeError,
  types.isPromise,
  types.isRegExp,
  types.isWeakMap,
  types.isWeakSet,
];

function isPlain(value: object): boolean {
  return !special.some((is) => is(value)) && className(value) === 'Object';
}
