/** The tree of a flame graph from V8's profiles: a CPU profile is a list of nodes, a sample of allocations a tree. It comes from outside: what has not the shape is an error. */
import { KeyholeError } from '@keyhole/agent/protocol';
import { merged, type Flame, type Merged } from '../render/flame-graph.ts';
import type { CpuFrame, CpuProfile } from './cpu-profile.ts';

interface AllocationNode {
  callFrame: CpuFrame;
  selfSize: number;
  children: AllocationNode[];
}

/** Amounts are microseconds. @throws {KeyholeError} BAD_FRAME */
export function flamesOfCpu({ nodes, samples, timesUs }: CpuProfile): Flame {
  const amounts = new Map<number, number>();
  for (const [index, id] of samples.entries()) amounts.set(id, (amounts.get(id) ?? 0) + (timesUs[index] ?? 0));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const flame = ({ id, callFrame, children }: CpuProfile['nodes'][number]): Flame => ({
    ...named(callFrame),
    self: amounts.get(id) ?? 0,
    children: children.flatMap((child) => {
      const node = byId.get(child);
      // Time in which there was nothing to do would make everything else narrow.
      return node === undefined || node.callFrame.functionName === '(idle)' ? [] : [flame(node)];
    }),
  });
  return readable(() => {
    const [root] = nodes;
    if (root === undefined) throw new Error('it has no nodes');
    return flame(root);
  });
}

/** Amounts are bytes. @param profile the JSON of a sample of allocations. @throws {KeyholeError} BAD_FRAME */
export function flamesOfHeap(profile: string): Flame {
  const flame = ({ callFrame, selfSize, children }: AllocationNode): Flame => ({
    ...named(callFrame),
    self: selfSize,
    children: children.map(flame),
  });
  return readable(() => flame((JSON.parse(profile) as { head: AllocationNode }).head));
}

/** What runs now, with how much more or less of all time each call takes than it did before. What is gone has no width, and is not in it. @throws {KeyholeError} BAD_FRAME */
export function flamesOfBoth(before: CpuProfile, after: CpuProfile): Flame {
  const [wasUs, isUs] = [wholeOf(before), wholeOf(after)];
  const compared = (was: Merged | undefined, { flame: { name, place }, self, amount, below }: Merged): Flame => ({
    name,
    place,
    self,
    children: [...below].map(([key, child]) => compared(was?.below.get(key), child)),
    change: amount / isUs - (was?.amount ?? 0) / wasUs,
  });
  return compared(merged([flamesOfCpu(before)], movable), merged([flamesOfCpu(after)], movable));
}

/** Lines move between two builds, names seldom do. */
function movable({ name, place }: Flame): string {
  return `${name}\n${name === anonymous ? place : place.replace(/:\d+$/, '')}`;
}

function wholeOf({ timesUs }: CpuProfile): number {
  return Math.max(
    1,
    timesUs.reduce((all, us) => all + us, 0),
  );
}

function readable(read: () => Flame): Flame {
  try {
    return read();
  } catch (error) {
    throw new KeyholeError('BAD_FRAME', `this profile can not be read: ${(error as Error).message}`);
  }
}

const anonymous = '(anonymous)';

function named({ functionName, url, lineNumber }: CpuFrame): Pick<Flame, 'name' | 'place'> {
  return { name: functionName === '' ? anonymous : functionName, place: url === '' ? '' : `${url}:${lineNumber + 1}` };
}
