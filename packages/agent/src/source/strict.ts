/** Whether code at a place is strict, by the file's format, the classes around it and directives. */
import { below, child, children, directivesOf, isClass, isFunction } from './syntax.ts';
import type { ModuleFormat, SyntaxNode } from './syntax.ts';

/** @param fn a function of the program: its own directive counts. */
export function isStrictFunction(program: SyntaxNode, fn: SyntaxNode, format: ModuleFormat): boolean {
  if (format === 'module' || opensStrict(program)) return true;
  for (let at: SyntaxNode | undefined = program; at !== undefined;) {
    const body: SyntaxNode | null = isFunction(at) ? child(at, 'body') : null;
    if (isClass(at) || (body !== null && opensStrict(body))) return true;
    if (at === fn) return false;
    at = [...below(at)].find((part) => part.start <= fn.start && fn.end <= part.end);
  }
  return false;
}

function opensStrict(body: SyntaxNode): boolean {
  return directivesOf(children(body, 'body')).some((each) => each.directive === 'use strict');
}
