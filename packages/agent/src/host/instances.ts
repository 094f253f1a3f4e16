/** Every living instance of a class. V8 walks the whole heap for it while the process stands still, so the pause is predicted first, and refused where it is longer than whoever asks allows. */
import { types } from 'node:util';
import { getHeapStatistics } from 'node:v8';
import { nodeClock } from '../platform/clock.ts';
import { getOwnPropertyDescriptor, getPrototypeOf } from '../platform/originals.ts';
import { KeyholeError } from '../protocol/index.ts';
import { className } from './bounded.ts';
import { countListeners, isOfEmitters } from './emitters.ts';
import type { Inspector, RemoteObject } from './inspector.ts';
import { Observed, predictPauseMs, usedMegabytes, usualQueryMsPerMegabyte } from './patch/pauses.ts';
import { refuseFullHeap } from './process/heap.ts';

/** Classes that are told apart in the count. */
const maxClasses = 20;
const group = 'keyhole:instances';
const leastPauseMs = 30;
/** What the last walk took says more than any model, of this heap and of this machine; a busier moment may take longer. */
const observedMsPerMegabyte = new Observed(usualQueryMsPerMegabyte);
const busier = 1.5;

/** What finding instances would take now. */
export function expectedPauseMs(): number {
  const perMegabyteMs = observedMsPerMegabyte.value;
  if (perMegabyteMs === null) return predictPauseMs('query');
  return Math.round(leastPauseMs + usedMegabytes() * perMegabyteMs * busier);
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
  /** Emitters with the most listeners first. */
  found: object[];
  /** How many of each class, the most frequent first; of emitters, with all their listeners. */
  classes: { name: string; count: number; listeners?: number }[];
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
  observedMsPerMegabyte.take((nodeClock.now() - fromMs) / Math.max(1, megabytes));
  const areEmitters = isOfEmitters(prototype);
  const found = new Foremost(most);
  const counts = new Map<object | null, { first: object; count: number; listeners: number }>();
  let count = 0;
  const take = (each: object): void => {
    if (isPrototype(each)) return;
    count += 1;
    const above = types.isProxy(each) ? null : getPrototypeOf(each);
    const listeners = areEmitters ? countListeners(each) : 0;
    const same = counts.get(above);
    if (same === undefined) counts.set(above, { first: each, count: 1, listeners });
    else {
      same.count += 1;
      same.listeners += listeners;
    }
    found.add(each, listeners);
  };
  inspector.post('Runtime.callFunctionOn', {
    objectId: objects.objectId,
    functionDeclaration: `function (take) { for (let at = 0; at < this.length; at += 1) take(this[at]); }`,
    arguments: [{ objectId: inspector.wrap(take, group, false).objectId }],
  });
  const sorted = [...counts.values()].sort((a, b) => b.count - a.count).slice(0, maxClasses);
  const classes = sorted.map(({ first, count: each, listeners }) => ({
    name: types.isProxy(first) ? 'Proxy' : className(first),
    count: each,
    ...(areEmitters && { listeners }),
  }));
  return { count, found: found.list(), classes };
}

/** The first objects, or those with the greatest numbers where they have some. */
class Foremost {
  readonly #most: number;
  readonly #kept: { object: object; number: number }[] = [];
  #least = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(object: object, number: number): void {
    if (this.#kept.length < this.#most) this.#kept[this.#kept.length] = { object, number };
    else if (number > this.#least)
      this.#kept.splice(
        this.#kept.findIndex((each) => each.number === this.#least),
        1,
        { object, number },
      );
    else return;
    if (this.#kept.length === this.#most) this.#least = this.#kept.reduce((least, each) => Math.min(least, each.number), Infinity);
  }

  list(): object[] {
    return this.#kept.toSorted((a, b) => b.number - a.number).map(({ object }) => object);
  }
}

/** The prototype of a subclass inherits as its instances do, and is none. */
function isPrototype(each: object): boolean {
  const constructed: unknown = getOwnPropertyDescriptor(each, 'constructor')?.value;
  return typeof constructed === 'function' && !types.isProxy(constructed) && getOwnPropertyDescriptor(constructed, 'prototype')?.value === each;
}
