/**
 * The functions of a file and their addresses. An address is `file:Name.path`, read from the syntax alone, so that the author's TypeScript and the
 * JavaScript made of it give the same one; a function without a name is `file:line`.
 */
import { below, child, functionOf, isClass, isFunction, isMember, lineTable, nameOf, typeWrappers } from './syntax.ts';
import type { FunctionPlace, SyntaxNode } from './syntax.ts';

export type FunctionKind = 'function' | 'arrow' | 'method' | 'getter' | 'setter' | 'constructor' | 'derived constructor';

export interface FunctionEntry {
  /** `Cart.add`; empty where the function has no name. Unique within the file: `~2` marks the second of the same name. */
  path: string;
  /** The last part of the path, as the function's own name shows in a stack trace. */
  name: string;
  kind: FunctionKind;
  place: FunctionPlace;
  /** The text of the function: for a method from its first modifier or key on. */
  start: number;
  end: number;
  line: number;
  /** The member that holds it, or the function itself. */
  container: SyntaxNode;
  node: SyntaxNode;
  /** The function around this one. */
  parent: FunctionEntry | null;
  /** The class whose member this is, where it is one. */
  class: SyntaxNode | null;
  static: boolean;
  async: boolean;
  generator: boolean;
}

interface Around {
  names: string[];
  parent: FunctionEntry | null;
  class: SyntaxNode | null;
}

/** Lists the functions of a tree in the order in which they start. */
export function indexFunctions(program: SyntaxNode, source: string): FunctionEntry[] {
  const entries: FunctionEntry[] = [];
  const seen = new Map<string, number>();
  const lineAt = lineTable(source);

  const enter = (container: SyntaxNode, own: string | null, around: Around): void => {
    const node = functionOf(container);
    const names = own === null ? around.names : [...around.names, own];
    let path = own === null ? '' : names.join('.');
    if (path !== '') {
      const count = (seen.get(path) ?? 0) + 1;
      seen.set(path, count);
      if (count > 1) path += `~${count}`;
    }
    const entry: FunctionEntry = {
      path,
      name: own ?? '',
      kind: kindOf(container, node, around.class),
      place: isMember(container) ? (container.type === 'Property' ? 'object-member' : 'class-member') : 'plain',
      start: container.start,
      end: container.end,
      line: lineAt(container.start),
      container,
      node,
      parent: around.parent,
      class: container.type === 'MethodDefinition' ? around.class : null,
      static: container.static === true,
      async: node.async === true,
      generator: node.generator === true,
    };
    entries.push(entry);
    if (isMember(container)) {
      const key = child(container, 'key');
      if (container.computed === true && key !== null) visit(key, null, around);
    }
    for (const part of below(node)) {
      if (part !== child(node, 'id')) visit(part, null, { names, parent: entry, class: around.class });
    }
  };

  const visit = (node: SyntaxNode, hint: string | null, around: Around): void => {
    if (isMember(node)) {
      if (!isFunction(functionOf(node))) return;
      enter(node, memberName(node), around);
      return;
    }
    if (isFunction(node)) {
      enter(node, nameOf(child(node, 'id')) ?? hint, around);
      return;
    }
    if (isClass(node)) {
      const own = nameOf(child(node, 'id')) ?? hint;
      const inside: Around = { ...around, names: own === null ? around.names : [...around.names, own], class: node };
      for (const part of below(node)) visit(part, null, inside);
      return;
    }
    // A name passes through what is only for types.
    if (typeWrappers.has(node.type) || node.type === 'ParenthesizedExpression') {
      for (const part of below(node)) visit(part, hint, around);
      return;
    }
    const inside = node.type === 'ObjectExpression' && hint !== null ? { ...around, names: [...around.names, hint] } : around;
    for (const [part, name] of named(node)) visit(part, name, inside);
  };

  visit(program, null, { names: [], parent: null, class: null });
  entries.sort((a, b) => a.start - b.start || b.end - a.end);
  return entries;

  /** The parts of a node with the name that each would give to a function or class in it. */
  function* named(node: SyntaxNode): Generator<[SyntaxNode, string | null]> {
    switch (node.type) {
      case 'VariableDeclarator':
        yield* withName(node, 'init', nameOf(child(node, 'id')));
        return;
      case 'AssignmentExpression':
        yield* withName(node, 'right', targetName(child(node, 'left')));
        return;
      case 'AssignmentPattern':
        yield* withName(node, 'right', nameOf(child(node, 'left')));
        return;
      case 'PropertyDefinition':
        yield* withName(node, 'value', node.computed === true ? null : nameOf(child(node, 'key')));
        return;
      case 'Property':
        yield* withName(node, 'value', node.computed === true ? null : nameOf(child(node, 'key')));
        return;
      case 'ExportDefaultDeclaration':
        yield* withName(node, 'declaration', 'default');
        return;
      default:
        for (const part of below(node)) yield [part, null];
    }
  }

  function* withName(node: SyntaxNode, field: string, name: string | null): Generator<[SyntaxNode, string | null]> {
    const target = child(node, field);
    for (const part of below(node)) yield [part, part === target ? name : null];
  }
}

function memberName(member: SyntaxNode): string | null {
  const name = member.computed === true ? null : nameOf(child(member, 'key'));
  if (name === null) return null;
  // `-` can stand in no identifier, so an accessor never shares its address with a method.
  return member.kind === 'get' || member.kind === 'set' ? `${member.kind}-${name}` : name;
}

/** `exports.add`, `Cart.prototype.add`, `this.total`: the target as written; null where a part is computed. */
function targetName(target: SyntaxNode | null): string | null {
  if (target === null) return null;
  if (target.type === 'ThisExpression') return 'this';
  if (target.type !== 'MemberExpression') return nameOf(target);
  if (target.computed === true) return null;
  const object = targetName(child(target, 'object'));
  const property = nameOf(child(target, 'property'));
  return object === null || property === null ? null : `${object}.${property}`;
}

function kindOf(container: SyntaxNode, node: SyntaxNode, around: SyntaxNode | null): FunctionKind {
  if (container.kind === 'constructor') return around !== null && child(around, 'superClass') !== null ? 'derived constructor' : 'constructor';
  if (isMember(container)) return container.kind === 'get' ? 'getter' : container.kind === 'set' ? 'setter' : 'method';
  return node.type === 'ArrowFunctionExpression' ? 'arrow' : 'function';
}

/** `file:Name.path`, or `file:line` where the function has no name. `line` may be that of another text (the author's). */
export function addressOf(file: string, entry: FunctionEntry, line = entry.line): string {
  return `${file}:${entry.path === '' ? String(line) : entry.path}`;
}

/** Splits an address at its last colon; `name` is empty for a file alone. */
export function splitAddress(address: string): { file: string; name: string } {
  const colon = address.lastIndexOf(':');
  return colon === -1 ? { file: address, name: '' } : { file: address.slice(0, colon), name: address.slice(colon + 1) };
}
