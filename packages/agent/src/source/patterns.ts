/** The names in a pattern: what `const { a, b: [c] } = ...` declares. */
import { child, children } from './syntax.ts';
import type { SyntaxNode } from './syntax.ts';

/** Calls back for each name a pattern declares. */
export function namesOf(node: SyntaxNode, found: (name: string, node: SyntaxNode) => void): void {
  switch (node.type) {
    case 'Identifier':
      found(String(node.name), node);
      return;
    case 'AssignmentPattern': {
      const left = child(node, 'left');
      if (left !== null) namesOf(left, found);
      return;
    }
    case 'RestElement': {
      const argument = child(node, 'argument');
      if (argument !== null) namesOf(argument, found);
      return;
    }
    case 'ArrayPattern':
      for (const element of children(node, 'elements')) namesOf(element, found);
      return;
    case 'ObjectPattern':
      for (const property of children(node, 'properties')) {
        const value = property.type === 'RestElement' ? property : child(property, 'value');
        if (value !== null) namesOf(value, found);
      }
  }
}
