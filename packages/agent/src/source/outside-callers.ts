/**
 * Functions that code of other files calls: what a module exports, and methods of classes that extend one of a package, which its framework calls. Whoever reads this file alone can't tell what
 * their callers have to give.
 */
import { namesOf } from './patterns.ts';
import { below, child, children, functionOf, isFunction, nameOf } from './syntax.ts';
import type { SyntaxNode } from './syntax.ts';

export class OutsideCallers {
  /** Functions, names of functions, and whatever else other files have. */
  readonly known = new Set<SyntaxNode>();
  /** Under which the module has what packages, or Node itself, give it. */
  readonly #packages = new Set<string>();

  /** Takes one statement of the module; a class finds what stands before it. */
  see(statement: SyntaxNode): void {
    const declaration = child(statement, 'declaration');
    const isVariable = declaration?.type === 'VariableDeclaration';
    if (!isVariable) this.#export(declaration);
    for (const specifier of children(statement, 'specifiers')) {
      if (statement.type === 'ExportNamedDeclaration') this.#export(child(specifier, 'local'));
      else if (isPackage(child(statement, 'source'))) this.#packages.add(nameOf(child(specifier, 'local')) ?? '');
    }
    for (const declarator of children(isVariable ? declaration : statement, 'declarations')) {
      const init = child(declarator, 'init');
      const id = child(declarator, 'id');
      if (isVariable) this.#export(init);
      if (init !== null && id !== null && requiresPackage(init)) namesOf(id, (name) => this.#packages.add(name));
    }
    const expression = child(statement, 'expression');
    for (const each of expression?.type === 'SequenceExpression' ? children(expression, 'expressions') : [expression]) {
      if (each?.type === 'AssignmentExpression' && isExports(child(each, 'left'))) this.#export(child(each, 'right'));
    }
  }

  /** Takes a class: where it extends one of a package, the framework may call its methods. */
  seeClass(node: SyntaxNode): void {
    let root = child(node, 'superClass');
    while (root?.type === 'MemberExpression') root = child(root, 'object');
    const body = child(node, 'body');
    if (body === null || root?.type !== 'Identifier' || !this.#packages.has(String(root.name))) return;
    for (const member of children(body, 'body')) {
      const isMethod = member.type === 'MethodDefinition' && member.kind === 'method' && child(member, 'key')?.type !== 'PrivateIdentifier';
      if (isMethod) this.known.add(functionOf(member));
    }
  }

  #export(value: SyntaxNode | null): void {
    if (value === null) return;
    this.known.add(value);
    if (value.type === 'AssignmentExpression') this.#export(child(value, 'right'));
    // Its members one by one: `export default { fetch(request) {} }`, `module.exports = { take, give() {} }`.
    for (const property of value.type === 'ObjectExpression' ? children(value, 'properties') : []) {
      const member = child(property, 'value');
      if (member !== null) this.known.add(member);
    }
  }
}

/** `exports.x`, `module.exports`, `module.exports.x`. */
function isExports(target: SyntaxNode | null): boolean {
  const object = target?.type === 'MemberExpression' ? child(target, 'object') : null;
  if (target === null || object === null) return false;
  return nameOf(object) === 'exports' || (nameOf(object) === 'module' && nameOf(child(target, 'property')) === 'exports') || isExports(object);
}

/** `require('ws')`, also in what compilers put around it. */
function requiresPackage(node: SyntaxNode): boolean {
  if (isFunction(node)) return false;
  if (node.type === 'CallExpression' && nameOf(child(node, 'callee')) === 'require') return isPackage(children(node, 'arguments')[0]);
  return ['CallExpression', 'MemberExpression', 'AwaitExpression'].includes(node.type) && [...below(node)].some(requiresPackage);
}

/** A name, and no path. */
function isPackage(specifier: SyntaxNode | null | undefined): boolean {
  return typeof specifier?.value === 'string' && /^[\w@]/.test(specifier.value) && !specifier.value.startsWith('file:');
}
