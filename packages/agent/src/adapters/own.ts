/** Reading what Node and libraries keep in their objects, without running anything: own data properties only. */
import { types } from 'node:util';

const { getOwnPropertyDescriptor, ownKeys } = Reflect;

/** The value of an own data property; undefined where there is none. */
export function own(object: unknown, key: PropertyKey): unknown {
  if ((typeof object !== 'object' && typeof object !== 'function') || object === null || types.isProxy(object)) return undefined;
  return getOwnPropertyDescriptor(object, key)?.value;
}

/** The same along a way of names. */
export function ownAt(object: unknown, ...keys: readonly PropertyKey[]): unknown {
  return keys.reduce(own, object);
}

export function ownText(object: unknown, key: PropertyKey): string | null {
  const value = own(object, key);
  return typeof value === 'string' ? value : null;
}

export function ownNumber(object: unknown, key: PropertyKey): number | null {
  const value = own(object, key);
  return typeof value === 'number' ? value : null;
}

/** The value under a symbol that is known by its description alone. */
export function ownBySymbol(object: object, description: string): unknown {
  const key = types.isProxy(object) ? undefined : ownKeys(object).find((each) => typeof each === 'symbol' && each.description === description);
  return key === undefined ? undefined : own(object, key);
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** The name of the class of one of Node's own objects; empty where it has none. */
export function nameOfClass(object: object): string {
  const made: unknown = object.constructor;
  return typeof made === 'function' ? made.name : '';
}

/** Objects that an adapter begins with, or what gives those that there are now. */
export type Given = Iterable<object> | (() => Iterable<object>);

export const givenNow = (given: Given): Iterable<object> => (typeof given === 'function' ? given() : given);

/** Numbers objects in the order in which they were first seen: their names, where they have none. */
export class Numbers {
  readonly #numbers = new WeakMap<object, number>();
  #next = 1;

  of(object: object): number {
    const known = this.#numbers.get(object);
    if (known !== undefined) return known;
    const number = this.#next;
    this.#next += 1;
    this.#numbers.set(object, number);
    return number;
  }
}
