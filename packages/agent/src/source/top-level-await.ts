/** `await` at the top level of what an operator types, without V8's REPL mode: that one lets the inspector wait, and a promise that is collected then ends the process. */
import * as acorn from 'acorn';
import { namesOf } from './patterns.ts';
import { child, children } from './syntax.ts';
import type { SyntaxNode } from './syntax.ts';

/** What was typed, as a script, and whether it awaits at its top level; null for what nobody can parse: V8 explains that best. */
export function parseTyped(code: string): { program: SyntaxNode; awaits: boolean } | null {
  const plain = parse(code, false);
  if (plain !== null) return { program: plain, awaits: false };
  const program = parse(code, true);
  return program === null ? null : { program, awaits: true };
}

/**
 * The code as V8 can run it as a script: wrapped in an async function where it awaits, else as it is. Names it declares stay declared. `parameters` and `given` are the names and the
 * values of the function that wraps it.
 */
export function withTopLevelAwait(code: string, parameters = '', given = ''): string {
  const typed = parseTyped(code);
  if (typed === null || !typed.awaits) return code;
  const { program } = typed;
  const statements = children(program, 'body');
  const names: string[] = [];
  const parts: string[] = [];
  for (const [index, statement] of statements.entries()) {
    const text = code.slice(statement.start, statement.end);
    if (statement.type === 'VariableDeclaration') parts.push(assignments(statement, code, names));
    else if (statement.type === 'ExpressionStatement' && index === statements.length - 1) {
      const expression = child(statement, 'expression');
      parts.push(expression === null ? text : `return (${code.slice(expression.start, expression.end)}\n)`);
    } else parts.push(text);
  }
  const declared = names.length === 0 ? '' : `var ${names.join(',')};`;
  return `${declared}(async (${parameters}) => {${parts.join('\n')}\n})(${given})`;
}

function assignments(declaration: SyntaxNode, code: string, names: string[]): string {
  return children(declaration, 'declarations')
    .map((declarator) => {
      const id = child(declarator, 'id');
      const init = child(declarator, 'init');
      if (id === null) return '';
      namesOf(id, (name) => names.push(name));
      return init === null ? '' : `(${code.slice(id.start, id.end)} = ${code.slice(init.start, init.end)});`;
    })
    .join('\n');
}

function parse(code: string, allowAwaitOutsideFunction: boolean): SyntaxNode | null {
  try {
    return acorn.parse(code, {
      ecmaVersion: 'latest',
      sourceType: 'script',
      allowAwaitOutsideFunction,
      checkPrivateFields: false,
    }) as unknown as SyntaxNode;
  } catch {
    return null;
  }
}
