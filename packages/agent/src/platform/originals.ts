/**
 * What the language and Node gave, taken when the agent starts: the service may replace it later, and nothing of ours may run its code. What works with the service's values takes
 * it from here, since most of the agent is loaded long after the start.
 */

export const { apply, defineProperty, get, getOwnPropertyDescriptor, getPrototypeOf, isExtensible, ownKeys, preventExtensions, set, setPrototypeOf } =
  Reflect;
export const create = Object.create as (prototype: object | null) => object;
export const { isArray } = Array;
export const { eval: compile } = globalThis;
export const clone = structuredClone;
export const bufferFrom = Buffer.from.bind(Buffer) as (bytes: Uint8Array) => Buffer;
export const isBuffer = Buffer.isBuffer.bind(Buffer);
export const forEachOfMap = Map.prototype.forEach;
export const setInMap = Map.prototype.set;
export const forEachOfSet = Set.prototype.forEach;
export const addToSet = Set.prototype.add;
export const functionText = Function.prototype.toString;
const thenOf = Promise.prototype.then;

/** `promise.then(done, failed)`. Not by that name: a module that exports `then` is taken for a promise by whoever imports it. */
export function followed<Result>(promise: Promise<unknown>, done: (value: unknown) => Result, failed: (reason: unknown) => Result): Promise<Result> {
  return apply(thenOf, promise, [done, failed]);
}

/** Functions in the global scope. Lazy ones (fetch and its classes) are not touched: to look would load them. */
export const builtIn: ReadonlySet<unknown> = new Set(
  ownKeys(globalThis)
    .map((key) => getOwnPropertyDescriptor(globalThis, key)?.value as unknown)
    .filter((value) => typeof value === 'function'),
);
