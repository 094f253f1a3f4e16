/** The author's files as a compiler makes them, each once. */
import type { FunctionEntry } from '@keyhole/agent/source';
import type { Compiled, Compiler } from './compilers.ts';
import type { AuthorFile } from './parse.ts';
import type { Tree } from './tree.ts';

export class CompiledFiles {
  readonly #compiled = new WeakMap<AuthorFile, Map<Compiler, Compiled | null>>();

  of(author: AuthorFile, compiler: Compiler | null, entry: FunctionEntry): { tree: Tree; entry: FunctionEntry; compiled: Compiled | null } | null {
    if (compiler === null) return { tree: author, entry, compiled: null };
    const compiled = this.file(author, compiler);
    const found = compiled?.find(entry) ?? null;
    return compiled === null || found === null ? null : { tree: compiled.tree, entry: found, compiled };
  }

  file(author: AuthorFile, compiler: Compiler): Compiled | null {
    const known = this.#compiled.get(author) ?? new Map<Compiler, Compiled | null>();
    this.#compiled.set(author, known);
    let compiled = known.get(compiler);
    if (compiled === undefined) {
      try {
        compiled = compiler.compile(author);
      } catch {
        // A compiler that does not know the syntax did not build this.
        compiled = null;
      }
      known.set(compiler, compiled);
    }
    return compiled;
  }
}
