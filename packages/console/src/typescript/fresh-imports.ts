/** Imports that a new text needs and the running module does not have: each gets a name there, which the patch brings along. */
import type { PatchImport } from '@keyhole/agent/protocol';
import type { AuthorFile } from './parse.ts';
import { Required } from './required.ts';
import { importOf, type ImportOf } from './sources.ts';
import type { Spoken } from './spoken.ts';
import { identifier, type Tree } from './tree.ts';

/** Where the running file would find the module is not known yet. */
export type FreshImport = Omit<PatchImport, 'from'>;

export interface Translated {
  code: string;
  imports: FreshImport[];
}

export class FreshImports {
  readonly #renewed: AuthorFile;
  readonly #tree: Tree;
  readonly #isTaken: (name: string) => boolean;
  readonly #required: Required;
  readonly used: FreshImport[] = [];

  /**
   * @param tree the new text, as a compiler may have made it.
   * @param isTaken whether the running module has a variable of that name.
   */
  constructor(renewed: AuthorFile, tree: Tree, isTaken: (name: string) => boolean) {
    this.#renewed = renewed;
    this.#tree = tree;
    this.#isTaken = isTaken;
    this.#required = new Required(tree, () => true);
  }

  /** What a name of the new text is imported as, also where a compiler made `clamp_1.clamp` of it; null for anything else. */
  meant(name: string, member: string | null): ImportOf | null {
    const author = this.#renewed.captures.module.bindings.get(name);
    if (author !== undefined) {
      const from = member === null ? importOf(this.#renewed, author) : null;
      return from?.imported === '=' ? null : from;
    }
    const made = this.#tree.captures.module.bindings.get(name);
    const specifier = made === undefined || member === null ? null : this.#required.of(made);
    const wanted = specifier === null || member === null ? null : { specifier, imported: member };
    return wanted !== null && this.#localOf(wanted) !== null ? wanted : null;
  }

  /** The name that it gets: the author's, where the running module has no variable of that name. */
  fresh({ specifier, imported }: ImportOf): Spoken {
    let found = this.used.find((each) => each.specifier === specifier && each.imported === imported);
    if (found === undefined) {
      const local = this.#localOf({ specifier, imported }) ?? imported;
      let name = local;
      const isOthers = (each: string): boolean => this.#isTaken(each) || commonJs.has(each) || this.used.some((other) => other.name === each);
      while (isOthers(name) || (name !== local && this.#renewed.text.includes(name))) name += '$';
      found = { name, local, specifier, imported };
      this.used.push(found);
    }
    return { text: found.name, root: null, node: identifier(found.name), isBrought: true };
  }

  #localOf({ specifier, imported }: ImportOf): string | null {
    for (const binding of this.#renewed.captures.module.bindings.values()) {
      const from = importOf(this.#renewed, binding);
      if (from?.specifier === specifier && from.imported === imported) return binding.name;
    }
    return null;
  }
}

/** What a CommonJS module sees. */
const commonJs: ReadonlySet<string> = new Set(['require', 'module', 'exports', '__filename', '__dirname']);
