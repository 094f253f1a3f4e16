/**
 * Where a function is held, read from the syntax alone: the variable it is assigned to, the property of the object or class it stands in. It names places, and never touches
 * the process.
 */
import { below, child, isClass, isConstant, isMember, nameOf } from '../../source/index.ts';
import type { Binding, Captures, SyntaxNode } from '../../source/index.ts';
import type { FunctionTarget } from './modules.ts';

/** A variable and names of properties from there on: `['exports', 'add']`. */
export type Path = readonly string[];

export type Place =
  | { kind: 'variable'; name: string }
  | { kind: 'property'; object: Path; key: string | Path; part: 'value' | 'get' | 'set' }
  /** A field that each instance of a class has for itself. */
  | { kind: 'field'; prototype: Path; key: string };

export interface Places {
  places: Place[];
  /** What holds the function and can not be given another one, in plain words. */
  fixed: { holder: string; why: string } | null;
}

/** @returns the places that the text shows; none where the function is only passed on as a value. */
export function placesOf(target: FunctionTarget): Places {
  const { captures, entry } = target;
  const around = ancestorsOf(captures.module.node, entry.container);
  const variable = (id: SyntaxNode | null): Places => {
    const name = id?.type === 'Identifier' ? String(id.name) : null;
    const outer = captures.scopeOf(entry.node).parent;
    const binding = name === null || outer === null ? null : captures.resolve(name, outer);
    if (name === null || binding === null) return { places: [], fixed: null };
    if (isConstant(binding)) return { places: [], fixed: { holder: `const ${name}`, why: `${name} is a constant, which nothing can assign to` } };
    return { places: [{ kind: 'variable', name }], fixed: null };
  };

  if (entry.container.type === 'FunctionDeclaration') {
    const id = child(entry.container, 'id');
    if (id !== null) return variable(id);
    return { places: [], fixed: { holder: 'the default export', why: 'it is a default export without a name, and nothing can assign to that' } };
  }
  if (isMember(entry.container)) return memberPlaces(entry.container, around);

  const found: Places = { places: [], fixed: null };
  let value = entry.container;
  for (const above of around.toReversed()) {
    if (above.type === 'AssignmentExpression' && above.operator === '=' && child(above, 'right') === value) {
      const left = child(above, 'left');
      const path = pathOf(left);
      if (left?.type === 'Identifier') merge(found, variable(left));
      else if (path !== null) found.places.push({ kind: 'property', object: path.slice(0, -1), key: path.at(-1) ?? '', part: 'value' });
      value = above;
      continue;
    }
    if (above.type === 'VariableDeclarator' && child(above, 'init') === value) merge(found, variable(child(above, 'id')));
    else if (above.type === 'ExportDefaultDeclaration')
      found.fixed = { holder: 'the default export', why: 'it is a default export without a name, and nothing can assign to that' };
    else if ((above.type === 'Property' || above.type === 'PropertyDefinition') && child(above, 'value') === value)
      merge(found, memberPlaces(above, around.slice(0, around.indexOf(above))));
    break;
  }
  return found;
}

function merge(into: Places, from: Places): void {
  into.places.push(...from.places);
  into.fixed ??= from.fixed;
}

