/** The directive that makes code strict. */
import { children, directivesOf } from './syntax.ts';
import type { SyntaxNode } from './syntax.ts';

/** Whether a program, or the body of a function, begins with the directive. */
export function opensStrict(body: SyntaxNode | null): boolean {
  return body !== null && directivesOf(children(body, 'body')).some((each) => each.directive === 'use strict');
}
