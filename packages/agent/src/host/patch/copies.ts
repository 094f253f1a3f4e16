/**
 * Copies of the service's values for a shadow run: own data with its prototypes, shared parts shared and circles closed. Nothing of the service runs for it: no getter, no Proxy
 * trap, no constructor. What can not be copied is refused by name, never handed over in place of a copy; `structuredClone` would run getters, lose prototypes, and has no bound.
 */
import { EventEmitter } from 'node:events';
import { types } from 'node:util';
import {
  addToSet,
  apply,
  bufferFrom,
  isGlobalClass,
  clone,
  create,
  defineProperty,
  forEachOfMap,
  forEachOfSet,
  functionText,
  getOwnPropertyDescriptor,
  getPrototypeOf,
  isArray,
  isBuffer,
  isExtensible,
  ownKeys,
  preventExtensions,
  setInMap,
  setPrototypeOf,
} from '../../platform/originals.ts';

/** Of one call: more is more than a call should be held up for. */
export const copyLimits = { nodes: 2_000, bytes: 1_048_576, ms: 5 } as const;

/** Why a value has no copy: what is there that has none. */
export class NoCopy extends Error {}

/** Prototypes that own data is all there is to. */
const plain = new Set<object>(
  [Object, Array, Map, Set, Error, TypeError, RangeError, ReferenceError, SyntaxError, EvalError, URIError, AggregateError].map(
    (each) => each.prototype,
  ),
);
/** Copied whole, by what made them. */
const atoms = new Set<object>([Date.prototype, RegExp.prototype, ArrayBuffer.prototype, String.prototype, Number.prototype, Boolean.prototype]);

/** One call's copies: a value that is reached twice is copied once. */
export class Copier {
  readonly #made = new Map<object, unknown>();
  readonly #now: () => number;
  readonly #until: number;
  #nodes = 0;
  #bytes = 0;

  /** @param now monotonic milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
    this.#until = now() + copyLimits.ms;
  }

  /**
   * @param functions whether a function may stand for itself; else it has no copy.
   * @throws {NoCopy}
   */
  copy(value: unknown, functions: boolean): unknown {
    if (typeof value === 'function') {
      if (!functions) throw new NoCopy('a function');
      return value;
    }
    if (typeof value !== 'object' || value === null) return value;
    const known = this.#made.get(value);
    if (known !== undefined) return known;
    this.#nodes += 1;
    if (this.#nodes > copyLimits.nodes) throw new NoCopy(`more than ${copyLimits.nodes} objects to copy`);
    if (this.#nodes % 64 === 0 && this.#now() > this.#until) throw new NoCopy(`more to copy than ${copyLimits.ms} ms allow`);
    if (types.isProxy(value)) throw new NoCopy('a Proxy');
    if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return this.#bytesOf(value);
    const prototype = getPrototypeOf(value);
    if (prototype !== null && atoms.has(prototype)) return this.#keep(value, clone(value));
    refuseForeign(value, prototype);
    return this.#parts(value, prototype, functions);
  }

  #keep<T>(value: object, copy: T): T {
    this.#made.set(value, copy);
    return copy;
  }

  #bytesOf(value: ArrayBufferView | ArrayBufferLike): unknown {
    const buffer = ArrayBuffer.isView(value) ? value.buffer : value;
    if (types.isSharedArrayBuffer(buffer)) throw new NoCopy('shared memory');
    this.#bytes += isBuffer(value) ? value.byteLength : buffer.byteLength;
    if (this.#bytes > copyLimits.bytes) throw new NoCopy(`more than ${copyLimits.bytes} bytes to copy`);
    return this.#keep(value, isBuffer(value) ? bufferFrom(value) : clone(value));
  }

  #parts(value: object, prototype: object | null, functions: boolean): object {
    const copy = this.#keep(value, emptyLike(value, prototype));
    if (types.isMap(value)) {
      apply(forEachOfMap, value, [(each: unknown, key: unknown) => apply(setInMap, copy, [this.copy(key, functions), this.copy(each, functions)])]);
    } else if (types.isSet(value)) {
      apply(forEachOfSet, value, [(each: unknown) => apply(addToSet, copy, [this.copy(each, functions)])]);
    }
    for (const key of ownKeys(value)) {
      // Made by V8 for each error anew, and no part of what it says.
      if (key === 'stack' && types.isNativeError(value)) continue;
      const part = getOwnPropertyDescriptor(value, key);
      if (part === undefined) continue;
      if (!('value' in part)) throw new NoCopy(`a getter (${String(key)})`);
      defineProperty(copy, key, { ...part, value: this.copy(part.value, functions) });
    }
    if (!isExtensible(value)) preventExtensions(copy);
    return copy;
  }
}

function emptyLike(value: object, prototype: object | null): object {
  const empty: object | null = isArray(value)
    ? []
    : types.isMap(value)
      ? new Map()
      : types.isSet(value)
        ? new Set()
        : types.isNativeError(value)
          ? new Error()
          : null;
  if (empty === null) return create(prototype);
  if (getPrototypeOf(empty) !== prototype) setPrototypeOf(empty, prototype);
  return empty;
}

/** What holds more than its own properties: a promise, a socket, a handle. A copy of its properties would be a broken one. */
function refuseForeign(value: object, prototype: object | null): void {
  if (types.isPromise(value)) throw new NoCopy('a promise');
  if (types.isGeneratorObject(value)) throw new NoCopy('a generator');
  if (types.isModuleNamespaceObject(value) || types.isExternal(value) || types.isArgumentsObject(value)) throw new NoCopy('an object of V8');
  for (let at = prototype; at !== null; at = getPrototypeOf(at)) {
    if (plain.has(at)) continue;
    if (types.isProxy(at)) throw new NoCopy('a Proxy');
    const made: unknown = getOwnPropertyDescriptor(at, 'constructor')?.value;
    if (at === EventEmitter.prototype || (typeof made === 'function' && !types.isProxy(made) && isForeign(made)))
      throw new NoCopy(`a ${nameOf(value, prototype)}`);
  }
}

/** A class of Node's or V8's, by its text: Node's own code can not be read, or its text is not the service's. */
function isForeign(made: Function): boolean {
  return isGlobalClass(made, getOwnPropertyDescriptor(made, 'name')?.value) || /\{\s*\[native code\]\s*\}\s*$/.test(apply(functionText, made, []));
}

function nameOf(value: object, prototype: object | null): string {
  const made: unknown = prototype === null ? undefined : getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  const name: unknown = typeof made === 'function' ? getOwnPropertyDescriptor(made, 'name')?.value : undefined;
  return typeof name === 'string' && name !== '' ? name.slice(0, 60) : value instanceof EventEmitter ? 'EventEmitter' : 'foreign object';
}
