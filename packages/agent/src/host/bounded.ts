/**
 * What V8 may describe by itself, and what not. Its previews copy every entry of a Map (10 us each: one of ten million would stop the service for two minutes), list every property and write
 * out every text; and some values it asks, with code of the service's: it reads `splice` of every object, `message`, `stack` and `name` of an error, and walks into a Proxy among the
 * prototypes. So values are looked at first, and what is large or would be asked is described here. Nothing runs for it: no getter, no Proxy trap, no toString.
 */
import { types } from 'node:util';
import {
  apply,
  descriptionOfSymbol,
  functionText,
  getOwnPropertyDescriptor,
  getPrototypeOf,
  isArray,
  lengthOfTyped,
  ownKeys,
  sizeOfMap,
  sizeOfSet,
  sourceOfRegExp,
  textOfBigInt,
} from '../platform/originals.ts';
import { nodeClock } from '../platform/clock.ts';
import { limits } from '../protocol/index.ts';
import { firstOf } from './elements.ts';
import type { Elements } from './elements.ts';
import type { RemoteObject, V8Preview } from './remote-object.ts';
import { hide, longestSecret } from './secrets.ts';

const maxOwnKeys = limits.maxPageSize;
const maxElements = 1_000;
/** V8 takes some 10 ns for a character that it writes. */
const maxText = 100_000;
/** Longer numbers take longer and longer to write. */
const ordinaryBits = 4_096;
const shownBits = 64;
/** As many rows as V8 shows of an object, and as much text of each. */
const shownRows = 5;
const shownText = 100;
const searched = shownText + longestSecret;
const hex = 16;

/** Row sources that are read by index or in order. */
export function elementsOf(value: object): Elements | null {
  if (types.isProxy(value)) return null;
  if (isArray(value)) return 'array';
  if (types.isTypedArray(value)) return 'typedarray';
  if (types.isMap(value)) return 'map';
  return types.isSet(value) ? 'set' : null;
}

export function countOf(value: object, elements: Elements): number {
  if (elements === 'map') return apply(sizeOfMap, value, []);
  if (elements === 'set') return apply(sizeOfSet, value, []);
  return elements === 'array' ? (getOwnPropertyDescriptor(value, 'length')?.value as number) : apply(lengthOfTyped, value, []);
}

/** How much text V8 would write for a value, without what it holds; infinite where it would run code of the service's for it. */
function textLength(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return value.length;
    case 'symbol':
      return (apply(descriptionOfSymbol, value, []) ?? '').length;
    case 'bigint':
      return isOrdinary(value) ? 0 : Infinity;
    case 'function':
      if (types.isProxy(value)) return 0;
      return isAsked(value, asked) ? Infinity : apply(functionText, value, []).length;
    default: {
      if (typeof value !== 'object' || value === null || types.isProxy(value)) return 0;
      if (types.isNativeError(value)) return errorLength(value);
      if (isAsked(value, asked)) return Infinity;
      return types.isRegExp(value) ? apply(sourceOfRegExp, value, []).length : 0;
    }
  }
}

/** V8 writes down an error with what caused it, and that with what caused that. */
function errorLength(error: object): number {
  let characters = 0;
  let at: unknown = error;
  for (let causes = 0; types.isNativeError(at); causes += 1) {
    // The stack last: to look at it is to have it written, and that asks for the others.
    if (causes > maxCauses || isAsked(at, askedOfErrors) || isAsked(at, ['stack'])) return Infinity;
    const message: unknown = getOwnPropertyDescriptor(at, 'message')?.value;
    characters += typeof message === 'string' ? message.length : 0;
    at = getOwnPropertyDescriptor(at, 'cause')?.value;
  }
  return characters + textLength(at);
}

/** Whether one of these names is an accessor of the service's, or there is a Proxy where it is looked for. */
function isAsked(value: object, names: readonly string[]): boolean {
  const open = new Set(names);
  for (let at: object | null = value; at !== null; at = getPrototypeOf(at)) {
    if (types.isProxy(at)) return true;
    for (const name of open) {
      const descriptor = getOwnPropertyDescriptor(at, name);
      if (descriptor === undefined) continue;
      if (descriptor.get !== undefined && descriptor.get !== ownStackGetter) return true;
      open.delete(name);
    }
  }
  return false;
}

const asked = ['splice'];
const askedOfErrors = [...asked, 'message', 'name', 'cause'];
const maxCauses = 10;
/** Some versions of V8 keep the stack behind an accessor of their own. */
const ownStackGetter = getOwnPropertyDescriptor(new Error('sample'), 'stack')?.get;
const isOrdinary = (value: bigint): boolean => BigInt.asIntN(ordinaryBits, value) === value;

const isShort = (value: unknown): boolean => textLength(value) <= maxText;

/** Whether V8 may open this value: list what it holds and preview it. */
export function isSmall(value: unknown): boolean {
  try {
    return holdsLittle(value, true);
  } catch {
    // A module that is being loaded has variables that can not be read yet; V8 knows how to say that.
    return true;
  }
}

