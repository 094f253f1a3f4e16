/** Where a value stands for a moment so that an expression can name it: only text reaches `Runtime.evaluate`. Nothing is held there between two calls. */
import { lentValues, nameInPlace } from '../platform/place.ts';

/** Lends a value to an expression. Nobody else runs before it is gone again. */
export function lend<T>(value: unknown, use: (expression: string) => T): T {
  const name = `v${Object.keys(lentValues).length}`;
  lentValues[name] = value;
  try {
    return use(`${nameInPlace('lent')}.${name}`);
  } finally {
    delete lentValues[name];
  }
}
