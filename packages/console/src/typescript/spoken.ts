/** Expressions that may stand for a name of the module: another name, a chain of properties of one, or a literal. */
import { child, children, nameOf, typeWrappers, type Binding, type SyntaxNode } from '@keyhole/agent/source';
import { bindingOf, type Tree } from './tree.ts';

/** How the running code says a name: an expression, and the variable it begins with; null where it is a literal or a global. */
export interface Spoken {
  text: string;
  root: Binding | null;
  node: SyntaxNode;
  /** The running module has no such name: the patch brings it along. */
  isBrought?: true;
}

/** What a literal is, however it is written; null for anything else. */
export function constantOf(node: SyntaxNode): string | null {
  if (node.type === 'Literal') {
    if (typeof node.regex === 'object' && node.regex !== null) return `regex:${JSON.stringify(node.regex)}`;
    if (typeof node.bigint === 'string') return `bigint:${BigInt(node.bigint)}`;
    return `${typeof node.value}:${Object.is(node.value, -0) ? '-0' : String(node.value)}`;
  }
  if (node.type === 'TemplateLiteral' && children(node, 'expressions').length === 0) {
    const cooked = (children(node, 'quasis')[0]?.value as { cooked?: unknown } | undefined)?.cooked;
    return typeof cooked === 'string' ? `string:${cooked}` : null;
  }
  const operand = node.type === 'UnaryExpression' ? child(node, 'argument') : null;
  const value = operand?.type === 'Literal' ? operand.value : undefined;
  if (typeof value !== 'number') return null;
  if (node.operator === '!') return `boolean:${String(value === 0)}`;
  if (node.operator === 'void') return 'undefined';
  return node.operator === '-' ? `number:-${String(value)}` : null;
}

/** A name, a chain of properties of one, or a literal, as the running code says it. */
export function spokenBy(tree: Tree, node: SyntaxNode, isFragment: boolean): Spoken | null {
  if (node.type === 'Literal' || node.type === 'UnaryExpression') {
    const constant = constantOf(node);
    if (constant === null || constant.startsWith('regex:')) return null;
    return { text: textOfConstant(constant), root: null, node };
  }
  const names: string[] = [];
  let at = node;
  for (; at.type === 'MemberExpression'; at = child(at, 'object') ?? at) {
    const property = propertyText(at, 'property');
    if (property === null || at.optional === true) return null;
    names.unshift(property);
  }
  if (at.type !== 'Identifier') return null;
  const root = bindingOf(tree, at);
  // CommonJS passes these to every module.
  if (root === null && !isFragment && !(names.length > 0 && (at.name === 'exports' || at.name === 'module'))) return null;
  const text = names.reduce((object, name) => object + (isPlainName(name) ? `.${name}` : `[${JSON.stringify(name)}]`), String(at.name));
  return { text, root, node };
}

export function textOfConstant(constant: string): string {
  const colon = constant.indexOf(':');
  const [type, value] = [constant.slice(0, colon), constant.slice(colon + 1)];
  if (constant === 'undefined') return '(void 0)';
  if (type === 'string') return JSON.stringify(value);
  if (type === 'bigint') return `(${value}n)`;
  return type === 'number' ? `(${value})` : value;
}

/** `name.member` where the name is the module's. */
export function memberKey(tree: Tree, node: SyntaxNode): string | null {
  const object = child(node, 'object');
  const property = node.optional === true ? null : propertyText(node, 'property');
  if (object?.type !== 'Identifier' || property === null) return null;
  return bindingOf(tree, object)?.scope === tree.captures.module ? `${String(object.name)}.${property}` : null;
}

/** The name of a property that is known from the text; null for a private one. */
export function propertyText(node: SyntaxNode, field: 'key' | 'property'): string | null {
  const key = child(node, field);
  if (key === null || key.type === 'PrivateIdentifier') return null;
  if (node.computed !== true) return nameOf(key);
  return key.type === 'Literal' && typeof key.value === 'string' ? key.value : null;
}

function isPlainName(name: string): boolean {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name);
}

/** Without what is only for types. */
export function bare(node: SyntaxNode): SyntaxNode {
  let at = node;
  while (typeWrappers.has(at.type) || at.type === 'ParenthesizedExpression') at = child(at, 'expression') ?? at;
  return at;
}
