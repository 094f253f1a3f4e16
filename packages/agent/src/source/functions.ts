/**
 * The functions of a file and their addresses. An address is `file:Name.path`, read from the syntax alone, so that the author's TypeScript and the
 * JavaScript made of it give the same one; a function without a name is `file:line`.
 */
import { atOnce } from './pieces.ts';
import type { Pieces } from './pieces.ts';
import { below, child, children, functionOf, isClass, isFunction, isMember, lineTable, nameOf, typeWrappers } from './syntax.ts';
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

/** How the author of compiled code names what it names otherwise; null where that is not known, and the name in the text is as good as any. */
export interface AuthorNames {
  /** The author's name for what an identifier, a private name or `this` of the text stands for. */
  of(node: SyntaxNode): string | null;
}

interface Around {
  names: string[];
  /** The names around the members of the nearest class. */
  ofClass: string[];
  parent: FunctionEntry | null;
  class: SyntaxNode | null;
}

/** A name for a function; `field`: of the class around it, though it stands in the constructor. */
interface Hint {
  name: string;
  field?: boolean;
}

/**
 * Lists the functions of a tree in the order in which they start.
 * @param author for compiled code: paths are made of the author's names then.
 */
export function indexFunctions(program: SyntaxNode, source: string, author: AuthorNames | null = null): FunctionEntry[] {
  return atOnce(indexingFunctions(program, source, author));
}

