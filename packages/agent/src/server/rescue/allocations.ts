/** A sample of allocations: who allocated, and how much. */
import type { HotFunction } from '../../protocol/index.ts';
import type { AuthorNames } from './author-names.ts';
import { heaviest } from './samples.ts';
import type { CallFrame } from './samples.ts';

export interface AllocationNode {
  callFrame: CallFrame;
  selfSize: number;
  children: AllocationNode[];
}

/** The same tree with the author's names, and who allocated most. */
export async function allocationsOf(
  root: AllocationNode,
  names: AuthorNames,
  named: (frame: CallFrame) => Promise<CallFrame>,
): Promise<{ head: AllocationNode; hottest: HotFunction[] }> {
  const frames: { callFrame: CallFrame; weight: number }[] = [];
  const visit = async (node: AllocationNode): Promise<AllocationNode> => {
    frames.push({ callFrame: node.callFrame, weight: node.selfSize });
    const children: AllocationNode[] = [];
    for (const child of node.children) children.push(await visit(child));
    return { ...node, callFrame: await named(node.callFrame), children };
  };
  const head = await visit(root);
  const all = frames.reduce((sum, { weight }) => sum + weight, 0);
  return { head, hottest: (await heaviest(frames, all, names)).map(({ weight, ...hot }) => ({ ...hot, bytes: weight })) };
}
