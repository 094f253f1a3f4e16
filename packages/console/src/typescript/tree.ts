/** A parsed text whose names can be asked for what they mean. */
import type { Binding, Captures, FunctionEntry, Scope, SyntaxNode } from '@keyhole/agent/source';

export interface Tree {
  text: string;
  program: SyntaxNode;
  captures: Captures;
  functions: FunctionEntry[];
}

const indexes = new WeakMap<Tree, Map<SyntaxNode, Binding | null>>();

/** What an identifier means: null for a global, and for what is no variable (a key, a label). */
export function bindingOf(tree: Tree, node: SyntaxNode): Binding | null {
  let index = indexes.get(tree);
  if (index === undefined) {
    const { captures } = tree;
    index = new Map();
    for (const { node: each, name, scope } of captures.references) index.set(each, captures.resolve(name, scope));
    for (const [each, scope] of captures.declarations) index.set(each, captures.resolve(String(each.name), scope));
    indexes.set(tree, index);
  }
  return index.get(node) ?? null;
}

const declared = new WeakMap<Tree, Map<Binding, SyntaxNode>>();

/** The name at a variable's declaration; the first, where there are several. */
export function declarationOf(tree: Tree, binding: Binding): SyntaxNode | null {
  let index = declared.get(tree);
  if (index === undefined) {
    index = new Map();
    for (const [node, scope] of tree.captures.declarations) {
      const found = tree.captures.resolve(String(node.name), scope);
      if (found !== null && !index.has(found)) index.set(found, node);
    }
    declared.set(tree, index);
  }
  return index.get(binding) ?? null;
}

/** The scope around a function: where its free names are looked for. */
export function scopeAround(tree: Tree, entry: FunctionEntry): Scope {
  let scope: Scope | null = tree.captures.scopeOf(entry.node);
  while (scope !== null && scope.node === entry.node) scope = scope.parent;
  return scope ?? tree.captures.module;
}

export function isWithin(node: SyntaxNode, root: SyntaxNode): boolean {
  return root.start <= node.start && node.end <= root.end;
}

export function identifier(name: string): SyntaxNode {
  return { type: 'Identifier', start: 0, end: 0, name };
}

export function memberOf(object: SyntaxNode, name: string): SyntaxNode {
  return { type: 'MemberExpression', start: 0, end: 0, object, property: identifier(name), computed: false };
}
