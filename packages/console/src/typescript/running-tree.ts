/** The tree of what runs. */
import type { ModuleDetail } from '@keyhole/agent/protocol';
import { analyseCaptures, indexFunctions, parseModule } from '@keyhole/agent/source';
import type { Tree } from './tree.ts';

/** A bundle is asked for once for each file of a commit that became a part of it. */
let latest: { running: string; map: string | null; tree: Tree } | null = null;

export function treeOf({ running, map, format, file }: ModuleDetail): Tree {
  if (latest?.running !== running || latest.map !== map) {
    const program = parseModule(running, format, file);
    latest = { running, map, tree: { text: running, program, captures: analyseCaptures(program), functions: indexFunctions(program, running) } };
  }
  return latest.tree;
}
