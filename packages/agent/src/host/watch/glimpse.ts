/**
 * A value as it is at this moment, as the JSON text of a {@link RemoteValue} with V8's kind of preview, made in the middle of the service's call: text at once, since objects that are written
 * later take three times as long. Nothing of the service runs for it: no getter, no Proxy trap, no toString, no iterator of its own. It is bounded in depth, breadth and text, but for one thing:
 * of an object with very many keys V8 lists all keys first.
 */
import { types } from 'node:util';
import {
  apply,
  descriptionOfSymbol,
  entriesOfMap,
  getOwnPropertyDescriptor,
  getPrototypeOf,
  isArray,
  isBuffer,
  isoOfDate,
  lengthOfTyped,
  nextOfMap,
  nextOfSet,
  ownKeys,
  sizeOfMap,
  sizeOfSet,
  sourceOfRegExp,
  stringify,
  timeOfDate,
  valuesOfSet,
} from '../../platform/originals.ts';

export interface GlimpseLimits {
  /** Levels of objects that are opened. */
  depth: number;
  /** Properties, elements or entries of one object. */
  breadth: number;
  /** Characters of one string; of one inside an object a third. */
  characters: number;
  /** Objects in all. */
  objects: number;
}

export const defaultGlimpse: GlimpseLimits = { depth: 2, breadth: 10, characters: 300, objects: 50 };

const maxPrototypes = 20;
const maxNameLength = 80;
const maxMessageLength = 300;

/** One look, of one or several values: what is left of its bounds goes from one to the next. */
export class Glimpse {
  readonly #limits: GlimpseLimits;
  #objects: number;

  constructor(limits: GlimpseLimits) {
    this.#limits = limits;
    this.#objects = limits.objects;
  }

  of(value: unknown): string {
    switch (typeof value) {
      case 'undefined':
        return '{"type":"undefined"}';
      case 'boolean':
        return value ? '{"type":"boolean","value":true}' : '{"type":"boolean","value":false}';
      case 'number':
        return isJson(value) ? `{"type":"number","value":${value}}` : `{"type":"number","unserializable":"${numberText(value)}"}`;
      case 'bigint':
        return `{"type":"bigint","unserializable":"${bigText(value)}"}`;
      case 'string':
        return `{"type":"string","value":${cut(value, this.#limits.characters, '')},"length":${value.length}}`;
      case 'symbol':
        return `{"type":"symbol","description":${stringify(symbolText(value))}}`;
      case 'function':
        return `{"type":"function","description":${stringify(functionWords(value))}}`;
      default:
        return value === null ? '{"type":"object","subtype":"null","value":null}' : this.#object(value as object);
    }
  }

