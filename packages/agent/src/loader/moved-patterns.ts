/**
 * Destructured parameters move into the body, behind the test of the slot, so that a patch is handed them whole. That is the same only where nothing can see that it happens later, and no name
 * means something else there.
 */
import { below, child, children, isClass, isFunction, namesOf } from '../source/index.ts';
import type { Captures, FunctionEntry, FunctionUse, SyntaxNode } from '../source/index.ts';
import type { Passing } from './passing.ts';

/** Whether they stay where they are, and are taken apart before a patch is called: in sloppy code that says `arguments`, parameters of names alone would be bound to them. */
export function keepsPatterns(by: Passing['by'], use: FunctionUse): boolean {
  return by === 'arguments' && !use.strict;
}

/** Why they can not move; null where they can, or where there are none. */
export function patternObstacle(entry: FunctionEntry, captures: Captures): string | null {
  const { node } = entry;
  const parameters = children(node, 'params');
  const moved = parameters.filter((parameter) => isPattern(parameter));
  const [first] = moved;
  if (first === undefined) return null;
  if (entry.generator) return 'it is a generator with a destructured parameter, which is taken apart when it is called, and its body runs later';
  for (const parameter of parameters.slice(parameters.indexOf(first) + 1)) {
    const value = isPattern(parameter) ? null : child(parameter, 'right');
    if (value !== null && !isInert(value)) return 'a default that runs code follows a destructured parameter';
  }
  const scope = captures.scopeOf(node);
  const inParameters = (offset: number): boolean => parameters.some((each) => offset >= each.start && offset < each.end);
  for (const reference of captures.references) {
    if (!inParameters(reference.node.start)) continue;
    const binding = captures.resolve(reference.name, reference.scope);
    if (binding === null || binding.scope !== scope) continue;
    if (binding.kind !== 'parameter') return `its parameters read ${reference.name}, which its body declares again`;
    const from = parameters.find((each) => reference.node.start >= each.start && reference.node.start < each.end);
    const declaredIn = moved.find((each) => binding.declaration.start >= each.start && binding.declaration.start < each.end);
    if (declaredIn !== undefined && from !== declaredIn) return `a parameter's default reads ${reference.name} out of a destructured parameter`;
  }
  for (const binding of scope.bindings.values()) {
    if (binding.kind === 'function' && parameters.some((each) => namesIn(each).has(binding.name))) {
      return `its body declares a function ${binding.name} over a parameter`;
    }
  }
  for (const name of declaredByVar(child(node, 'body'))) {
    if (moved.some((each) => namesIn(each).has(name))) return `its body declares ${name} again, which is destructured in its parameters`;
  }
  return null;
}

/** Values that can be made now or later, by nobody noticed. */
export function isInert(value: SyntaxNode): boolean {
  switch (value.type) {
    case 'Literal':
    case 'ArrowFunctionExpression':
    case 'FunctionExpression':
      return true;
    case 'ArrayExpression':
      return children(value, 'elements').every(isInert);
    case 'ObjectExpression':
      return children(value, 'properties').length === 0;
    case 'TemplateLiteral':
      return children(value, 'expressions').length === 0;
    case 'UnaryExpression':
      return child(value, 'argument')?.type === 'Literal' && ['-', '!', 'void'].includes(String(value.operator));
    case 'Identifier':
      return value.name === 'undefined';
    default:
      return false;
  }
}

/** Names of `var` declarations in a body, those of functions in it left out. */
function declaredByVar(node: SyntaxNode | null, names = new Set<string>()): Set<string> {
  if (node === null || isFunction(node) || isClass(node)) return names;
  if (node.type === 'VariableDeclaration' && node.kind === 'var') {
    for (const declarator of children(node, 'declarations')) {
      const id = child(declarator, 'id');
      if (id !== null) namesOf(id, (name) => names.add(name));
    }
  }
  for (const part of below(node)) declaredByVar(part, names);
  return names;
}

/** A destructured parameter, with a default or without. */
export function isPattern(parameter: SyntaxNode): boolean {
  const target =
    parameter.type === 'RestElement' ? child(parameter, 'argument') : parameter.type === 'AssignmentPattern' ? child(parameter, 'left') : parameter;
  return target !== null && target.type !== 'Identifier';
}

function namesIn(node: SyntaxNode, names = new Set<string>()): Set<string> {
  if (node.type === 'Identifier') names.add(String(node.name));
  for (const field of ['left', 'argument', 'value']) {
    const part = child(node, field);
    if (part !== null) namesIn(part, names);
  }
  for (const field of ['elements', 'properties']) for (const part of children(node, field)) namesIn(part, names);
  return names;
}