/** @param isOpened V8 opens the keys and values of a Map once more, and nothing of these. */
function holdsLittle(value: unknown, isOpened: boolean): boolean {
  if (!isShort(value)) return false;
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || types.isProxy(value)) return true;
  if (isUncounted(value)) return false;
  const elements = elementsOf(value);
  const isMapOrSet = elements === 'map' || elements === 'set';
  if (elements !== null && countOf(value, elements) > (isMapOrSet ? maxOwnKeys : maxElements)) return false;
  if (elements === 'typedarray') return true;
  if (isMapOrSet && isOpened && !firstOf(value, elements, 0, maxOwnKeys).every((row) => holdsLittle(row.value, false) && holdsLittle(row.key, false)))
    return false;
  const keys = keysOf(value);
  if (keys.length > maxOwnKeys + (elements === 'array' ? maxElements : 0)) return false;
  let characters = 0;
  for (const key of keys) characters += textLength(getOwnPropertyDescriptor(value, key)?.value);
  return characters <= maxText;
}

/** V8 lists a million names in some 100 ms, and there is no way to ask for a few of them: for one request it is done once. */
export function keysOf(value: object): readonly (string | symbol)[] {
  if (latest?.value === value) return latest.keys;
  const keys = ownKeys(value);
  if (keys.length > maxElements) {
    latest = { value, keys };
    // The service may add some as soon as it has its turn.
    nodeClock.soon(() => {
      latest = null;
    });
  }
  return keys;
}

let latest: { value: object; keys: readonly (string | symbol)[] } | null = null;

/** How many these hold nobody can tell without listing them. */
const isUncounted = (value: object): boolean =>
  types.isWeakMap(value) || types.isWeakSet(value) || types.isMapIterator(value) || types.isSetIterator(value);

/** A primitive, or what only has a long text: without a handle, since nothing of it can be opened. Null for all others. */
export function plainRemote(value: unknown): RemoteObject | null {
  if (value === null) return { type: 'object', subtype: 'null', value: null };
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return { type: typeof value as 'string' | 'boolean', value };
    case 'undefined':
      return { type: 'undefined' };
    case 'number':
      if (Number.isFinite(value) && !Object.is(value, -0)) return { type: 'number', value, description: String(value) };
      return {
        type: 'number',
        unserializableValue: Object.is(value, -0) ? '-0' : String(value),
        description: Object.is(value, -0) ? '-0' : String(value),
      };
    case 'symbol':
      return { type: 'symbol', description: `Symbol(${(apply(descriptionOfSymbol, value, []) ?? '').slice(0, limits.maxStringLength)})` };
    case 'bigint': {
      const end = apply(textOfBigInt, BigInt.asUintN(shownBits, value), [hex]);
      const text = isOrdinary(value) ? `${apply(textOfBigInt, value, [])}n` : `a number of more than ${ordinaryBits} bits that ends in 0x${end}`;
      return { type: 'bigint', unserializableValue: text, description: text };
    }
    default:
      return isShort(value) ? null : largeRemote(value);
  }
}

/** What V8 is not asked about. */
function largeRemote(value: object): RemoteObject {
  const name = className(value);
  if (typeof value === 'function')
    return { type: 'function', className: name, description: apply(functionText, value, []).slice(0, limits.maxStringLength), held: value };
  if (types.isRegExp(value))
    return {
      type: 'object',
      subtype: 'regexp',
      className: name,
      description: `/${apply(sourceOfRegExp, value, []).slice(0, limits.maxStringLength)}`,
      held: value,
    };
  const elements = elementsOf(value);
  const remote: RemoteObject = {
    type: 'object',
    className: name,
    description: elements === null ? name : `${name}(${countOf(value, elements)})`,
    held: value,
  };
  if (elements !== null) remote.subtype = elements;
  if (types.isNativeError(value)) {
    const message: unknown = getOwnPropertyDescriptor(value, 'message')?.value;
    return { ...remote, subtype: 'error', description: typeof message === 'string' ? `${name}: ${message.slice(0, limits.maxStringLength)}` : name };
  }
  return { ...remote, preview: previewOf(value, remote) };
}

/** The first rows of what is not small, in V8's words. */
export function previewOf(value: object, { type, subtype, description }: RemoteObject): V8Preview {
  const preview: V8Preview = { type, ...(subtype !== undefined && { subtype }), description: description ?? '', overflow: true, properties: [] };
  const elements = elementsOf(value);
  if (elements === null) {
    if (isUncounted(value)) return preview;
    for (const key of keysOf(value).slice(0, shownRows)) preview.properties.push(propertyOf(nameOfKey(key), getOwnPropertyDescriptor(value, key)));
    return preview;
  }
  const rows = firstOf(value, elements, 0, elements === 'array' || elements === 'typedarray' ? limits.maxPageSize : shownRows);
  if (elements === 'array' || elements === 'typedarray')
    for (const row of rows) preview.properties.push(propertyOf(String(row.index), { value: row.value }));
  else preview.entries = rows.map((row) => ({ ...('key' in row && { key: briefly(row.key) }), value: briefly(row.value) }));
  return preview;
}

