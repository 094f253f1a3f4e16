/**
 * The places of a living process that hold a function and can be given another: variables, properties, accessors, registered listeners. Each knows how to look, to write and to
 * put back exactly what was there. No getter of the service is run to find one.
 */
import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { types } from 'node:util';
import type { CapturedScope } from './rebind-capture.ts';
import type { Path, Place } from './rebind-places.ts';

export type AnyFunction = (...values: never[]) => unknown;

export interface Spot {
  /** In plain words, for messages. */
  label: string;
  /** Two spots with one holder and one key are one. */
  holder: object;
  key: PropertyKey;
  isVariable: boolean;
  read(): unknown;
  /** @throws where the service has made it unwritable. */
  write(value: AnyFunction): void;
}

/**
 * A variable of the captured scope. Importers of an ES module see its exports change with it.
 * @throws where V8 did not keep it: then nobody but code that ran once knows it by its name.
 */
function variableSpot(scope: CapturedScope, name: string): Spot {
  const read = scope.evaluate(`()=>${name}`) as () => unknown;
  read();
  const write = scope.evaluate(`$keyholeValue=>{${name}=$keyholeValue}`) as (value: AnyFunction) => void;
  return { label: `the variable ${name}`, holder: scope, key: name, isVariable: true, read, write };
}

/** An own property; null where it is none that holds a function. Its place among the others, its attributes and its owner stay. */
export function propertySpot(holder: object, key: PropertyKey, part: 'value' | 'get' | 'set', label: string): Spot | null {
  const descriptor = Reflect.getOwnPropertyDescriptor(holder, key);
  if (descriptor === undefined || typeof descriptor[part] !== 'function') return null;
  // Frozen; or the namespace of an ES module, which shows variables and holds nothing itself.
  if (types.isModuleNamespaceObject(holder) || (descriptor.configurable !== true && descriptor.writable !== true)) return null;
  return {
    label,
    holder,
    key,
    isVariable: false,
    read: () => Reflect.getOwnPropertyDescriptor(holder, key)?.[part],
    write: (value) => {
      const now = Reflect.getOwnPropertyDescriptor(holder, key);
      if (now === undefined) throw new Error(`${label} is gone`);
      Object.defineProperty(holder, key, { ...now, [part]: value });
    },
  };
}

/**
 * A listener in an emitter's own list. The new function carries the old one as `listener`, as `once` does for its wrappers, so that `removeListener` and `listeners` know it by
 * both.
 */
function listenerSpot(emitter: EventEmitter, event: PropertyKey, ours: AnyFunction): Spot {
  let holds: unknown = ours;
  return {
    label: `a listener of ${String(event)}`,
    holder: emitter,
    key: event,
    isVariable: false,
    read: () => (rawListeners(emitter, event).includes(holds) ? holds : undefined),
    write: (value) => {
      const events = eventsOf(emitter);
      const list = events?.[event];
      if (Array.isArray(list)) {
        for (const [index, each] of list.entries()) if (each === holds) list[index] = value;
      } else if (events !== null && list === holds) events[event] = value;
      holds = value;
    },
  };
}

/** Spots of places that the text names, as far as they are there. */
export function spotsOfPlaces(places: readonly Place[], scope: CapturedScope): Spot[] {
  const spots: Spot[] = [];
  for (const place of places) {
    if (place.kind === 'field') continue;
    const spot = place.kind === 'variable' ? attempt(() => variableSpot(scope, place.name)) : propertyOf(place, scope);
    if (spot !== null) spots.push(spot);
  }
  return spots;
}

function propertyOf({ object, key, part }: Place & { kind: 'property' }, scope: CapturedScope): Spot | null {
  const holder = valueAt(object, scope);
  const name = typeof key === 'string' ? key : valueAt(key, scope);
  if (!isObject(holder) || (typeof name !== 'string' && typeof name !== 'symbol')) return null;
  return propertySpot(holder, name, part, [...object, String(name)].join('.'));
}

/** The value at a path; undefined where a part is missing, an accessor, or a Proxy's to decide. */
export function valueAt([root = '', ...keys]: Path, scope: CapturedScope): unknown {
  let value = attempt(() => scope.evaluate(root));
  for (const key of keys) {
    if (!isObject(value)) return undefined;
    value = Reflect.getOwnPropertyDescriptor(value, key)?.value as unknown;
  }
  return value;
}

