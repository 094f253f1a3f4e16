/** What kind of object a value is, in V8's words, told without running anything of the service. */
import { types } from 'node:util';
import {
  apply,
  getOwnPropertyDescriptor,
  getPrototypeOf,
  isArray,
  isBuffer,
  isoOfDate,
  lengthOfTyped,
  sizeOfMap,
  sizeOfSet,
  sourceOfRegExp,
  timeOfDate,
} from '../../platform/originals.ts';
import { hide, longestSecret } from '../secrets.ts';

const maxPrototypes = 20;
export const maxNameLength = 80;
const maxMessageLength = 300;

export interface Kind {
  subtype: string | null;
  description: string;
  length: number;
}

/** Kinds of which nothing inside is shown. The state of a promise takes V8's inspector, which a call can not wait for. */
export const closed = new Set(['error', 'date', 'regexp', 'Promise', 'Module']);

export function typed({ subtype }: Kind): string {
  return subtype === null ? '"type":"object"' : `"type":"object","subtype":"${subtype}"`;
}

const kind = (subtype: string | null, description: string, length = 0): Kind => ({ subtype, description, length });
const plainObject = kind(null, 'Object');

export function kindOf(value: object): Kind {
  if (isArray(value)) {
    const length = getOwnPropertyDescriptor(value, 'length')?.value ?? 0;
    const name = getPrototypeOf(value) === Array.prototype ? 'Array' : classOf(value);
    return kind('array', `${name === 'Object' ? 'Array' : name}(${length})`, length);
  }
  const prototype = getPrototypeOf(value);
  if (prototype === Object.prototype) return plainObject;
  if (prototype === null) return kind(null, types.isModuleNamespaceObject(value) ? 'Module' : '[Object: null prototype]');
  return isOwnClass(prototype) ? kind(null, classOf(value)) : builtInKind(value);
}

/** Built-in objects have a built-in prototype, unless somebody has changed it; asking Node for each kind costs as much as all the rest. */
const builtInPrototypes: readonly object[] = [Map, Set, Date, RegExp, Error, Promise].map((each) => each.prototype as object);
const typedArrayPrototype = getPrototypeOf(Uint8Array.prototype);

/** Whether a chain of prototypes has nothing built in but Object's. One of another realm may have anything. */
function isOwnClass(prototype: object): boolean {
  let at: object | null = prototype;
  for (let step = 0; at !== null && step < maxPrototypes; step += 1) {
    if (at === Object.prototype) return true;
    if (at === typedArrayPrototype || builtInPrototypes.includes(at) || types.isProxy(at)) return false;
    at = getPrototypeOf(at);
  }
  return false;
}

function builtInKind(value: object): Kind {
  if (types.isMap(value)) {
    const length = apply(sizeOfMap, value, []);
    return kind('map', `${classOf(value)}(${length})`, length);
  }
  if (types.isSet(value)) {
    const length = apply(sizeOfSet, value, []);
    return kind('set', `${classOf(value)}(${length})`, length);
  }
  if (types.isNativeError(value)) return kind('error', errorText(value));
  if (types.isDate(value)) {
    const time = apply(timeOfDate, value, []);
    return kind('date', Number.isNaN(time) ? 'Invalid Date' : apply(isoOfDate, value, []));
  }
  if (types.isRegExp(value)) return kind('regexp', `/${apply(sourceOfRegExp, value, []).slice(0, maxNameLength)}/`);
  if (types.isTypedArray(value)) {
    const length = apply(lengthOfTyped, value, []);
    return kind('typedarray', `${isBuffer(value) ? 'Buffer' : classOf(value)}(${length})`, length);
  }
  return kind(null, types.isPromise(value) ? 'Promise' : classOf(value));
}

/** The name of the constructor that its prototype names. */
function classOf(value: object): string {
  let at = getPrototypeOf(value);
  for (let step = 0; at !== null && step < maxPrototypes && !types.isProxy(at); step += 1) {
    const made = getOwnPropertyDescriptor(at, 'constructor');
    if (made !== undefined) {
      const by: unknown = made.value;
      return typeof by === 'function' && !types.isProxy(by) ? nameOf(by) || 'Object' : 'Object';
    }
    at = getPrototypeOf(at);
  }
  return 'Object';
}

function nameOf(fn: object): string {
  const name: unknown = getOwnPropertyDescriptor(fn, 'name')?.value;
  return typeof name === 'string' ? name.slice(0, maxNameLength) : '';
}

/** As V8 would begin to describe it; its text is not asked for, since that may be long. */
export function functionWords(fn: object): string {
  if (types.isProxy(fn)) return 'Proxy()';
  const prototype = getOwnPropertyDescriptor(fn, 'prototype');
  const isClass = prototype !== undefined && prototype.writable === false;
  return isClass
    ? `class ${nameOf(fn)}`
    : `${types.isAsyncFunction(fn) ? 'async ' : ''}${types.isGeneratorFunction(fn) ? 'function* ' : ''}${nameOf(fn)}()`;
}

function errorText(error: object): string {
  const name = inherited(error, 'name');
  const message = inherited(error, 'message');
  const head = typeof name === 'string' ? name.slice(0, maxNameLength) : 'Error';
  return typeof message === 'string' && message !== ''
    ? `${head}: ${hide(message.slice(0, maxMessageLength + longestSecret)).slice(0, maxMessageLength)}`
    : head;
}

/** A data property, own or inherited. */
function inherited(value: object, key: string): unknown {
  let at: object | null = value;
  for (let step = 0; at !== null && step < maxPrototypes && !types.isProxy(at); step += 1) {
    const found = getOwnPropertyDescriptor(at, key);
    if (found !== undefined) return found.value;
    at = getPrototypeOf(at);
  }
  return undefined;
}
