/** A sample of allocations: who allocated, and how much. */
import type { HotFunction } from '../../protocol/index.ts';
import type { AuthorNames } from './author-names.ts';
import type { CallFrame } from './samples.ts';

export interface AllocationNode {
  callFrame: CallFrame;
  selfSize: number;
  children: AllocationNode[];
}

const maxHottest = 20;

/** The same tree with the author's names, and who allocated most. */
export async function allocationsOf(
  root: AllocationNode,
  names: AuthorNames,
  named: (frame: CallFrame) => Promise<CallFrame>,
): Promise<{ head: AllocationNode; hottest: HotFunction[] }> {
  const bytes = new Map<string, { frame: CallFrame; bytes: number }>();
  let all = 0;
  const visit = async (node: AllocationNode): Promise<AllocationNode> => {
    all += node.selfSize;
    const key = JSON.stringify(node.callFrame);
    const known = bytes.get(key);
    if (known !== undefined) known.bytes += node.selfSize;
    else if (node.selfSize > 0) bytes.set(key, { frame: node.callFrame, bytes: node.selfSize });
    const children: AllocationNode[] = [];
    for (const child of node.children) children.push(await visit(child));
    return { ...node, callFrame: await named(node.callFrame), children };
  };
  const head = await visit(root);
  const hottest: HotFunction[] = [];
  for (const each of [...bytes.values()].sort((a, b) => b.bytes - a.bytes).slice(0, maxHottest)) {
    const { functionName, url, lineNumber, columnNumber } = each.frame;
    const frame = await names.of({ functionName, url, line: Math.max(0, lineNumber), column: Math.max(0, columnNumber) });
    hottest.push({ ...frame, self: Math.round((each.bytes / all) * 1_000) / 1_000, bytes: each.bytes });
  }
  return { head, hottest };
}
