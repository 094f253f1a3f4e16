/**
 * The text of a new function, judged and made an expression for the captured scope. What stands in the way of this very text is known here, before anything waits or changes.
 */
import { analyseCaptures, below, child, children, functionOf, indexFunctions, nameOf, parseFunction } from '../../source/index.ts';
import type { Binding, Captures, SyntaxNode } from '../../source/index.ts';
import { commonJsNames } from '../../loader/index.ts';
import type { FunctionTarget } from './modules.ts';

export interface RebindText {
  /** Names it takes from around it, as they are meant at the target's place; globals are not among them. */
  names: ReadonlySet<string>;
  usesPrivateNames: boolean;
  /** What CommonJS passes to every module and no function of this one uses, so that V8 did not keep it: it is made anew. */
  given: readonly string[];
  /**
   * An expression for the captured scope. Its value takes what is `given` and returns a factory: called with the home's prototype or the instance as `this`, that gives the
   * function or an object with the member.
   */
  expression(id: string): string;
}

/** `module` and `exports` are not: a module may have put others in their place. */
const remade: ReadonlySet<string> = new Set(['require', '__filename', '__dirname']);

/** @throws {KeyholeError} SYNTAX with file, line and caret. */
export function readText(target: FunctionTarget, code: string): RebindText | { why: string } {
  const { entry, captures, module, file } = target;
  const parsed = parseFunction(code, entry.place, module.format, file);
  const renewed = analyseCaptures(parsed.program);
  const own = indexFunctions(parsed.program, parsed.text).find((each) => each.container === parsed.container);
  if (own === undefined) return { why: 'the text is not a function' };
  const node = functionOf(parsed.container);
  const use = renewed.useOf(node);
  if (own.kind !== entry.kind) return { why: `it is a ${entry.kind} and the new text is a ${own.kind}` };
  if (own.static !== entry.static) return { why: 'static can not be added or taken away' };
  const key = keyText(parsed.container, parsed.text);
  if (key !== keyText(entry.container, module.running)) return { why: 'the new text has another name' };
  if (mentionsImportMeta(node)) return { why: 'the new text uses import.meta, which code compiled later can not have' };
  if (own.kind === 'arrow') {
    const word = use.arguments ? 'arguments' : use.super ? 'super' : use.newTarget ? 'new.target' : use.this && !isField(target) ? 'this' : null;
    if (word !== null) return { why: `the new text is an arrow function and uses ${word} of what is around it, which nothing can capture` };
  }
  const names = new Set<string>();
  const unknown = new Set<string>();
  const lost = new Set<string>();
  const given = new Set<string>();
  const outer = captures.scopeOf(entry.node).parent;
  for (const { name, scope, above } of renewed.references) {
    if (renewed.resolve(name, scope) !== null || name === 'arguments') continue;
    const binding = outer === null ? null : captures.resolve(name, outer);
    if (binding !== null || (module.format === 'commonjs' && commonJsNames.has(name))) {
      const kept = isKept(name, target);
      if (!kept && binding === null && remade.has(name)) given.add(name);
      else names.add(name);
      if (!kept && !given.has(name)) lost.add(name);
    } else if (!(name in globalThis) && !(above.type === 'UnaryExpression' && above.operator === 'typeof')) unknown.add(name);
  }
  if (unknown.size > 0) return { why: `${[...unknown].join(', ')} is not defined in ${file}, nor is it a global` };
  if (lost.size > 0) return { why: `${[...lost].join(', ')} is captured by no function of the running code, so no new code can find it` };

  const ownName = child(node, 'id');
  const isNamed =
    ownName !== null &&
    renewed.references.some((each) => each.name === ownName.name && renewed.resolve(each.name, each.scope)?.kind === 'function-name');
  return {
    names,
    usesPrivateNames: use.privateNames.size > 0,
    given: [...given],
    expression: (id) => {
      let text = parsed.text.slice(own.start, own.end);
      // A function's inner name would be itself for ever, where the author's means the variable.
      if (isNamed) text = blank(text, ownName.start - own.start, ownName.end - own.start);
      if (own.static) text = text.replace(/^static\b/, (word) => ' '.repeat(word.length));
      const strict = captures.useOf(entry.node).strict ? '"use strict";' : '';
      // As many lines before it as the author's file has, so that a stack trace names the author's line.
      const padding = '\n'.repeat(Math.max(0, target.line - 1));
      const value = entry.place === 'plain' ? `(${padding}${text}\n)` : `({__proto__:this,${padding}${text}\n})`;
      return `(${[...given].join(',')})=>function(){${strict}return ${value}}\n//# sourceURL=keyhole-patch/${id}/${target.file.replace(/[\s#?]/g, '_')}`;
    },
  };
}

/** Whether a class field makes the function, once for each instance. */
export function isField({ captures, entry }: FunctionTarget): boolean {
  const within = (node: SyntaxNode): boolean => {
    for (const part of below(node)) {
      if (part.start > entry.start || entry.end > part.end) continue;
      if (part.type === 'PropertyDefinition') return part.static !== true && child(part, 'value') === entry.node;
      return within(part);
    }
    return false;
  };
  return within(captures.module.node);
}

/**
 * Whether the name lies where code compiled later can find it: a function other than the one that declares it uses it, or it is an import that is used, or an export of an ES
 * module. V8 keeps other variables on the stack, or not at all.
 */
export function isKept(name: string, { captures, entry }: FunctionTarget): boolean {
  const outer = captures.scopeOf(entry.node).parent;
  const binding = outer === null ? null : captures.resolve(name, outer);
  if (binding !== null && binding.scope === captures.module && isExported(binding, captures)) return true;
  return captures.references.some((reference) => {
    if (reference.name !== name || captures.resolve(reference.name, reference.scope) !== binding) return false;
    if (binding?.kind === 'import') return true;
    for (
      let scope: typeof reference.scope | null = reference.scope;
      scope !== null && scope !== (binding?.scope ?? captures.module);
      scope = scope.parent
    ) {
      if (scope.kind === 'function') return true;
    }
    return false;
  });
}

/** Whether importers of an ES module may use the variable under this or another name. */
export function isExported({ name, declaration }: Binding, captures: Captures): boolean {
  return children(captures.module.node, 'body').some((statement) => {
    if (!statement.type.startsWith('Export')) return false;
    if (child(statement, 'declaration') !== null) return statement.start <= declaration.start && declaration.end <= statement.end;
    return child(statement, 'source') === null && children(statement, 'specifiers').some((each) => nameOf(child(each, 'local')) === name);
  });
}

function keyText(container: SyntaxNode, source: string): string {
  const key = child(container, 'key');
  return key === null ? '' : `${typeof container.kind === 'string' ? container.kind : ''} ${source.slice(key.start, key.end)}`;
}

function blank(text: string, start: number, end: number): string {
  return text.slice(0, start) + ' '.repeat(end - start) + text.slice(end);
}

function mentionsImportMeta(node: SyntaxNode): boolean {
  if (node.type === 'MetaProperty') return child(node, 'meta')?.name === 'import';
  for (const part of below(node)) if (mentionsImportMeta(part)) return true;
  return false;
}
