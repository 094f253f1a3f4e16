/**
 * What may be evaluated for somebody who may only look: names, members, operators and literals. No calls, functions, assignments, templates with tags, regular expressions or
 * big numbers: V8's side-effect guard alone is an accident guard, and every way around it that is known needs one of those.
 */
import * as acorn from 'acorn';
import { below, child } from './syntax.ts';
import type { SyntaxNode } from './syntax.ts';

const maxLength = 4_096;
const maxNodes = 500;
const allowed = new Set([
  'Identifier',
  'Literal',
  'MemberExpression',
  'ChainExpression',
  'UnaryExpression',
  'BinaryExpression',
  'LogicalExpression',
  'ConditionalExpression',
  'TemplateLiteral',
  'TemplateElement',
  'ThisExpression',
]);
/** `**` and `<<` make a big number out of two small ones in no time. */
const forbiddenOperators = new Set(['delete', '**', '<<']);

/** A condition: `s => s.bids > 10`, whose body is looking and nothing else. */
export function lookingArrow(text: string): { parameter: string; body: string } | { why: string } {
  let arrow: SyntaxNode | null;
  try {
    const program = acorn.parse(`(${text}\n)`, { ecmaVersion: 'latest', sourceType: 'script' }) as unknown as SyntaxNode;
    const statements = program.body as SyntaxNode[];
    arrow = statements.length === 1 && statements[0]?.type === 'ExpressionStatement' ? child(statements[0], 'expression') : null;
  } catch (thrown) {
    return { why: thrown instanceof Error ? thrown.message.replace(/ \(\d+:\d+\)$/, '') : String(thrown) };
  }
  if (arrow?.type !== 'ArrowFunctionExpression' || arrow.async === true) return { why: 'it is no arrow function' };
  const [parameter, ...others] = arrow.params as SyntaxNode[];
  const body = child(arrow, 'body');
  // Strict code takes neither of these for a name.
  const isName = parameter?.type === 'Identifier' && parameter.name !== 'eval' && parameter.name !== 'arguments';
  if (!isName || others.length > 0) return { why: 'it does not take one name' };
  if (body === null || body.type === 'BlockStatement') return { why: 'it has a block' };
  const written = text.slice(body.start - 1, body.end - 1);
  const why = beyondLooking(written);
  return why === null ? { parameter: String(parameter.name), body: written } : { why };
}

/** Why an expression is more than looking, or null. What acorn can not parse is refused, never handed to V8. */
export function beyondLooking(expression: string): string | null {
  if (expression.length > maxLength) return `it has more than ${maxLength} characters`;
  let program: SyntaxNode;
  try {
    program = acorn.parse(`(${expression}\n)`, { ecmaVersion: 'latest', sourceType: 'script' }) as unknown as SyntaxNode;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message.replace(/ \(\d+:\d+\)$/, '') : String(thrown);
  }
  const statements = program.body as SyntaxNode[];
  const [only] = statements;
  if (statements.length !== 1 || only?.type !== 'ExpressionStatement') return 'it is not one expression';
  const root = child(only, 'expression');
  let nodes = 0;
  const wrong = (node: SyntaxNode): string | null => {
    nodes += 1;
    if (nodes > maxNodes) return `it has more than ${maxNodes} parts`;
    if (!allowed.has(node.type)) return `it has a ${node.type}`;
    if (typeof node.operator === 'string' && forbiddenOperators.has(node.operator)) return `it uses ${node.operator}`;
    if (node.type === 'Literal' && (node.regex !== undefined || node.bigint !== undefined)) return 'it has a regular expression or a big number';
    for (const part of below(node)) {
      const why = wrong(part);
      if (why !== null) return why;
    }
    return null;
  };
  return root === null ? 'it is empty' : wrong(root);
}
