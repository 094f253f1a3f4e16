/** The tree of a flame graph from V8's profiles: a CPU profile is a list of nodes, a sample of allocations a tree. It comes from outside: what has not the shape is an error. */
import { KeyholeError, type ProfileTaken } from '@keyhole/agent/protocol';
import type { Flame } from '../render/flame-graph.ts';

interface Frame {
  functionName: string;
  url: string;
  lineNumber: number;
}

interface CpuNode {
  id: number;
  callFrame: Frame;
  children?: number[];
}

interface AllocationNode {
  callFrame: Frame;
  selfSize: number;
  children: AllocationNode[];
}

/** Microseconds, or bytes. @throws {KeyholeError} BAD_FRAME */
export function flamesOf({ kind, profile }: ProfileTaken): Flame {
  try {
    const parsed: unknown = JSON.parse(profile);
    return kind === 'cpu'
      ? ofCpu(parsed as { nodes: CpuNode[]; samples: number[]; timeDeltas: number[] })
      : ofHeap((parsed as { head: AllocationNode }).head);
  } catch (error) {
    throw new KeyholeError('BAD_FRAME', `the agent sent a profile that can not be read: ${(error as Error).message}`);
  }
}

function ofCpu({ nodes, samples, timeDeltas }: { nodes: CpuNode[]; samples: number[]; timeDeltas: number[] }): Flame {
  const times = new Map<number, number>();
  for (const [index, id] of samples.entries()) times.set(id, (times.get(id) ?? 0) + Math.max(0, timeDeltas[index] ?? 0));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const flame = ({ id, callFrame, children = [] }: CpuNode): Flame => ({
    ...named(callFrame),
    self: times.get(id) ?? 0,
    children: children.flatMap((child) => {
      const node = byId.get(child);
      // Time in which there was nothing to do would make everything else narrow.
      return node === undefined || node.callFrame.functionName === '(idle)' ? [] : [flame(node)];
    }),
  });
  const [root] = nodes;
  if (root === undefined) throw new Error('it has no nodes');
  return flame(root);
}

function ofHeap({ callFrame, selfSize, children }: AllocationNode): Flame {
  return { ...named(callFrame), self: selfSize, children: children.map(ofHeap) };
}

function named({ functionName, url, lineNumber }: Frame): Pick<Flame, 'name' | 'place'> {
  return { name: functionName === '' ? '(anonymous)' : functionName, place: url === '' ? '' : `${url}:${lineNumber + 1}` };
}
