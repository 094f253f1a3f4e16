/**
 * What the language and Node gave, taken when the agent starts: the service may replace it later, and nothing of ours may run its code. What works with the service's values takes
 * it from here, since most of the agent is loaded long after the start.
 */

export const { apply, defineProperty, get, getOwnPropertyDescriptor, getPrototypeOf, isExtensible, ownKeys, preventExtensions, set, setPrototypeOf } =
  Reflect;
export const create = Object.create as (prototype: object | null) => object;
export const { isArray } = Array;
export const { is } = Object;
export const { eval: compile } = globalThis;
export const clone = structuredClone;
export const wallClockMs = Date.now;
export const bufferFrom = Buffer.from.bind(Buffer) as (bytes: Uint8Array) => Buffer;
export const isBuffer = Buffer.isBuffer.bind(Buffer);
export const forEachOfMap = Map.prototype.forEach;
export const getInMap = Map.prototype.get;
export const hasInMap = Map.prototype.has;
export const setInMap = Map.prototype.set;
export const keysOfMap = Map.prototype.keys;
export const forEachOfSet = Set.prototype.forEach;
export const addToSet = Set.prototype.add;
export const entriesOfMap = Map.prototype.entries;
export const nextOfMap = nextOf(new Map().entries());
export const valuesOfSet = Set.prototype.values;
export const nextOfSet = nextOf(new Set().values());
export const sizeOfMap = getterOf<number>(Map.prototype, 'size');
export const sizeOfSet = getterOf<number>(Set.prototype, 'size');
const typedArray = getPrototypeOf(Uint8Array.prototype);
export const lengthOfTyped = getterOf<number>(typedArray, 'length');
export const sourceOfRegExp = getterOf<string>(RegExp.prototype, 'source');
export const descriptionOfSymbol = getterOf<string | undefined>(Symbol.prototype, 'description');
export const timeOfDate = Date.prototype.getTime;
export const textOfBigInt = BigInt.prototype.toString;
export const isoOfDate = Date.prototype.toISOString;
export const functionText = Function.prototype.toString;
const thenOf = Promise.prototype.then;
export const { stringify, parse } = JSON;

/** `promise.then(done, failed)`. Not by that name: a module that exports `then` is taken for a promise by whoever imports it. */
export function followed<Result>(promise: Promise<unknown>, done: (value: unknown) => Result, failed: (reason: unknown) => Result): Promise<Result> {
  return apply(thenOf, promise, [done, failed]);
}

/** For a promise that is looked at later: until then its rejection is nobody's news. */
export function unwatched<Value>(promise: Promise<Value>): Promise<Value> {
  void followed(promise, nothing, nothing);
  return promise;
}

/** `Promise.allSettled`, whatever the service has made of `then`. */
export async function settledAll<Value>(promises: readonly Promise<Value>[]): Promise<PromiseSettledResult<Value>[]> {
  for (const promise of promises) void unwatched(promise);
  const settled: PromiseSettledResult<Value>[] = [];
  for (const promise of promises) {
    try {
      settled.push({ status: 'fulfilled', value: await promise });
    } catch (reason) {
      settled.push({ status: 'rejected', reason });
    }
  }
  return settled;
}

/** `Promise.all`, but that it rejects when all have settled. */
export async function valuesOf<Value>(promises: readonly Promise<Value>[]): Promise<Value[]> {
  const settled = await settledAll(promises);
  return settled.map((each) => {
    if (each.status === 'rejected') throw each.reason;
    return each.value;
  });
}

/** Of iterators of one kind. */
function nextOf(iterator: Iterator<unknown>): (this: unknown) => IteratorResult<unknown> {
  return (getPrototypeOf(iterator) as Iterator<unknown>).next;
}

function getterOf<Value>(prototype: object | null, key: PropertyKey): (this: unknown) => Value {
  return ((prototype === null ? undefined : getOwnPropertyDescriptor(prototype, key)?.get) ?? nothing) as (this: unknown) => Value;
}

function nothing(): void {
  return undefined;
}

const globalNames: ReadonlySet<unknown> = new Set(ownKeys(globalThis));
/** Node's classes that are there at every start. To look at the others loads them: `FormData` alone takes 50 ms and 12 MB on Node 22 and later. */
const earlyClasses: ReadonlySet<unknown> = new Set([
  AbortController,
  AbortSignal,
  Blob,
  Buffer,
  DOMException,
  Event,
  EventTarget,
  TextDecoder,
  TextEncoder,
  URL,
  URLSearchParams,
]);

/** Whether a function of that name is a class in the global scope as Node gave it. Of what Node loads when it is first used it is asked only here: who has such a class has loaded it. */
export function isGlobalClass(made: Function, name: unknown): boolean {
  if (earlyClasses.has(made)) return true;
  if (!globalNames.has(name)) return false;
  const there = getOwnPropertyDescriptor(globalThis, name as string);
  return there?.value === made || there?.get !== undefined;
}
