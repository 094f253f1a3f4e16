/**
 * What calls of one function call: trees with times. What belongs to which call is told by an AsyncLocalStorage of our own, so that it also holds behind an await; it is there as long as the
 * trace is. A generator's calls are shown, but what runs between its values belongs to whoever takes them.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { nodeClock, rounded } from '../../platform/clock.ts';
import { stringify, wallClockMs } from '../../platform/originals.ts';
import { limits } from '../../protocol/index.ts';
import type { CallTree, Params, TraceResult, TreeNode } from '../../protocol/index.ts';
import { splitAddress } from '../../source/index.ts';
import type { HostContext } from '../bridge.ts';
import { lookOut } from './lookout.ts';
import type { Lookout, WatchParts } from './lookout.ts';
import type { CallEnd, CallObserver } from './observing.ts';

const { now } = nodeClock;

/** What following one call takes, against one that is only passed on. */
const weight = 10;

/** Calls of one function from one place of a tree. */
class Place {
  readonly address: string;
  readonly tree: Tree;
  readonly below = new Map<string, Place>();
  calls = 0;
  failed = 0;
  ms = 0;

  constructor(address: string, tree: Tree) {
    this.address = address;
    this.tree = tree;
  }
}

class Tree {
  readonly number: number;
  readonly at = wallClockMs();
  readonly top: Place;
  size = 1;
  left = 0;

  constructor(address: string, number: number) {
    this.number = number;
    this.top = new Place(address, this);
  }

  /** The place of a function that is called from one, or null where the tree is full. */
  placeBelow(place: Place, address: string): Place | null {
    let found = place.below.get(address);
    if (found !== undefined) return found;
    if (this.size >= limits.maxTreeNodes) {
      this.left += 1;
      return null;
    }
    this.size += 1;
    found = new Place(address, this);
    place.below.set(address, found);
    return found;
  }

  nodes(): TreeNode[] {
    const nodes: TreeNode[] = [];
    const walk = ({ address, calls, failed, ms, below }: Place, level: number): void => {
      const belowMs = [...below.values()].reduce((sum, each) => sum + each.ms, 0);
      nodes.push({ level, address, calls, failed, ms: rounded(ms), selfMs: rounded(Math.max(0, ms - belowMs)) });
      for (const each of below.values()) walk(each, level + 1);
    };
    walk(this.top, 0);
    return nodes;
  }
}

interface Begun {
  place: Place;
  startedMs: number;
}

/** @throws {KeyholeError} as {@link lookOut}. */
export async function trace(parts: WatchParts, params: Params<'trace'>, { stream }: HostContext): Promise<TraceResult> {
  const { address, limit = limits.defaultTrees, rate = 10 } = params;
  const addresses = [address, ...(params.below ?? [`${splitAddress(address).file}:*`])];
  const around = new AsyncLocalStorage<Place>();
  const counts = { seen: 0, shown: 0, missed: 0, missedSince: 0, open: 0 };
  const shown = (tree: Tree, { speaker, end }: Lookout): void => {
    const item: CallTree = {
      t: 'tree',
      number: tree.number,
      at: tree.at,
      nodes: tree.nodes(),
      ...(tree.left > 0 && { left: tree.left }),
      ...(counts.missedSince > 0 && { missed: counts.missedSince }),
    };
    if (!speaker.say(stringify(item))) {
      counts.missedSince += 1;
      return;
    }
    counts.missedSince = 0;
    counts.shown += 1;
    if (counts.shown >= limit) end('limit');
  };
  const begin = (of: string, isTop: boolean, lookout: Lookout): Begun | null => {
    if (lookout.over) return null;
    const { meter } = lookout;
    const above = around.getStore();
    if (meter.pass(isTop || above !== undefined ? weight : 1)) lookout.check(now());
    if (above !== undefined) {
      const place = above.tree.placeBelow(above, of);
      return place === null ? null : { place, startedMs: now() };
    }
    if (!isTop) return null;
    counts.seen += 1;
    if (!meter.mayShow) {
      counts.missed += 1;
      counts.missedSince += 1;
      return null;
    }
    meter.showing();
    counts.open += 1;
    return { place: new Tree(of, counts.seen).top, startedMs: now() };
  };
  const end = ({ place, startedMs }: Begun, how: CallEnd, lookout: Lookout): void => {
    const endedMs = now();
    const { tree } = place;
    place.calls += 1;
    place.ms += endedMs - startedMs;
    if (how === 'threw' || how === 'rejected') place.failed += 1;
    if (place !== tree.top) return;
    counts.open -= 1;
    if (lookout.over) return;
    shown(tree, lookout);
    lookout.meter.spend(now() - endedMs);
  };
  const options = { rate, most: limits.maxTracedFunctions, inTurns: true };
  let top = '';
  try {
    const { ended, lookout } = await lookOut(parts, { ...params, addresses }, stream, options, (target, lookout): CallObserver<Begun> => {
      // The first one is what was asked for, by whatever name.
      if (top === '') top = target.address;
      const isTop = target.address === top;
      return {
        begin: () => begin(target.address, isTop, lookout),
        within: ({ place }, work) => around.run(place, work),
        left: () => undefined,
        end: (begun, how) => end(begun, how, lookout),
      };
    });
    lookout.speaker.flush();
    const { seen, shown, missed, open } = counts;
    return { ...ended, seen, shown, missed: { rate: missed, unread: lookout.speaker.unread }, open };
  } finally {
    around.disable();
  }
}
