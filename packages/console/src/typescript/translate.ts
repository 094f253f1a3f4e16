/**
 * Says a function in terms of the running module: what the author imports as `price` may run as `pricing_1.price`. The same translation of the base text has to give what
 * runs; that is the proof that it is right.
 */
import { KeyholeError, type ModuleDetail } from '@keyhole/agent/protocol';
import {
  analyseCaptures,
  child,
  children,
  nameOf,
  parseFunction,
  parseModule,
  below,
  type FunctionEntry,
  type SyntaxNode,
} from '@keyhole/agent/source';
import type { AuthorFile } from './parse.ts';

/** Module names of the author's that run under another expression; null: the running code never brought it in. */
export type Renamings = Map<string, string | null>;

export function renamingsFor(author: AuthorFile, running: ModuleDetail): Renamings {
  const renamings: Renamings = new Map();
  if (running.format !== 'commonjs') return renamings;
  const statements = children(author.program, 'body');
  const imports = statements.filter((each) => each.type === 'ImportDeclaration' && each.importKind !== 'type');
  const exportsVariables = statements.filter(
    (each) => each.type === 'ExportNamedDeclaration' && child(each, 'declaration')?.type === 'VariableDeclaration',
  );
  // CommonJS that its author wrote as such says everything itself.
  if (imports.length === 0 && exportsVariables.length === 0) return renamings;
  const required = requiredModules(parseModule(running.running, 'commonjs', running.file));
  for (const declaration of imports) {
    const holder = required.get(runningSpecifier(nameOf(child(declaration, 'source')) ?? '')) ?? null;
    for (const specifier of children(declaration, 'specifiers')) {
      const local = nameOf(child(specifier, 'local'));
      if (local === null || specifier.importKind === 'type') continue;
      const imported = specifier.type === 'ImportDefaultSpecifier' ? 'default' : nameOf(child(specifier, 'imported'));
      renamings.set(local, holder === null ? null : imported === null ? holder : `${holder}.${imported}`);
    }
  }
  for (const declaration of exportsVariables) {
    for (const declarator of children(child(declaration, 'declaration') ?? declaration, 'declarations')) {
      const name = nameOf(child(declarator, 'id'));
      if (name !== null) renamings.set(name, `exports.${name}`);
    }
  }
  return renamings;
}

/** tsc writes the name of what a TypeScript file becomes. */
function runningSpecifier(specifier: string): string {
  return /^\.{1,2}\//.test(specifier) ? specifier.replace(/\.([mc]?)tsx?$/, '.$1js') : specifier;
}

/** `const pricing_1 = require("./pricing.js")`, also inside `__importDefault(...)` and `__importStar(...)`: specifier -> variable. */
function requiredModules(program: SyntaxNode): Map<string, string> {
  const required = new Map<string, string>();
  for (const statement of children(program, 'body')) {
    for (const declarator of statement.type === 'VariableDeclaration' ? children(statement, 'declarations') : []) {
      const name = nameOf(child(declarator, 'id'));
      const call = child(declarator, 'init');
      const inner = call?.type === 'CallExpression' && /^__import/.test(nameOf(child(call, 'callee')) ?? '') ? children(call, 'arguments')[0] : call;
      if (name === null || inner?.type !== 'CallExpression' || nameOf(child(inner, 'callee')) !== 'require') continue;
      const specifier = children(inner, 'arguments')[0]?.value;
      if (typeof specifier === 'string') required.set(specifier, name);
    }
  }
  return required;
}

/**
 * Translates the text of one function, types already removed.
 * @throws {KeyholeError} NOT_PATCHABLE naming what the running code never brought in.
 */
export function translate(code: string, entry: FunctionEntry, author: AuthorFile, renamings: Renamings, address: string): string {
  if (renamings.size === 0) return code;
  const { program, text, prefix } = parseFunction(code, entry.place, 'module', author.file);
  const captures = analyseCaptures(program);
  const shorthands = new Set<number>();
  collectShorthands(program, shorthands);
  const outer = author.captures.scopeOf(entry.node).parent;
  const edits: { start: number; end: number; text: string }[] = [];
  for (const reference of captures.references) {
    const { name, node, above } = reference;
    const renamed = renamings.get(name);
    if (renamed === undefined || captures.resolve(name, reference.scope) !== null) continue;
    const binding = outer === null ? null : author.captures.resolve(name, outer);
    if (binding !== null && binding.scope !== author.captures.module) continue;
    if (renamed === null) {
      throw new KeyholeError(
        'NOT_PATCHABLE',
        `${address}: the running code never brought in ${name}`,
        'The compiler left that import out, since nothing used it; it takes a deployment.',
      );
    }
    const called = renamed.includes('.') && (child(above, 'callee') === node || child(above, 'tag') === node) && above.type !== 'NewExpression';
    const label = shorthands.has(node.start) ? `${name}: ` : '';
    edits.push({ start: node.start, end: node.end, text: label + (called ? `(0, ${renamed})` : renamed) });
  }
  let translated = text;
  for (const edit of edits.sort((a, b) => b.start - a.start)) translated = translated.slice(0, edit.start) + edit.text + translated.slice(edit.end);
  return translated.slice(prefix.length, prefix.length + code.length + translated.length - text.length);
}

function collectShorthands(node: SyntaxNode, found: Set<number>): void {
  if (node.type === 'Property' && node.shorthand === true) found.add(node.start);
  for (const part of below(node)) collectShorthands(part, found);
}
