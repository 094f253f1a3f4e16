/** The private names of the classes around a place of the running code. */
import { child, children, isClass, type Authorship, type SyntaxNode } from '@keyhole/agent/source';

/** @returns running private names by the author's; without a map they are the same. */
export function privatesAround(program: SyntaxNode, node: SyntaxNode, authorship: Authorship | null): Map<string, string> {
  const names = new Map<string, string>();
  const collect = (at: SyntaxNode): void => {
    for (const member of isClass(at) ? children(child(at, 'body') ?? at, 'body') : []) {
      const key = child(member, 'key');
      if (key?.type !== 'PrivateIdentifier') continue;
      const authors = authorship === null ? `#${String(key.name)}` : authorship.of(key);
      if (authors !== null) names.set(authors, `#${String(key.name)}`);
    }
    for (const value of Object.values(at)) for (const part of Array.isArray(value) ? value : [value]) if (isNodeAround(part, node)) collect(part);
  };
  collect(program);
  return names;
}

function isNodeAround(value: unknown, node: SyntaxNode): value is SyntaxNode {
  const { type, start, end } = (value ?? {}) as Partial<SyntaxNode>;
  return typeof type === 'string' && start !== undefined && end !== undefined && start <= node.start && node.end <= end;
}
