/** The frames of the stack as V8 has them. Nothing of the service runs: its own way of writing stacks (`Error.prepareStackTrace`) is put aside for the moment. */
import { defineProperty, getOwnPropertyDescriptor } from '../platform/originals.ts';

const captureStackTrace = Error.captureStackTrace.bind(Error);

/**
 * @param most how many frames.
 * @param read what is wanted of each: it may run nothing of the service's.
 * @param above frames from this function on are left out.
 * @returns the nearest first; none where the service has closed `Error`, or something went wrong.
 */
export function callSites<Of>(most: number, read: (site: NodeJS.CallSite) => Of, above: (...words: never[]) => unknown): Of[] {
  const before = ['prepareStackTrace', 'stackTraceLimit'].map((name) => ({ name, descriptor: getOwnPropertyDescriptor(Error, name) }));
  const holder: { stack?: unknown } = {};
  try {
    const prepareStackTrace = (_: unknown, sites: readonly NodeJS.CallSite[]): Of[] => sites.map(read);
    if (!defineProperty(Error, 'prepareStackTrace', { value: prepareStackTrace, configurable: true, writable: true })) return [];
    if (!defineProperty(Error, 'stackTraceLimit', { value: most, configurable: true, writable: true, enumerable: true })) return [];
    captureStackTrace(holder, above);
    return Array.isArray(holder.stack) ? (holder.stack as Of[]) : [];
  } catch {
    return [];
  } finally {
    for (const { name, descriptor } of before) {
      if (descriptor === undefined) Reflect.deleteProperty(Error, name);
      else defineProperty(Error, name, descriptor);
    }
  }
}
