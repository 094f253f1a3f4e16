/**
 * Where a value stands for a moment so that an expression can name it: only text reaches `Runtime.evaluate`. It is on the global object from the agent's start, since the service may
 * close that object later, and holds nothing between two calls.
 */
import { stringify } from '../platform/originals.ts';

const placeName = 'keyhole.lent';

/** Loaded at the start. A second copy of this file shares the place. */
if (!Object.hasOwn(globalThis, placeName)) {
  Object.defineProperty(globalThis, placeName, { value: Object.create(null), enumerable: false, writable: false, configurable: false });
}
const place = (globalThis as unknown as Record<typeof placeName, Record<string, unknown>>)[placeName];

/** Lends a value to an expression. Nobody else runs before it is gone again. */
export function lend<T>(value: unknown, use: (expression: string) => T): T {
  const name = `v${Object.keys(place).length}`;
  place[name] = value;
  try {
    return use(`globalThis[${stringify(placeName)}].${name}`);
  } finally {
    delete place[name];
  }
}
