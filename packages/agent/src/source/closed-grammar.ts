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

/** The one expression that a text is, or why it is none. What acorn can not parse is refused, never handed to V8. */
function expressionIn(text: string): { root: SyntaxNode } | { why: string } {
  try {
    const program = acorn.parse(`(${text}\n)`, { ecmaVersion: 'latest', sourceType: 'script' }) as unknown as SyntaxNode;
    const [only, ...others] = program.body as SyntaxNode[];
    const root = only?.type === 'ExpressionStatement' && others.length === 0 ? child(only, 'expression') : null;
    return root === null ? { why: 'it is not one expression' } : { root };
  } catch (thrown) {
    return { why: whyUnreadable(thrown) };
  }
}

/** A parser's complaint without its place, which is one in the text with parentheses around it. */
export function whyUnreadable(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message.replace(/ \(\d+:\d+\)$/, '') : String(thrown);
}

/** A condition: `s => s.bids > 10`, whose body is looking and nothing else. */
export function lookingArrow(text: string): { parameter: string; body: string } | { why: string } {
  const read = expressionIn(text);
  if ('why' in read) return read.why === 'it is not one expression' ? { why: 'it is no arrow function' } : read;
  const arrow = read.root;
  if (arrow.type !== 'ArrowFunctionExpression' || arrow.async === true) return { why: 'it is no arrow function' };
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

/** Why an expression could get at what has a secret name, or null. */
export function secretReached(expression: string, isSecret: (name: string) => boolean): string | null {
  const looked = lookingExpression(expression);
  return 'why' in looked ? null : reachesSecret(looked.root, isSecret);
}

/** Operators whose result is a number, and so no name. */
const counting = new Set(['-', '*', '/', '%', '&', '|', '^', '>>', '>>>', '~', '+']);

/**
 * Why an expression could get at what has a secret name, or null. It has to say the names it uses: a name that is put together at the time could be any.
 * @param root of an expression that is looking.
 */
export function reachesSecret(root: SyntaxNode, isSecret: (name: string) => boolean): string | null {
  const key = root.type === 'MemberExpression' && root.computed === true ? child(root, 'property') : null;
  if (key !== null) {
    const said = key.type === 'Literal' ? String(key.value) : null;
    const counts =
      (key.type === 'UnaryExpression' || (key.type === 'BinaryExpression' && key.operator !== '+')) && counting.has(String(key.operator));
    if (said === null && !counts) return 'it puts a name together: what is hidden could have that name (an index is written [+i])';
    if (said !== null && isSecret(said)) return `what is called ${said} is hidden`;
  }
  if (root.type === 'Identifier' && isSecret(String(root.name))) return `what is called ${String(root.name)} is hidden`;
  if (root.type === 'PrivateIdentifier' && isSecret(String(root.name))) return `what is called #${String(root.name)} is hidden`;
  for (const part of below(root)) {
    const why = reachesSecret(part, isSecret);
    if (why !== null) return why;
  }
  return null;
}

/** Why an expression is more than looking, or null. */
export function beyondLooking(expression: string): string | null {
  const looked = lookingExpression(expression);
  return 'why' in looked ? looked.why : null;
}

/** The tree of an expression that is looking, or why it is more. */
export function lookingExpression(expression: string): { root: SyntaxNode } | { why: string } {
  if (expression.length > maxLength) return { why: `it has more than ${maxLength} characters` };
  const read = expressionIn(expression);
  if ('why' in read) return read;
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
  const why = wrong(read.root);
  return why === null ? read : { why };
}
