/** Syntax trees: parsing, walking, and errors that show the place. Trees are ESTree, so that the console's TypeScript trees walk the same. */
import * as acorn from 'acorn';
import { KeyholeError } from '../protocol/index.ts';
import type { Pieces } from './pieces.ts';

/** Any ESTree node. Fields are read through {@link child} and {@link children}, which check that a node is there. */
export interface SyntaxNode {
  type: string;
  start: number;
  end: number;
  [field: string]: unknown;
}

export type ModuleFormat = 'module' | 'commonjs';

export interface Token {
  label: string;
  start: number;
  end: number;
}

export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}

/** The node in a field, or null where the field is empty. */
export function child(node: SyntaxNode, field: string): SyntaxNode | null {
  const value = node[field];
  return isNode(value) ? value : null;
}

/** The nodes in a list field; holes of array patterns are left out. */
export function children(node: SyntaxNode, field: string): SyntaxNode[] {
  const value = node[field];
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** Every node directly below, in the order of the fields. A list and not a generator: trees of large files are walked with it, and it is three times as fast. */
export function below(node: SyntaxNode): SyntaxNode[] {
  const nodes: SyntaxNode[] = [];
  for (const field in node) {
    const value = node[field];
    if (typeof value !== 'object' || value === null) continue;
    if (Array.isArray(value)) {
      for (const item of value) if (isNode(item)) nodes.push(item);
    } else if (isNode(value)) {
      nodes.push(value);
    }
  }
  return nodes;
}

/** Around an expression in TypeScript, nothing at all in the JavaScript made of it. */
export const typeWrappers: ReadonlySet<string> = new Set([
  'TSAsExpression',
  'TSSatisfiesExpression',
  'TSNonNullExpression',
  'TSTypeAssertion',
  'TSInstantiationExpression',
]);

export function isFunction(node: SyntaxNode): boolean {
  return (
    (node.type === 'FunctionDeclaration' || node.type === 'FunctionExpression' || node.type === 'ArrowFunctionExpression') &&
    child(node, 'body') !== null
  );
}

export function isClass(node: SyntaxNode): boolean {
  return node.type === 'ClassDeclaration' || node.type === 'ClassExpression';
}

/** The private names a class declares, without the `#`, in their order. */
export function privateNamesOf(node: SyntaxNode): string[] {
  const body = child(node, 'body');
  const keys = body === null ? [] : children(body, 'body').map((member) => child(member, 'key'));
  return [...new Set(keys.filter((key) => key?.type === 'PrivateIdentifier').map((key) => String(key?.name)))];
}

/** The name of an identifier, a private name or a string key; null for anything computed. */
export function nameOf(node: SyntaxNode | null): string | null {
  if (node === null) return null;
  if (node.type === 'Identifier') return String(node.name);
  if (node.type === 'PrivateIdentifier' || node.type === 'PrivateName') {
    const inner = child(node, 'id');
    return `#${inner === null ? String(node.name) : String(inner.name)}`;
  }
  if (node.type === 'Literal') return String(node.value);
  return null;
}

/** The directives (`'use strict'`) that open a body. */
export function directivesOf(statements: readonly SyntaxNode[]): SyntaxNode[] {
  const directives: SyntaxNode[] = [];
  for (const statement of statements) {
    if (statement.type !== 'ExpressionStatement' || typeof statement.directive !== 'string') break;
    directives.push(statement);
  }
  return directives;
}

/** The offset of each line. */
export function lineStarts(source: string): number[] {
  const starts = [0];
  for (let at = source.indexOf('\n'); at !== -1; at = source.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** From an offset to its line (from 1), for many questions about one text. */
export function lineTable(source: string): (offset: number) => number {
  const starts = lineStarts(source);
  return (offset) => {
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}

/** `message (file:line:column)`, the line itself and a caret under the place. */
export function caretMessage(source: string, offset: number, file: string, message: string): string {
  const lineStart = source.lastIndexOf('\n', offset - 1) + 1;
  const lineEnd = source.indexOf('\n', offset);
  const text = source.slice(lineStart, lineEnd === -1 ? undefined : lineEnd).replace(/\r$/, '');
  const column = offset - lineStart;
  // A minified line of a megabyte helps nobody: show the neighbourhood.
  const from = Math.max(0, column - 60);
  const shown = text.slice(from, column + 60);
  const indent = shown.slice(0, column - from).replace(/[^\t]/g, ' ');
  return `${message} (${file}:${lineTable(source)(offset)}:${column + 1})\n${shown}\n${indent}^`;
}

function syntaxError(thrown: unknown, source: string, file: string): KeyholeError {
  if (thrown instanceof SyntaxError && typeof (thrown as { pos?: unknown }).pos === 'number') {
    const offset = (thrown as unknown as { pos: number }).pos;
    const message = thrown.message.replace(/ \(\d+:\d+\)$/, '');
    return new KeyholeError('SYNTAX', caretMessage(source, offset, file, message), 'Correct the text and try again; nothing was applied.');
  }
  return new KeyholeError('SYNTAX', `${file}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
}

function collectInto(tokens: Token[]): (token: acorn.Token) => void {
  return (token) => tokens.push({ label: token.type.label, start: token.start, end: token.end });
}

/**
 * Parses a module.
 * @throws {KeyholeError} SYNTAX with file, line and caret.
 */
export function parseModule(source: string, format: ModuleFormat, file: string, tokens?: Token[]): SyntaxNode {
  try {
    return acorn.parse(source, {
      ...moduleOptions(format),
      ...(tokens === undefined ? {} : { onToken: collectInto(tokens) }),
    }) as unknown as SyntaxNode;
  } catch (thrown) {
    throw syntaxError(thrown, source, file);
  }
}

function moduleOptions(format: ModuleFormat): acorn.Options {
  return {
    ecmaVersion: 'latest',
    sourceType: format === 'module' ? 'module' : 'script',
    allowHashBang: true,
    allowReturnOutsideFunction: format === 'commonjs',
    allowAwaitOutsideFunction: format === 'module',
    allowSuperOutsideMethod: false,
  };
}

/** What acorn's plugins use of its parser, and its types do not say. */
interface AcornInternals {
  type: acorn.TokenType;
  startNode(): acorn.Program;
  nextToken(): void;
  next(): void;
  parseStatement(context: null, topLevel: true, exports: object): acorn.Statement;
  adaptDirectivePrologue(statements: acorn.Node[]): void;
  finishNode(node: acorn.Node, type: 'Program'): acorn.Program;
}

/**
 * As {@link parseModule}, statement by statement, for a text that is loaded already: names that it exports and does not have were V8's affair.
 * @throws {KeyholeError} SYNTAX
 */
export function* parsingModule(source: string, format: ModuleFormat, file: string): Pieces<SyntaxNode> {
  try {
    const parser = new (acorn.Parser as unknown as new (options: acorn.Options, input: string) => AcornInternals)(moduleOptions(format), source);
    const program = parser.startNode();
    const exports = Object.create(null) as object;
    program.body = [];
    parser.nextToken();
    while (parser.type !== acorn.tokTypes.eof) {
      program.body.push(parser.parseStatement(null, true, exports));
      yield;
    }
    parser.adaptDirectivePrologue(program.body);
    parser.next();
    program.sourceType = format === 'module' ? 'module' : 'script';
    return parser.finishNode(program, 'Program') as unknown as SyntaxNode;
  } catch (thrown) {
    throw syntaxError(thrown, source, file);
  }
}

/** Where the text of one function stood: decides how it is parsed alone. */
export type FunctionPlace = 'plain' | 'class-member' | 'object-member';

/** The text of one function, parsed alone. `prefix` is what was put before it to make it a program. */
export interface ParsedFunction {
  program: SyntaxNode;
  /** The function's node, or the member (method, accessor) that holds it. */
  container: SyntaxNode;
  /** The text that was parsed: a prefix, the function, a suffix. All offsets are in it. */
  text: string;
  prefix: string;
  tokens: Token[];
}

const wrappers: Record<FunctionPlace, [string, string]> = {
  plain: ['(', '\n)'],
  'class-member': ['(class extends Object {', '\n})'],
  'object-member': ['({', '\n})'],
};

/**
 * Parses the text of exactly one function. Anything that closes the wrapper early, or more than one function, is a syntax error, so that what is
 * shown to a reviewer is what is compiled.
 * @throws {KeyholeError} SYNTAX with file, line and caret.
 */
export function parseFunction(code: string, place: FunctionPlace, format: ModuleFormat, file: string): ParsedFunction {
  const [prefix, suffix] = wrappers[place];
  const text = prefix + code + suffix;
  const tokens: Token[] = [];
  let program: SyntaxNode;
  try {
    program = acorn.parse(text, {
      ecmaVersion: 'latest',
      sourceType: format === 'module' ? 'module' : 'script',
      checkPrivateFields: false,
      allowAwaitOutsideFunction: false,
      onToken: collectInto(tokens),
    }) as unknown as SyntaxNode;
  } catch (thrown) {
    if (thrown instanceof SyntaxError && typeof (thrown as { pos?: unknown }).pos === 'number') {
      const place = thrown as unknown as { pos: number };
      place.pos = Math.min(Math.max(0, place.pos - prefix.length), code.length);
    }
    throw syntaxError(thrown, code, file);
  }
  const only = onlyFunction(program, place);
  if (only === null || text.slice(prefix.length, only.start).trim() !== '' || text.slice(only.end, text.length - suffix.length).trim() !== '') {
    throw new KeyholeError(
      'SYNTAX',
      `${file}: the text is not exactly one function`,
      'Give the function alone, without anything before or after it.',
    );
  }
  return { program, container: only, text, prefix, tokens };
}

function onlyFunction(program: SyntaxNode, place: FunctionPlace): SyntaxNode | null {
  const statements = children(program, 'body');
  const expression = statements.length === 1 && statements[0] !== undefined ? child(statements[0], 'expression') : null;
  if (expression === null) return null;
  if (place === 'plain') return isFunction(expression) ? expression : null;
  const holder = place === 'class-member' ? child(expression, 'body') : expression;
  const members = holder === null ? [] : children(holder, place === 'class-member' ? 'body' : 'properties');
  const member = members[0];
  if (members.length !== 1 || member === undefined) return null;
  return isMember(member) ? member : null;
}

/** A method or accessor of a class or an object literal: its function's text includes key and modifiers. */
export function isMember(node: SyntaxNode): boolean {
  if (node.type === 'MethodDefinition') return true;
  return node.type === 'Property' && (node.method === true || node.kind === 'get' || node.kind === 'set');
}

/** The function node of a container. */
export function functionOf(container: SyntaxNode): SyntaxNode {
  const value = isMember(container) ? child(container, 'value') : container;
  if (value === null) throw new KeyholeError('INTERNAL', `a ${container.type} without a function`);
  return value;
}
