/** What a function is called by: the variable, the property or the index that holds it, and what those are handed on to. */
import { child, children, below, nameOf, typeWrappers, type Binding, type FunctionEntry, type SyntaxNode } from '@keyhole/agent/source';
import { propertyText } from './spoken.ts';
import { bindingOf, type Tree } from './tree.ts';

export type Holder =
  | { by: 'variable'; binding: Binding }
  /** `export default` of something without a name. */
  | { by: 'default' }
  /** With its `#`, where it is private. */
  | { by: 'property'; name: string }
  | { by: 'index' };

/** The first holders of a function; none where nothing calls it by name. */
export function holdersOf(tree: Tree, { container, node, kind, class: ofClass }: FunctionEntry): Holder[] {
  if (kind === 'constructor' || kind === 'derived constructor') return ofClass === null ? [] : holdersOfClass(tree, ofClass);
  if (container === node) return handedTo(tree, node);
  const name = keyOf(container);
  if (name !== null) return [{ by: 'property', name }];
  // The language calls it, and no build looks into that.
  return isWellKnown(child(container, 'key')) ? [] : [{ by: 'index' }];
}

/** A class expression has its own name and the one of its variable. */
function holdersOfClass(tree: Tree, node: SyntaxNode): Holder[] {
  const id = child(node, 'id');
  const own = id === null ? null : bindingOf(tree, id);
  return [...(own === null ? [] : [{ by: 'variable', binding: own } as const]), ...(node.type === 'ClassDeclaration' ? [] : handedTo(tree, node))];
}

/** Where the value of an expression goes, as far as the text says. */
export function handedTo(tree: Tree, expression: SyntaxNode): Holder[] {
  const parents = parentsIn(tree);
  const holders: Holder[] = [];
  const variable = (id: SyntaxNode | null): void => {
    const binding = id?.type === 'Identifier' ? bindingOf(tree, id) : null;
    if (binding !== null) holders.push({ by: 'variable', binding });
  };
  if (expression.type === 'FunctionDeclaration') variable(child(expression, 'id'));
  for (let at = expression, over = parents.get(at); over !== undefined; at = over, over = parents.get(at)) {
    switch (over.type) {
      case 'VariableDeclarator':
        variable(child(over, 'id'));
        return holders;
      case 'AssignmentPattern':
        variable(child(over, 'left'));
        return holders;
      case 'AssignmentExpression': {
        const target = child(over, 'left');
        if (target === at) return holders;
        variable(target);
        if (target?.type === 'MemberExpression') holders.push(ofMember(target));
        break;
      }
      case 'Property':
      case 'PropertyDefinition': {
        const name = keyOf(over);
        if (at === child(over, 'value')) holders.push(name === null ? { by: 'index' } : { by: 'property', name });
        return holders;
      }
      case 'ArrayExpression':
        holders.push({ by: 'index' });
        return holders;
      case 'ExportDefaultDeclaration':
        if (holders.length === 0) holders.push({ by: 'default' });
        return holders;
      case 'ConditionalExpression':
        if (at === child(over, 'test')) return holders;
        break;
      case 'CallExpression':
        // Called, it is no longer what it was; handed to a function, that may give it back.
        if (at === child(over, 'callee')) return holders;
        break;
      case 'LogicalExpression':
      case 'SequenceExpression':
      case 'ParenthesizedExpression':
      case 'AwaitExpression':
        break;
      default:
        if (!typeWrappers.has(over.type)) return holders;
    }
  }
  return holders;
}

function ofMember(target: SyntaxNode): Holder {
  const name = propertyName(target);
  return name === null ? { by: 'index' } : { by: 'property', name };
}

function keyOf(member: SyntaxNode): string | null {
  const key = child(member, 'key');
  return key?.type === 'PrivateIdentifier' ? nameOf(key) : propertyText(member, 'key');
}

/** The name of the property that an expression asks for; null where it is computed. */
export function propertyName(member: SyntaxNode): string | null {
  const property = child(member, 'property');
  return property?.type === 'PrivateIdentifier' ? nameOf(property) : propertyText(member, 'property');
}

function isWellKnown(key: SyntaxNode | null): boolean {
  const object = key?.type === 'MemberExpression' ? child(key, 'object') : null;
  return object?.type === 'Identifier' && object.name === 'Symbol';
}

/** How many arguments a call or `new` passes to an expression; null where it is none. */
export function argumentsOf(tree: Tree, expression: SyntaxNode): number | null {
  const parents = parentsIn(tree);
  let at = expression;
  let over = parents.get(at);
  while (over !== undefined && (typeWrappers.has(over.type) || over.type === 'ParenthesizedExpression')) {
    at = over;
    over = parents.get(at);
  }
  if (over === undefined || (over.type !== 'CallExpression' && over.type !== 'NewExpression')) return null;
  return child(over, 'callee') === at ? children(over, 'arguments').length : null;
}

const known = new WeakMap<SyntaxNode, Map<SyntaxNode, SyntaxNode>>();

export function parentsIn({ program }: Pick<Tree, 'program'>): ReadonlyMap<SyntaxNode, SyntaxNode> {
  let parents = known.get(program);
  if (parents === undefined) {
    parents = new Map();
    const open = [program];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      for (const part of below(node)) {
        parents.set(part, node);
        open.push(part);
      }
    }
    known.set(program, parents);
  }
  return parents;
}