  #object(value: object): string {
    if (types.isProxy(value)) return '{"type":"object","subtype":"proxy","description":"Proxy"}';
    const kind = kindOf(value);
    const { depth } = this.#limits;
    const preview = depth > 0 && !closed.has(kind.subtype ?? kind.description) ? `,"preview":${this.#preview(value, kind, depth)}` : '';
    return `{${typed(kind)},"description":${stringify(kind.description)}${preview}}`;
  }

  /** @param depth how many levels may be opened, this one included. */
  #preview(value: object, kind: Kind, depth: number): string {
    this.#objects -= 1;
    const head = `{${typed(kind)},"description":${stringify(kind.description)}`;
    if (depth <= 0 || this.#objects < 0) return `${head},"overflow":true,"properties":[]}`;
    if (kind.subtype === 'array' || kind.subtype === 'typedarray') return `${head},${this.#elements(value, kind.length, depth)}}`;
    if (kind.subtype === 'map' || kind.subtype === 'set') return `${head},${this.#entries(value, kind.length, kind.subtype, depth)}}`;
    return `${head},${this.#properties(value, depth)}}`;
  }

  #elements(value: object, length: number, depth: number): string {
    const shown = length < this.#limits.breadth ? length : this.#limits.breadth;
    let rows = '';
    for (let index = 0; index < shown; index += 1) {
      const found = getOwnPropertyDescriptor(value, index);
      if (found !== undefined) rows += `${rows === '' ? '' : ','}{"name":"${index}",${this.#property(found, depth)}}`;
    }
    return `"overflow":${length > shown},"properties":[${rows}]`;
  }

  #entries(value: object, length: number, subtype: 'map' | 'set', depth: number): string {
    const shown = length < this.#limits.breadth ? length : this.#limits.breadth;
    const iterator: unknown = apply(subtype === 'map' ? entriesOfMap : valuesOfSet, value, []);
    let rows = '';
    for (let count = 0; count < shown; count += 1) {
      const next = apply(subtype === 'map' ? nextOfMap : nextOfSet, iterator, []);
      if (next.done === true) break;
      const pair = next.value as [unknown, unknown];
      const row = subtype === 'set' ? this.#entry(next.value, depth) : `${this.#entry(pair[1], depth)},"key":${this.#inside(pair[0], depth - 1)}`;
      rows += `${rows === '' ? '' : ','}{${row}}`;
    }
    return `"overflow":${length > shown},"properties":[],"entries":[${rows}]`;
  }

  #entry(value: unknown, depth: number): string {
    return `"value":${this.#inside(value, depth - 1)}`;
  }

  #properties(value: object, depth: number): string {
    let rows = '';
    let shown = 0;
    let overflow = false;
    for (const key of ownKeys(value)) {
      if (shown >= this.#limits.breadth) {
        overflow = true;
        break;
      }
      const found = getOwnPropertyDescriptor(value, key);
      if (found === undefined || found.enumerable !== true) continue;
      shown += 1;
      const name = typeof key === 'symbol' ? symbolText(key) : key.length > maxNameLength ? key.slice(0, maxNameLength) : key;
      rows += `${rows === '' ? '' : ','}{"name":${stringify(name)},${this.#property(found, depth)}}`;
    }
    return `"overflow":${overflow},"properties":[${rows}]`;
  }

  /** The fields of a property but for its name. */
  #property(found: PropertyDescriptor, depth: number): string {
    if (!('value' in found)) return '"type":"accessor"';
    const value: unknown = found.value;
    if (typeof value !== 'object' || value === null) return this.#short(value, 'value');
    if (types.isProxy(value)) return '"type":"object","subtype":"proxy","value":"Proxy"';
    const kind = kindOf(value);
    if (depth <= 1 || closed.has(kind.subtype ?? kind.description)) return `${typed(kind)},"value":${stringify(kind.description)}`;
    return `${typed(kind)},"valuePreview":${this.#preview(value, kind, depth - 1)}`;
  }

  /** A value inside a Map or a Set. */
  #inside(value: unknown, depth: number): string {
    if (typeof value !== 'object' || value === null) return `{${this.#short(value, 'description')},"overflow":false,"properties":[]}`;
    if (types.isProxy(value)) return '{"type":"object","subtype":"proxy","description":"Proxy","overflow":false,"properties":[]}';
    const kind = kindOf(value);
    if (!closed.has(kind.subtype ?? kind.description)) return this.#preview(value, kind, depth);
    return `{${typed(kind)},"description":${stringify(kind.description)},"overflow":false,"properties":[]}`;
  }

  /** What is no object, in the short words of a preview, under the field that takes them. */
  #short(value: unknown, field: 'value' | 'description'): string {
    switch (typeof value) {
      case 'string':
        return `"type":"string","${field}":${cut(value, insideCharacters(this.#limits), '…')}`;
      case 'number':
        return `"type":"number","${field}":"${numberText(value)}"`;
      case 'function':
        return `"type":"function","${field}":${stringify(functionWords(value))}`;
      case 'symbol':
        return `"type":"symbol","${field}":${stringify(symbolText(value))}`;
      case 'bigint':
        return `"type":"bigint","${field}":"${bigText(value)}"`;
      case 'object':
        return `"type":"object","subtype":"null","${field}":"null"`;
      default:
        return `"type":"${typeof value}","${field}":"${String(value)}"`;
    }
  }
}

/** Of a string inside an object. */
function insideCharacters({ characters }: GlimpseLimits): number {
  return characters / 3 < 20 ? 20 : Math.floor(characters / 3);
}

function cut(text: string, most: number, mark: string): string {
  return text.length <= most ? stringify(text) : stringify(text.slice(0, most) + mark);
}

interface Kind {
  subtype: string | null;
  description: string;
  length: number;
}

/** Kinds of which nothing inside is shown. The state of a promise takes V8's inspector, which a call can not wait for. */
const closed = new Set(['error', 'date', 'regexp', 'Promise', 'Module']);

function typed({ subtype }: Kind): string {
  return subtype === null ? '"type":"object"' : `"type":"object","subtype":"${subtype}"`;
}

const kind = (subtype: string | null, description: string, length = 0): Kind => ({ subtype, description, length });
const plainObject = kind(null, 'Object');

function kindOf(value: object): Kind {
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
function functionWords(fn: object): string {
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
  return typeof message === 'string' && message !== '' ? `${head}: ${message.slice(0, maxMessageLength)}` : head;
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

/** What JSON has a word for. */
function isJson(value: number): boolean {
  return value - value === 0 && !Object.is(value, -0);
}

function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : `${value}`;
}

/** A number of a million digits takes long to write. */
function bigText(value: bigint): string {
  const most = 1n << 256n;
  return value < most && value > -most ? `${value}n` : 'a bigint of more than 256 bits';
}

function symbolText(symbol: symbol): string {
  return `Symbol(${(apply(descriptionOfSymbol, symbol, []) ?? '').slice(0, maxNameLength)})`;
}
