/**
 * A new function in the place of an old one: the same name, length, prototype and own properties, so that `new`, `instanceof` and what the service keeps on the function go on as
 * before. Variables here that hold the old function are called `keyholeOriginal`: the survey of who else holds it knows ours by that name.
 */
import type { AnyFunction } from './rebind-spots.ts';

const ownOfEach = new Set<PropertyKey>(['prototype', 'arguments', 'caller', 'listener']);

/** Gives the new function what callers know the old one by. Properties are shared with the old one, not copied: old code may still run and use them. */
export function standIn(fn: AnyFunction, keyholeOriginal: AnyFunction): void {
  for (const key of Reflect.ownKeys(keyholeOriginal)) {
    const descriptor = Reflect.getOwnPropertyDescriptor(keyholeOriginal, key);
    if (descriptor === undefined || ownOfEach.has(key)) continue;
    if (key === 'name' || key === 'length') Reflect.defineProperty(fn, key, descriptor);
    else Reflect.defineProperty(fn, key, sharedWith(keyholeOriginal, key, descriptor));
  }
  const prototype: unknown = Reflect.getOwnPropertyDescriptor(keyholeOriginal, 'prototype')?.value;
  if (prototype !== undefined) Reflect.set(fn, 'prototype', prototype);
  Object.setPrototypeOf(fn, Object.getPrototypeOf(keyholeOriginal));
}

function sharedWith(keyholeOriginal: AnyFunction, key: PropertyKey, descriptor: PropertyDescriptor): PropertyDescriptor {
  if (!('value' in descriptor)) return descriptor;
  return {
    get: () => Reflect.get(keyholeOriginal, key) as unknown,
    set: (value) => void Reflect.set(keyholeOriginal, key, value),
    enumerable: descriptor.enumerable ?? false,
    configurable: true,
  };
}

/** Owners that kept the old function take their listener off with it: emitters compare the `listener` of what they hold, as they do for `once`. */
export function answersTo(fn: AnyFunction, keyholeOriginal: AnyFunction): void {
  Object.defineProperty(fn, 'listener', { value: keyholeOriginal, configurable: true, enumerable: false, writable: true });
}
