/**
 * A value as it is at this moment, in the shape of V8's previews, made in microseconds in the middle of the service's call. Nothing of the service runs for it: no getter, no Proxy trap,
 * no toString, no iterator of its own. It is bounded in depth, breadth and text, but for one thing: of an object with very many keys V8 lists all keys first.
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
  timeOfDate,
  valuesOfSet,
} from '../../platform/originals.ts';
import type { Preview, PreviewProperty, RemoteValue } from '../../protocol/index.ts';

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

  of(value: unknown): RemoteValue {
    switch (typeof value) {
      case 'undefined':
        return { type: 'undefined' };
      case 'boolean':
        return { type: 'boolean', value };
      case 'number':
        return numberOf(value);
      case 'bigint':
        return { type: 'bigint', unserializable: bigText(value) };
      case 'string':
        return value.length <= this.#limits.characters
          ? { type: 'string', value, length: value.length }
          : { type: 'string', value: value.slice(0, this.#limits.characters), length: value.length };
      case 'symbol':
        return { type: 'symbol', description: symbolText(value) };
      case 'function':
        return { type: 'function', description: functionWords(value) };
      default:
        return value === null ? { type: 'object', subtype: 'null', value: null } : this.#object(value as object);
    }
  }

  #object(value: object): RemoteValue {
    if (types.isProxy(value)) return { type: 'object', subtype: 'proxy', description: 'Proxy' };
    const preview = this.#preview(value, this.#limits.depth);
    const shown: RemoteValue = { type: 'object', ...(preview.subtype !== undefined && { subtype: preview.subtype }) };
    if (preview.description !== undefined) shown.description = preview.description;
    if (this.#limits.depth > 0 && !closed.has(preview.subtype ?? preview.description ?? '')) shown.preview = preview;
    return shown;
  }

  /** @param depth how many levels may be opened, this one included. */
  #preview(value: object, depth: number): Preview {
    this.#objects -= 1;
    const kind = kindOf(value);
    const preview: Preview = { type: 'object', overflow: false, properties: [] };
    if (kind.subtype !== undefined) preview.subtype = kind.subtype;
    if (kind.description !== undefined) preview.description = kind.description;
    if (closed.has(kind.subtype ?? kind.description ?? '')) return preview;
    if (depth <= 0 || this.#objects < 0) {
      preview.overflow = true;
      return preview;
    }
    if (kind.subtype === 'array' || kind.subtype === 'typedarray') this.#elements(preview, value, kind.length ?? 0, depth);
    else if (kind.subtype === 'map' || kind.subtype === 'set') this.#entries(preview, value, kind.length ?? 0, kind.subtype, depth);
    else this.#properties(preview, value, depth);
    return preview;
  }

  #elements(preview: Preview, value: object, length: number, depth: number): void {
    const shown = Math.min(length, this.#limits.breadth);
    for (let index = 0; index < shown; index += 1) {
      const name = String(index);
      const found = getOwnPropertyDescriptor(value, name);
      if (found !== undefined) preview.properties.push(this.#property(name, found, depth));
    }
    preview.overflow = length > shown;
  }

  #entries(preview: Preview, value: object, length: number, subtype: 'map' | 'set', depth: number): void {
    const entries: NonNullable<Preview['entries']> = [];
    const iterator: unknown = apply(subtype === 'map' ? entriesOfMap : valuesOfSet, value, []);
    for (let count = 0; count < Math.min(length, this.#limits.breadth); count += 1) {
      const next = apply(subtype === 'map' ? nextOfMap : nextOfSet, iterator, []) as IteratorResult<unknown>;
      if (next.done === true) break;
      if (subtype === 'set') entries.push({ value: this.#inside(next.value, depth - 1) });
      else {
        const pair = next.value as [unknown, unknown];
        entries.push({ key: this.#inside(pair[0], depth - 1), value: this.#inside(pair[1], depth - 1) });
      }
    }
    preview.entries = entries;
    preview.overflow = length > entries.length;
  }

  #properties(preview: Preview, value: object, depth: number): void {
    const keys = ownKeys(value);
    let shown = 0;
    for (const key of keys) {
      if (shown >= this.#limits.breadth) {
        preview.overflow = true;
        return;
      }
      const found = getOwnPropertyDescriptor(value, key);
      if (found === undefined || found.enumerable !== true) continue;
      shown += 1;
      preview.properties.push(this.#property(typeof key === 'symbol' ? symbolText(key) : key.slice(0, maxNameLength), found, depth));
    }
  }

  #property(name: string, found: PropertyDescriptor, depth: number): PreviewProperty {
    if (!('value' in found)) return { name, type: 'accessor' };
    const inside = this.#inside(found.value, depth - 1);
    const property: PreviewProperty = { name, type: inside.type };
    if (inside.subtype !== undefined) property.subtype = inside.subtype;
    if (inside.description !== undefined) property.value = inside.description;
    if (inside.type === 'object' && (inside.properties.length > 0 || inside.entries !== undefined)) property.valuePreview = inside;
    return property;
  }

  /** A value inside another one: of a primitive its short text. */
  #inside(value: unknown, depth: number): Preview {
    const short = (description: string, subtype?: string): Preview => ({
      type: typeof value,
      ...(subtype !== undefined && { subtype }),
      description,
      overflow: false,
      properties: [],
    });
    switch (typeof value) {
      case 'string': {
        const most = Math.max(20, Math.floor(this.#limits.characters / 3));
        return short(value.length <= most ? value : `${value.slice(0, most)}…`);
      }
      case 'function':
        return short(functionWords(value));
      case 'symbol':
        return short(symbolText(value));
      case 'bigint':
        return short(bigText(value));
      case 'object':
        if (value === null) return short('null', 'null');
        if (types.isProxy(value)) return short('Proxy', 'proxy');
        return this.#preview(value, depth);
      default:
        return short(Object.is(value, -0) ? '-0' : String(value));
    }
  }
}

interface Kind {
  subtype?: string;
  description?: string;
  length?: number;
}

/** Kinds of which nothing inside is shown. */
const closed = new Set(['error', 'date', 'regexp', 'Promise', 'Module']);

function kindOf(value: object): Kind {
  if (isArray(value)) {
    const length = Number(getOwnPropertyDescriptor(value, 'length')?.value ?? 0);
    const name = classOf(value);
    return { subtype: 'array', description: `${name === 'Object' ? 'Array' : name}(${length})`, length };
  }
  const prototype = getPrototypeOf(value);
  // Most objects are plain ones: the questions below cost a call each.
  if (prototype === Object.prototype || prototype === null) return plainKind(value, prototype);
  if (types.isMap(value)) {
    const length = Number(apply(sizeOfMap, value, []));
    return { subtype: 'map', description: `${classOf(value)}(${length})`, length };
  }
  if (types.isSet(value)) {
    const length = Number(apply(sizeOfSet, value, []));
    return { subtype: 'set', description: `${classOf(value)}(${length})`, length };
  }
  if (types.isNativeError(value)) return { subtype: 'error', description: errorText(value) };
  if (types.isDate(value)) {
    const time = Number(apply(timeOfDate, value, []));
    return { subtype: 'date', description: Number.isNaN(time) ? 'Invalid Date' : String(apply(isoOfDate, value, [])) };
  }
  if (types.isRegExp(value)) return { subtype: 'regexp', description: `/${String(apply(sourceOfRegExp, value, [])).slice(0, maxNameLength)}/` };
  if (types.isTypedArray(value)) {
    const length = Number(apply(lengthOfTyped, value, []));
    return { subtype: 'typedarray', description: `${isBuffer(value) ? 'Buffer' : classOf(value)}(${length})`, length };
  }
  // Its state takes V8's inspector, which a call can not wait for.
  if (types.isPromise(value)) return { description: 'Promise' };
  return { description: classOf(value) };
}

function plainKind(value: object, prototype: object | null): Kind {
  if (types.isModuleNamespaceObject(value)) return { description: 'Module' };
  return { description: prototype === null ? '[Object: null prototype]' : 'Object' };
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

function numberOf(value: number): RemoteValue {
  if (Number.isFinite(value) && !Object.is(value, -0)) return { type: 'number', value };
  return { type: 'number', unserializable: Object.is(value, -0) ? '-0' : String(value) };
}

/** A number of a million digits takes long to write. */
function bigText(value: bigint): string {
  const most = 1n << 256n;
  return value < most && value > -most ? `${value}n` : 'a bigint of more than 256 bits';
}

function symbolText(symbol: symbol): string {
  return `Symbol(${String(apply(descriptionOfSymbol, symbol, []) ?? '').slice(0, maxNameLength)})`;
}
