/** What a translation rests on. */
import type { FunctionEntry } from '@keyhole/agent/source';
import type { Compiler } from './compilers.ts';
import type { layoutOf } from './emit.ts';
import type { Tree } from './tree.ts';
import type { Agreement } from './unify.ts';

/** A function of the author's that was shown to be what runs. */
export interface Proof {
  /** null: types were taken out, and that was all. */
  compiler: Compiler | null;
  tree: Tree;
  entry: FunctionEntry;
  running: FunctionEntry;
  agreement: Agreement;
}

/** A new text, compiled in the way that was proven. */
export interface Prepared {
  tree: Tree;
  entry: FunctionEntry;
  text: string;
  layout: ReturnType<typeof layoutOf>;
  /** The old text, compiled the same way. */
  base: Tree;
}
