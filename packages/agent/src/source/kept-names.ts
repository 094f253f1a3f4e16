/** `_`, `_err` and `$3` in what an operator types: values of earlier answers. They are given to the text as its parameters; no global is made for them. */
import { analyseScopes } from './scopes.ts';
import type { Reference } from './scopes.ts';
import { below, child, children, isFunction } from './syntax.ts';
import type { SyntaxNode } from './syntax.ts';
import { parseTyped, withTopLevelAwait } from './top-level-await.ts';

const keptName = /^(?:_|_err|\$[1-9]\d{0,8})$/;
const assigning = new Set(['AssignmentExpression', 'UpdateExpression', 'ForInStatement', 'ForOfStatement']);

/** The names of kept values that a text uses and does not declare itself. */
export function keptNamesIn(code: string): string[] {
  if (!/[_$]/.test(code)) return [];
  const typed = parseTyped(code);
  if (typed === null) return [];
  const free = freeIn(typed.program).filter(({ name }) => keptName.test(name));
  // Who assigns one means a variable of their own.
  const assigned = free.filter(({ node, above }) => assigning.has(above.type) && child(above, 'right') !== node).map(({ name }) => name);
  return [...new Set(free.map(({ name }) => name))].filter((name) => !assigned.includes(name));
}

/**
 * The text with these names bound to the elements of the array that `place` names while the text starts. A function made by an expression keeps the values for good.
 * @returns null where that can't be done: a function in a statement would read the place when it is long gone.
 */
export function withKeptValues(code: string, names: readonly string[], place: string): string | null {
  const typed = parseTyped(code);
  if (typed === null || names.length === 0) return code;
  const parameters = names.join(',');
  if (typed.awaits) return withTopLevelAwait(code, parameters, `...${place}`);
  const statements = children(typed.program, 'body');
  const [only] = statements;
  if (statements.length === 1 && only?.type === 'ExpressionStatement') {
    const expression = child(only, 'expression');
    if (expression !== null) return `((${parameters})=>(${code.slice(expression.start, expression.end)}\n))(...${place})`;
  }
  const used = freeIn(typed.program).filter(({ name }) => names.includes(name));
  const functions = nestedFunctions(typed.program);
  if (used.some(({ node }) => functions.some((fn) => fn.start <= node.start && node.end <= fn.end))) return null;
  return used
    .sort((a, b) => b.node.start - a.node.start)
    .reduce((text, { name, node, above }) => {
      const value = `${place}[${names.indexOf(name)}]`;
      return text.slice(0, node.start) + (above.type === 'Property' && above.shorthand === true ? `${name}:${value}` : value) + text.slice(node.end);
    }, code);
}

function freeIn(program: SyntaxNode): Reference[] {
  const scopes = analyseScopes(program);
  return scopes.references.filter(({ name, scope }) => scopes.resolve(name, scope) === null);
}

function nestedFunctions(program: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  const visit = (node: SyntaxNode): void => {
    if (isFunction(node) || node.type === 'ClassBody') found.push(node);
    else for (const part of below(node)) visit(part);
  };
  visit(program);
  return found;
}
