/** What of a tree counts when two are held against each other: what is left without types, and forms that mean the same. */
import { child, children, functionOf, type SyntaxNode } from '@keyhole/agent/source';

export class Parted extends Error {
  constructor(
    readonly left: SyntaxNode,
    readonly right: SyntaxNode | null,
  ) {
    super('the trees part');
  }
}

/** The expression of a function that does nothing but return it. */
export function returned(node: SyntaxNode): SyntaxNode | null {
  const body = need(node, 'body');
  if (body.type !== 'BlockStatement') return body;
  const [only, ...others] = node.type === 'ArrowFunctionExpression' ? statementsOf(body) : [];
  return only?.type === 'ReturnStatement' && others.length === 0 ? child(only, 'argument') : null;
}

export function statementsOf(body: SyntaxNode): SyntaxNode[] {
  return children(body, 'body').filter(isCode);
}

/** Whether something of it is left when types are gone. */
export function isCode(node: SyntaxNode): boolean {
  if (node.declare === true || node.type === 'EmptyStatement') return false;
  if (
    [
      'TSInterfaceDeclaration',
      'TSTypeAliasDeclaration',
      'TSDeclareFunction',
      'TSIndexSignature',
      'TSDeclareMethod',
      'TSAbstractMethodDefinition',
      'TSAbstractPropertyDefinition',
    ].includes(node.type)
  )
    return false;
  if (node.type === 'MethodDefinition') return child(functionOf(node), 'body') !== null && node.abstract !== true;
  return !(node.type === 'PropertyDefinition' && node.abstract === true);
}

/** A block of one statement is that statement, where it declares nothing and the other is none. */
export function onlyStatements(left: SyntaxNode, right: SyntaxNode): [SyntaxNode, SyntaxNode] {
  const only = (node: SyntaxNode): SyntaxNode => {
    const [first, ...others] = statementsOf(node);
    return first === undefined || others.length > 0 || declares(first) ? node : first;
  };
  if (left.type === 'BlockStatement' && right.type !== 'BlockStatement') return [only(left), right];
  return left.type !== 'BlockStatement' && right.type === 'BlockStatement' ? [left, only(right)] : [left, right];
}

function declares(node: SyntaxNode): boolean {
  return node.type.endsWith('Declaration') && !(node.type === 'VariableDeclaration' && node.kind === 'var');
}

export function need(node: SyntaxNode, field: string): SyntaxNode {
  const found = child(node, field);
  if (found === null) throw new Parted(node, null);
  return found;
}

export function isTree(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}

export function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === false || (Array.isArray(value) && value.length === 0);
}

export function same(left: unknown, right: unknown): boolean {
  return left === right || (isEmpty(left) && isEmpty(right));
}