function memberPlaces(member: SyntaxNode, around: readonly SyntaxNode[]): Places {
  const keyNode = child(member, 'key');
  const key = member.computed === true ? (keyNode?.type === 'Literal' ? String(keyNode.value) : pathOf(keyNode)) : nameOf(keyNode);
  if (key === null || key.length === 0)
    return { places: [], fixed: { holder: 'a computed name', why: 'its name is computed, so its place can not be told from the text' } };
  const holder = around.at(-1);
  const owner = holder?.type === 'ClassBody' ? around.at(-2) : holder;
  const object = owner === undefined ? null : pathTo(owner, around.slice(0, around.indexOf(owner)));
  if (member.kind === 'constructor') {
    return {
      places: [],
      fixed: { holder: 'its class', why: 'a class is its constructor, and instances, subclasses and importers hold the class itself' },
    };
  }
  const isField = member.type === 'PropertyDefinition' && member.static !== true;
  if (typeof key === 'string' && key.startsWith('#') && !isField) {
    return { places: [], fixed: { holder: `the private name ${key}`, why: 'private methods are part of their class and can not be replaced' } };
  }
  if (object === null) {
    return {
      places: [],
      fixed: { holder: 'an object without a name', why: 'the object or class it stands in has no name from which it could be found' },
    };
  }
  if (isField) {
    if (typeof key !== 'string') return { places: [], fixed: null };
    return { places: [{ kind: 'field', prototype: [...object, 'prototype'], key }], fixed: null };
  }
  const onPrototype = member.type === 'MethodDefinition' && member.static !== true;
  const part = member.kind === 'get' || member.kind === 'set' ? member.kind : 'value';
  return { places: [{ kind: 'property', object: onPrototype ? [...object, 'prototype'] : object, key, part }], fixed: null };
}

/** The path by which an object literal or a class can be read; null where it has none. */
function pathTo(node: SyntaxNode, around: readonly SyntaxNode[]): Path | null {
  const own = isClass(node) ? nameOf(child(node, 'id')) : null;
  if (own !== null && node.type === 'ClassDeclaration') return [own];
  const above = around.at(-1);
  if (above === undefined) return own === null ? null : [own];
  if (above.type === 'VariableDeclarator' && child(above, 'init') === node) {
    const name = child(above, 'id');
    return name?.type === 'Identifier' ? [String(name.name)] : null;
  }
  if (above.type === 'AssignmentExpression' && above.operator === '=' && child(above, 'right') === node) {
    return pathOf(child(above, 'left')) ?? pathTo(above, around.slice(0, -1));
  }
  if ((above.type === 'Property' || above.type === 'PropertyDefinition') && child(above, 'value') === node && above.computed !== true) {
    const key = nameOf(child(above, 'key'));
    const isField = above.type === 'PropertyDefinition' && above.static !== true;
    const holder = above.type === 'Property' ? around.at(-2) : around.at(-3);
    const object = holder === undefined || isField ? null : pathTo(holder, around.slice(0, around.indexOf(holder)));
    return key === null || key.startsWith('#') || object === null ? null : [...object, key];
  }
  return null;
}

/** `a.b['c']` as a path; null for anything that would have to be evaluated. */
function pathOf(node: SyntaxNode | null): Path | null {
  if (node === null) return null;
  if (node.type === 'Identifier') return [String(node.name)];
  if (node.type !== 'MemberExpression') return null;
  const property = child(node, 'property');
  const object = pathOf(child(node, 'object'));
  const key = node.computed === true && property?.type !== 'Literal' ? null : nameOf(property);
  return object === null || key === null || key.startsWith('#') ? null : [...object, key];
}

/** The nodes around a node, from the program inwards. */
export function ancestorsOf(program: SyntaxNode, node: SyntaxNode): SyntaxNode[] {
  const path: SyntaxNode[] = [];
  let at: SyntaxNode | null = program;
  while (at !== null && at !== node) {
    path.push(at);
    at = [...below(at)].find((part) => part === node || (part.start <= node.start && node.end <= part.end)) ?? null;
  }
  return path;
}

export interface Mention {
  node: SyntaxNode;
  insideFunction: boolean;
}

/** Where the text mentions a variable: optimized code of the functions there may hold its value as if it could never change. */
export function mentionsOf(binding: Binding, captures: Captures): Mention[] {
  return captures.references
    .filter((each) => each.name === binding.name && captures.resolve(each.name, each.scope) === binding)
    .map(({ node, scope }) => {
      let at = scope;
      while (at.kind === 'block' && at.parent !== null) at = at.parent;
      return { node, insideFunction: at.kind === 'function' };
    });
}