/** As {@link indexFunctions}, statement by statement. */
export function* indexingFunctions(program: SyntaxNode, source: string, author: AuthorNames | null = null): Pieces<FunctionEntry[]> {
  /** The author's name where it is known, else that of the text. */
  const named = (node: SyntaxNode | null): string | null => {
    if (node === null) return null;
    const renamed = node.type === 'Identifier' || node.type === 'PrivateIdentifier' ? (author?.of(node) ?? null) : null;
    return renamed ?? nameOf(node);
  };
  const entries: FunctionEntry[] = [];
  const seen = new Map<string, number>();
  const lineAt = lineTable(source);

  const enter = (container: SyntaxNode, hint: Hint | null, around: Around): void => {
    const node = functionOf(container);
    const own = hint?.name ?? null;
    const names = own === null ? around.names : [...(hint?.field === true ? around.ofClass : around.names), own];
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
      if (part !== child(node, 'id')) visit(part, null, { names, ofClass: around.ofClass, parent: entry, class: around.class });
    }
  };

  const visit = (node: SyntaxNode, hint: Hint | null, around: Around): void => {
    if (isMember(node)) {
      if (!isFunction(functionOf(node))) return;
      enter(node, memberName(node), around);
      return;
    }
    if (isFunction(node)) {
      enter(node, ownName(node) ?? hint, around);
      return;
    }
    if (isClass(node)) {
      const own = ownName(node) ?? hint;
      const names = own === null ? around.names : [...around.names, own.name];
      const inside: Around = { ...around, names, ofClass: names, class: node };
      for (const part of below(node)) visit(part, null, inside);
      return;
    }
    // A name passes through what is only for types.
    if (typeWrappers.has(node.type) || node.type === 'ParenthesizedExpression') {
      for (const part of below(node)) visit(part, hint, around);
      return;
    }
    const inside = node.type === 'ObjectExpression' && hint !== null ? { ...around, names: [...around.names, hint.name] } : around;
    for (const [part, name] of parts(node, hint)) visit(part, name, inside);
  };

  const outside: Around = { names: [], ofClass: [], parent: null, class: null };
  if (program.type !== 'Program') visit(program, null, outside);
  for (const statement of program.type === 'Program' ? below(program) : []) {
    visit(statement, null, outside);
    yield;
  }
  entries.sort((a, b) => a.start - b.start || b.end - a.end);
  return entries;

  function ownName(node: SyntaxNode): Hint | null {
    const id = child(node, 'id');
    // A minifier leaves out the name of an expression.
    const name = id === null && node.type === 'FunctionExpression' ? (author?.of(node) ?? null) : named(id);
    return name === null ? null : { name };
  }

  /** The parts of a node with the name that each would give to a function or class in it. */
  function* parts(node: SyntaxNode, hint: Hint | null): Generator<[SyntaxNode, Hint | null]> {
    switch (node.type) {
      case 'VariableDeclarator':
        yield* withName(node, 'init', plain(named(child(node, 'id'))));
        return;
      case 'AssignmentExpression':
        yield* withName(node, 'right', targetHint(child(node, 'left')));
        return;
      case 'AssignmentPattern':
        yield* withName(node, 'right', plain(named(child(node, 'left'))));
        return;
      case 'PropertyDefinition':
      case 'Property':
        yield* withName(node, 'value', node.computed === true ? null : plain(keyName(child(node, 'key'))));
        return;
      case 'JSXAttribute': {
        // It becomes a property of that name.
        const value = child(node, 'value');
        const key = child(node, 'name');
        if (value?.type === 'JSXExpressionContainer')
          yield [child(value, 'expression') ?? value, key?.type === 'JSXIdentifier' ? { name: String(key.name) } : null];
        return;
      }
      case 'ExportDefaultDeclaration':
        yield* withName(node, 'declaration', { name: 'default' });
        return;
      case 'CallExpression': {
        // `f = __name(() => {}, "f")`: compilers keep the names of functions so.
        const [first, second, ...others] = children(node, 'arguments');
        const keeps = others.length === 0 && second?.type === 'Literal' && hint !== null && second.value === hint.name;
        for (const part of below(node)) yield [part, keeps && part === first ? hint : null];
        return;
      }
      default:
        for (const part of below(node)) yield [part, null];
    }
  }

  function* withName(node: SyntaxNode, field: string, name: Hint | null): Generator<[SyntaxNode, Hint | null]> {
    const target = child(node, field);
    for (const part of below(node)) yield [part, part === target ? name : null];
  }

  function memberName(member: SyntaxNode): Hint | null {
    const key = member.computed === true ? null : child(member, 'key');
    const name = keyName(key);
    // A bundler wraps whole modules in methods that have the module's path for their name.
    if (name === null || (author !== null && key?.type === 'Literal' && name.includes('/'))) return null;
    // `-` can stand in no identifier, so an accessor never shares its address with a method.
    return { name: member.kind === 'get' || member.kind === 'set' ? `${member.kind}-${name}` : name };
  }

  /** Only private names are made shorter; another key is what others say. */
  function keyName(key: SyntaxNode | null): string | null {
    return key?.type === 'PrivateIdentifier' ? named(key) : nameOf(key);
  }

  function targetHint(target: SyntaxNode | null): Hint | null {
    const object = child(target ?? program, 'object');
    const property = target?.type === 'MemberExpression' && target.computed !== true ? nameOf(child(target, 'property')) : null;
    if (author !== null && object !== null && property !== null) {
      const said = author.of(object);
      // Compiled from a class field, or from an export.
      if (object.type === 'ThisExpression' && said === property) return { name: property, field: true };
      if (object.type === 'Identifier' && object.name === 'exports' && said !== null && said !== 'exports') return { name: property };
      // `Cart.make = ...` for a static field: the whole target stands for its key.
      if (object.type === 'Identifier' && said === property) return { name: `${String(object.name)}.${property}` };
    }
    return plain(targetName(target));
  }

  /** `exports.add`, `Cart.prototype.add`, `this.total`: the target as written; null where a part is computed. */
  function targetName(target: SyntaxNode | null): string | null {
    if (target === null) return null;
    if (target.type === 'ThisExpression') return 'this';
    if (target.type !== 'MemberExpression') return named(target);
    if (target.computed === true) return null;
    const object = targetName(child(target, 'object'));
    const property = keyName(child(target, 'property'));
    return object === null || property === null ? null : `${object}.${property}`;
  }
}

function plain(name: string | null): Hint | null {
  return name === null ? null : { name };
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
