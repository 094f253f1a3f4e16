/**
 * The agent's one place on the global object, for what only text can reach: expressions that V8's inspector evaluates name it. It is there from the agent's start, since the service may close that
 * object later; a second copy of this file shares it. A string and not a symbol: V8's side-effect guard refuses `Symbol.for`.
 */
import { defineProperty, stringify } from './originals.ts';

const name = 'keyhole.agent';

/**
 * What may be there: values that are lent to an expression, what breakpoints call, and what the door asks the main thread at an interrupt. `interrupt` is `(call: number) => 'running' | 'let go' | undefined`; `loadedText`
 * `(url: string) => string`, JSON of a {@link LoadedText} or one of its words; `patchedAddress` `(file: string, line: number, name: string) => string`, the address that code of a patch stands for, or nothing.
 */
export type PlaceKey = 'lent' | 'hits' | 'interrupt' | 'loadedText' | 'patchedAddress';

if (!Object.hasOwn(globalThis, name)) {
  const place = Object.assign(Object.create(null) as object, { lent: Object.create(null) as object });
  defineProperty(globalThis, name, { value: place, enumerable: false, writable: false, configurable: false });
}
const place = (globalThis as unknown as Record<typeof name, Record<string, unknown>>)[name];

export const lentValues = place['lent'] as Record<string, unknown>;
const hits = (place['hits'] ??= Object.create(null)) as Record<string, unknown>;

/** As an expression names it; nothing where there is no agent. */
export const nameInPlace = (key: PlaceKey): string => `globalThis["${name}"]?.${key}`;

export function offerInPlace(key: Exclude<PlaceKey, 'lent' | 'hits'>, value: (...given: never[]) => unknown): void {
  place[key] = value;
}

/**
 * Offers a function to the conditions of breakpoints.
 * @param key nobody else's.
 * @returns how a condition calls it, before the arguments.
 */
export function offerToBreakpoints(key: string, value: (...given: never[]) => void): string {
  hits[key] = value;
  return `${nameInPlace('hits')}[${stringify(key)}]?.`;
}

export function withdrawFromBreakpoints(key: string): void {
  delete hits[key];
}

export const isInPlace = (key: PlaceKey): boolean => Object.hasOwn(place, key);

export function clearPlace(): void {
  for (const key of Object.keys(place)) if (key !== 'lent' && key !== 'hits') delete place[key];
}