/**
 * What V8 would preview a record as, in a tenth of its time: pages are mostly made of such. Null where V8 knows more: private fields, states of promises, names of classes, long texts.
 */
export function recordPreview(value: object, { subtype, className: name }: RemoteObject): V8Preview | null {
  if (subtype !== undefined || name !== 'Object' || !isRecord(value)) return null;
  const keys = ownKeys(value);
  for (const key of keys) if (typeof key === 'symbol' || !isPlain(getOwnPropertyDescriptor(value, key)?.value)) return null;
  const properties = keys.slice(0, shownRows).map((key) => propertyOf(nameOfKey(key), getOwnPropertyDescriptor(value, key)));
  return { type: 'object', description: name, overflow: keys.length > shownRows, properties };
}

function isPlain(value: unknown): boolean {
  if (typeof value === 'string') return value.length <= shownText;
  if (typeof value !== 'object') return typeof value === 'number' || typeof value === 'boolean';
  return value === null || isRecord(value) || (isArray(value) && !types.isProxy(value) && getPrototypeOf(value) === prototypeOfArrays);
}

/** An object as `{}` makes one: it has no name but `Object`, and nothing was only given that prototype. */
function isRecord(value: object): boolean {
  if (types.isProxy(value) || getPrototypeOf(value) !== prototypeOfRecords || elementsOf(value) !== null) return false;
  if (types.isArgumentsObject(value) || types.isNativeError(value) || types.isDate(value) || types.isRegExp(value)) return false;
  return getOwnPropertyDescriptor(value, 'constructor') === undefined && getOwnPropertyDescriptor(value, Symbol.toStringTag) === undefined;
}

const prototypeOfRecords = Object.prototype;
const prototypeOfArrays = Array.prototype;

export const nameOfKey = (key: string | symbol): string =>
  typeof key === 'string' ? key : `Symbol(${(apply(descriptionOfSymbol, key, []) ?? '').slice(0, limits.maxStringLength)})`;

function propertyOf(name: string, descriptor: PropertyDescriptor | undefined): V8Preview['properties'][number] {
  if (descriptor === undefined || !('value' in descriptor)) return { name, type: 'accessor' };
  const { type, subtype, description = '' } = briefly(descriptor.value);
  return { name, type, ...(subtype !== undefined && { subtype }), ...(type !== 'function' && { value: description }) };
}

/** Whether a preview of V8's would cut a secret in two, so that neither piece looks like one. @param levels of entries, which V8 opens once more */
export function hasCutSecret(value: unknown, levels = 2): boolean {
  if (typeof value === 'string') return value.length > shownText && hide(value) !== value;
  if (levels === 0 || typeof value !== 'object' || value === null || types.isProxy(value)) return false;
  const elements = elementsOf(value);
  if (elements === 'typedarray') return false;
  if (elements === 'map' || elements === 'set')
    return firstOf(value, elements, 0, shownRows).some((row) => hasCutSecret(row.key, levels - 1) || hasCutSecret(row.value, levels - 1));
  return ownKeys(value)
    .slice(0, limits.maxPageSize)
    .some((key) => hasCutSecret(getOwnPropertyDescriptor(value, key)?.value, 0));
}

function briefly(value: unknown): V8Preview {
  const plain = plainRemote(value);
  const none = { overflow: false, properties: [] };
  if (plain !== null)
    return {
      type: plain.type,
      ...(plain.subtype !== undefined && { subtype: plain.subtype }),
      description: cut(
        plain.value === null ? 'null' : hide(`${(plain.value ?? plain.description ?? plain.type) as string | number | boolean}`.slice(0, searched)),
      ),
      ...none,
    };
  if (typeof value === 'function') return { type: 'function', description: '', ...none };
  const object = value as object;
  if (types.isProxy(object)) return { type: 'object', subtype: 'proxy', description: 'Proxy', ...none };
  const elements = elementsOf(object);
  const name = className(object);
  return {
    type: 'object',
    ...(elements !== null && { subtype: elements }),
    description: elements === null ? name : `${name}(${countOf(object, elements)})`,
    ...none,
  };
}

const cut = (text: string): string => (text.length <= shownText ? text : `${text.slice(0, shownText)}…`);

/** The name of its class, as far as own data says it. */
export function className(value: object): string {
  for (let at: object | null = value; at !== null && !types.isProxy(at); at = getPrototypeOf(at)) {
    const made = getOwnPropertyDescriptor(at, 'constructor')?.value as unknown;
    const name = typeof made === 'function' && !types.isProxy(made) ? (getOwnPropertyDescriptor(made, 'name')?.value as unknown) : undefined;
    if (typeof name === 'string' && name !== '') return cut(name);
  }
  return 'Object';
}