/** Properties of CommonJS exports, here and where others export it again. */
export function exportSpots(isOurs: (value: unknown) => boolean, url: string): Spot[] {
  const spots: (Spot | null)[] = [];
  for (const [file, loaded] of Object.entries(createRequire(url).cache)) {
    if (loaded === undefined) continue;
    const { exports } = loaded as { exports: unknown };
    const name = file.split(/[\\/]/).slice(-2).join('/');
    if (isOurs(exports)) spots.push(propertySpot(loaded, 'exports', 'value', `module.exports of ${name}`));
    if (!isObject(exports)) continue;
    for (const key of Reflect.ownKeys(exports)) {
      if (isOurs(Reflect.getOwnPropertyDescriptor(exports, key)?.value))
        spots.push(propertySpot(exports, key, 'value', `the export ${String(key)} of ${name}`));
    }
  }
  return spots.filter((each) => each !== null);
}

/** Properties of an object and of the classes it comes from. */
export function spotsOf(value: unknown, isOurs: (value: unknown) => boolean): Spot[] {
  const spots: (Spot | null)[] = [];
  for (let at = value; isObject(at) && at !== Object.prototype && at !== Function.prototype; at = Object.getPrototypeOf(at)) {
    for (const key of Reflect.ownKeys(at)) {
      const descriptor = Reflect.getOwnPropertyDescriptor(at, key);
      for (const part of ['value', 'get', 'set'] as const) {
        if (isOurs(descriptor?.[part])) spots.push(propertySpot(at, key, part, `the property ${String(key)} of the object it was called on`));
      }
    }
  }
  return spots.filter((each) => each !== null);
}

export function listenerSpots(emitters: Iterable<EventEmitter>, isOurs: (value: unknown) => boolean): Spot[] {
  const spots: Spot[] = [];
  for (const emitter of new Set(emitters)) {
    for (const event of Reflect.ownKeys(eventsOf(emitter) ?? {})) {
      for (const each of new Set(rawListeners(emitter, event))) if (isOurs(each)) spots.push(listenerSpot(emitter, event, each as AnyFunction));
    }
  }
  return spots;
}

/** Emitters that are at hand without a look at the whole heap: what the scope's variables hold, and one level below, the exports of CommonJS modules, what holds the event loop. */
export function emittersAtHand(scope: CapturedScope, names: Iterable<string>, url: string): EventEmitter[] {
  const found: EventEmitter[] = [process];
  const look = (value: unknown, depth: number): void => {
    if (!isObject(value)) return;
    if (isEmitter(value)) found.push(value);
    if (depth === 0) return;
    for (const key of Reflect.ownKeys(value).slice(0, mostProperties)) look(Reflect.getOwnPropertyDescriptor(value, key)?.value, depth - 1);
  };
  look(scope.self, 1);
  for (const name of names)
    look(
      attempt(() => scope.evaluate(name)),
      1,
    );
  for (const loaded of Object.values(createRequire(url).cache)) look((loaded as { exports?: unknown } | undefined)?.exports, 1);
  const { _getActiveHandles: handles } = process as { _getActiveHandles?: () => unknown[] };
  for (const handle of handles?.call(process) ?? []) look(handle, 0);
  return found;
}

/** Of one object: a table of a million entries is no place where listeners are. */
const mostProperties = 1_000;

function isEmitter(value: object): value is EventEmitter {
  for (let at: unknown = Object.getPrototypeOf(value); isObject(at); at = Object.getPrototypeOf(at)) {
    if (at === EventEmitter.prototype) return eventsOf(value as EventEmitter) !== null;
  }
  return false;
}

function eventsOf(emitter: EventEmitter): Record<PropertyKey, unknown> | null {
  const events = Reflect.getOwnPropertyDescriptor(emitter, '_events')?.value as unknown;
  return isObject(events) ? (events as Record<PropertyKey, unknown>) : null;
}

function rawListeners(emitter: EventEmitter, event: PropertyKey): unknown[] {
  const list = eventsOf(emitter)?.[event];
  return Array.isArray(list) ? list : list === undefined ? [] : [list];
}

/** An object that can be looked at without running code of the service: a Proxy's traps would. */
export function isObject(value: unknown): value is object {
  return ((typeof value === 'object' && value !== null) || typeof value === 'function') && !types.isProxy(value);
}

/** A variable that V8 did not keep, or that has no value yet, throws when it is read. */
function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
