/** Every living instance of a class. V8 walks the whole heap for it while the process stands still, so the pause is predicted first, and refused where it is longer than whoever asks allows. */
import { types } from 'node:util';
import { getHeapStatistics } from 'node:v8';
import { nodeClock } from '../platform/clock.ts';
import { getOwnPropertyDescriptor, getPrototypeOf } from '../platform/originals.ts';
import { KeyholeError } from '../protocol/index.ts';
import { className } from './bounded.ts';
import type { Inspector, RemoteObject } from './inspector.ts';
import { predictPauseMs, usedMegabytes } from './patch/pauses.ts';
import { refuseFullHeap } from './process/heap.ts';

/** Classes that are told apart in the count. */
const maxClasses = 20;
const group = 'keyhole:instances';
const leastPauseMs = 30;
/** What the last walk took says more than any model, of this heap and of this machine; a busier moment may take longer. */
let observedMsPerMegabyte: number | null = null;
const busier = 1.5;

/** What finding instances would take now. */
export function expectedPauseMs(): number {
  if (observedMsPerMegabyte === null) return predictPauseMs('query');
  return Math.round(leastPauseMs + usedMegabytes() * observedMsPerMegabyte * busier);
}

/** @param hint what else to do; else the flag that allows it. @throws {KeyholeError} PAUSE_BUDGET, HEAP_FULL, both with the figures. */
export function refuseLongPause(what: string, { maxPauseMs, insist, hint }: { maxPauseMs: number; insist: boolean; hint?: string }): void {
  const pauseMs = expectedPauseMs();
  if (pauseMs > maxPauseMs)
    throw new KeyholeError(
      'PAUSE_BUDGET',
      `${what} would stop the process for about ${pauseMs} ms, and ${maxPauseMs} are allowed`,
      hint ?? `--max-pause ${pauseMs} allows it, as long as the heap does not grow.`,
    );
  if (!insist) refuseFullHeap(what, { used: process.memoryUsage().heapUsed, limit: getHeapStatistics().heap_size_limit });
}

interface Instances {
  count: number;
  found: object[];
  /** How many of each class, the most frequent first. */
  classes: { name: string; count: number }[];
}

/** The list is V8's; our function copies it into ours, which it knows because it is wrapped. */
export function instancesOf(inspector: Inspector, prototype: object, most: number): Instances {
  try {
    return walk(inspector, prototype, most);
  } finally {
    // The list holds all of them alive.
    inspector.releaseGroup(group);
  }
}

function walk(inspector: Inspector, prototype: object, most: number): Instances {
  const [fromMs, megabytes] = [nodeClock.now(), usedMegabytes()];
  const { objects } = inspector.post<{ objects: RemoteObject }>('Runtime.queryObjects', {
    prototypeObjectId: inspector.wrap(prototype, group, false).objectId,
    objectGroup: group,
  });
  observedMsPerMegabyte = (nodeClock.now() - fromMs) / Math.max(1, megabytes);
  const found: object[] = [];
  const counts = new Map<object | null, { first: object; count: number }>();
  let count = 0;
  const take = (each: object): void => {
    if (isPrototype(each)) return;
    count += 1;
    const above = types.isProxy(each) ? null : getPrototypeOf(each);
    const same = counts.get(above);
    if (same === undefined) counts.set(above, { first: each, count: 1 });
    else same.count += 1;
    if (found.length < most) found[found.length] = each;
  };
  inspector.post('Runtime.callFunctionOn', {
    objectId: objects.objectId,
    functionDeclaration: `function (take) { for (let at = 0; at < this.length; at += 1) take(this[at]); }`,
    arguments: [{ objectId: inspector.wrap(take, group, false).objectId }],
  });
  const sorted = [...counts.values()].sort((a, b) => b.count - a.count).slice(0, maxClasses);
  const classes = sorted.map(({ first, count: each }) => ({ name: types.isProxy(first) ? 'Proxy' : className(first), count: each }));
  return { count, found, classes };
}

/** The prototype of a subclass inherits as its instances do, and is none. */
function isPrototype(each: object): boolean {
  const constructed: unknown = getOwnPropertyDescriptor(each, 'constructor')?.value;
  return typeof constructed === 'function' && !types.isProxy(constructed) && getOwnPropertyDescriptor(constructed, 'prototype')?.value === each;
}
