/**
 * What a WeakMap or a WeakSet holds. The language has no way to list it; Node's own `util.inspect` does it by a function that takes all entries at once, and how many there are nobody can tell before.
 * So the pause is bounded before the first time, and predicted from the number that was found after it. Nothing of the service runs, and nothing is held.
 */
import { inspect, types } from 'node:util';
import { getHeapSpaceStatistics } from 'node:v8';
import { nodeClock } from '../platform/clock.ts';
import { KeyholeError } from '../protocol/index.ts';
import { closureVariable } from './closures.ts';
import type { ElementRow } from './elements.ts';
import type { Inspector } from './inspector.ts';

/** A table of V8's that has more entries is no ordinary object: it lies in the space of large ones, with so many bytes for each entry at least (20, 22, 24, 26). */
const mostInOrdinaryTable = 5_461;
const bytesOfEntry = 24;
/** Measured: 0.15 to 0.35, of maps with a million entries. */
const usualUsPerEntry = 0.4;

type List = (collection: object) => unknown[];

/** What the last look at a collection found. */
const counts = new WeakMap<object, number>();
let usPerEntry = usualUsPerEntry;

export function isWeakCollection(value: object): boolean {
  return types.isWeakMap(value) || types.isWeakSet(value);
}

/** @throws {KeyholeError} PAUSE_BUDGET with the figure; NOT_FOUND where this Node has no way to list it. */
export function weakRows(
  inspector: Inspector,
  value: object,
  { start, count, maxPauseMs }: { start: number; count: number; maxPauseMs: number },
): { rows: ElementRow[]; total: number } {
  const entries = entriesOf(inspector, value, maxPauseMs);
  const isMap = types.isWeakMap(value);
  const width = isMap ? 2 : 1;
  const total = entries.length / width;
  const rows: ElementRow[] = [];
  for (let index = start; index < Math.min(total, start + count); index += 1)
    rows.push(isMap ? { index, key: entries[2 * index], value: entries[2 * index + 1] } : { index, value: entries[index] });
  return { rows, total };
}

function entriesOf(inspector: Inspector, value: object, maxPauseMs: number): unknown[] {
  const known = counts.get(value);
  const expectedMs = Math.ceil(((known ?? mostOfAnyTable()) * usPerEntry) / 1_000);
  const name = types.isWeakMap(value) ? 'WeakMap' : 'WeakSet';
  if (expectedMs > maxPauseMs) {
    const why = known === undefined ? ', if it is as large as what the heap has of large tables' : `, since it had ${known}`;
    throw new KeyholeError(
      'PAUSE_BUDGET',
      `listing the entries of this ${name} may stop the process for ${expectedMs} ms${why}, and ${maxPauseMs} are allowed`,
      `--max-pause ${expectedMs} allows it.`,
    );
  }
  const list = closureVariable(inspector, inspect, 'previewEntries') as List | undefined;
  if (typeof list !== 'function')
    throw new KeyholeError('NOT_FOUND', `Node ${process.version} has no way to list the entries of a ${name}`, 'Look an entry up by its key.');
  const fromMs = nodeClock.now();
  const entries = list(value);
  const count = Math.max(1, entries.length);
  // A few are no measure: what it takes besides is more.
  if (count > mostInOrdinaryTable) usPerEntry = Math.max(usualUsPerEntry, ((nodeClock.now() - fromMs) * 1_000) / count);
  counts.set(value, types.isWeakMap(value) ? entries.length / 2 : entries.length);
  return entries;
}

function mostOfAnyTable(): number {
  let bytes = 0;
  for (const { space_name: space, space_used_size: used } of getHeapSpaceStatistics()) if (space.endsWith('large_object_space')) bytes += used;
  return Math.round(mostInOrdinaryTable + bytes / bytesOfEntry);
}
