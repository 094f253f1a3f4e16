/**
 * What differs between two versions of a file, function by function. Types and comments do not count. A function's own code can change live; everything around it can't: how it is
 * held, what is decorated, what runs once when the module is loaded. What is not shown to be only a function's is refused.
 */
import { diffArrays } from 'diff';
import {
  addressOf,
  below,
  child,
  children,
  functionOf,
  isFunction,
  isMember,
  lineTable,
  nameOf,
  type FunctionEntry,
  type SyntaxNode,
} from '@keyhole/agent/source';
import type { RefusedPatch } from '@keyhole/agent/protocol';
import { formOf, isOnlyTypes, namesInTypes } from './forms.ts';
import { factoryNames, pragmasIn } from './jsx.ts';
import { mayHoldJsx, type AuthorFile } from './parse.ts';

export interface Difference {
  /** Functions whose own code differs: the base's and the new one's. */
  changed: [FunctionEntry, FunctionEntry][];
  /** Names that are imported now and were not: a patch that uses one can bring it. */
  imports: AddedImport[];
  /** Everything else, with line and reason. */
  refused: RefusedPatch[];
}

export interface AddedImport extends RefusedPatch {
  local: string;
}

export function compareFiles(base: AuthorFile, renewed: AuthorFile): Difference {
  const pairs = pairFunctions(base.functions, renewed.functions);
  const placeholders = new Map<SyntaxNode, string>();
  for (const [index, pair] of pairs.entries()) for (const { container } of pair) placeholders.set(container, `Function(${index})`);
  const around = (node: SyntaxNode): string => formOf(node, (each) => held(each, placeholders));
  const own = ({ container }: FunctionEntry): string => ownForm(container, (each) => held(each, placeholders));
  const differing = pairs.filter(([before, after]) => own(before) !== own(after));
  const result: Difference = { changed: [], ...outsideFunctions(base, renewed, around) };
  const once = onceCalled(base.program);
  for (const [before, after] of differing) {
    // It goes with the function around it, and can't be told from its siblings.
    if (before.path === '' && differing.some(([each]) => isAround(each, before))) continue;
    if (once.has(before.container)) {
      result.refused.push({
        address: `${renewed.file}:${after.line}`,
        why: 'a function that ran when the module was loaded changed: it takes a restart',
      });
    } else result.changed.push([before, after]);
  }
  return result;
}

/** A function in what is around it: not its own code, but what it is and how it is held there. */
function held(container: SyntaxNode, placeholders: ReadonlyMap<SyntaxNode, string>): string | null {
  const placeholder = placeholders.get(container);
  if (placeholder === undefined) return null;
  const inside = (node: SyntaxNode | null): string => (node === null ? '' : formOf(node, (each) => held(each, placeholders)));
  const node = functionOf(container);
  const parts = [
    placeholder,
    container.type,
    typeof container.kind === 'string' ? container.kind : '',
    container.static === true ? 'static' : '',
    container.computed === true ? inside(child(container, 'key')) : '',
    ...children(container, 'decorators').map(inside),
    ...children(node, 'params').flatMap((each) => [
      ...children(each, 'decorators').map(inside),
      ...(each.type === 'TSParameterProperty'
        ? [`property ${parameterName(each)}`, ...children(child(each, 'parameter') ?? each, 'decorators').map(inside)]
        : []),
    ]),
  ];
  return parts.join(' ');
}

/** The code of a function: parameters, body, whether it is async or a generator. */
function ownForm(container: SyntaxNode, placeholder: (node: SyntaxNode) => string | null): string {
  const node = functionOf(container);
  const decorators = new Set(
    children(node, 'params').flatMap((each) => [...children(each, 'decorators'), ...children(child(each, 'parameter') ?? each, 'decorators')]),
  );
  return formOf(node, (each) => (decorators.has(each) ? '' : each === node ? null : placeholder(each)));
}

function parameterName(property: SyntaxNode): string {
  const parameter = child(property, 'parameter');
  return nameOf(parameter?.type === 'AssignmentPattern' ? child(parameter, 'left') : parameter) ?? '';
}

function isAround(outer: FunctionEntry, entry: FunctionEntry): boolean {
  for (let at = entry.parent; at !== null; at = at.parent) if (at === outer) return true;
  return false;
}

/** Functions that the module itself calls where they are written. */
function onceCalled(program: SyntaxNode): Set<SyntaxNode> {
  const found = new Set<SyntaxNode>();
  const walk = (node: SyntaxNode): void => {
    if (isFunction(node)) return;
    const callee = node.type === 'CallExpression' || node.type === 'NewExpression' ? child(node, 'callee') : null;
    if (callee !== null) {
      // `(function () {}).call(this)` as well.
      const object = callee.type === 'MemberExpression' ? child(callee, 'object') : callee;
      if (object !== null && isFunction(object)) found.add(object);
    }
    for (const part of below(node)) walk(part);
  };
  walk(program);
  return found;
}

/** Pairs functions by name, and nameless ones by order where both sides have as many. */
function pairFunctions(olds: readonly FunctionEntry[], news: readonly FunctionEntry[]): [FunctionEntry, FunctionEntry][] {
  const pairs: [FunctionEntry, FunctionEntry][] = [];
  const pairWithin = (oldParent: FunctionEntry | null, newParent: FunctionEntry | null): void => {
    const before = olds.filter((each) => each.parent === oldParent);
    const after = news.filter((each) => each.parent === newParent);
    const namelessBefore = before.filter((each) => each.path === '');
    const namelessAfter = after.filter((each) => each.path === '');
    for (const each of before) {
      const nameless = namelessBefore.indexOf(each);
      const partner =
        nameless === -1
          ? after.find((other) => other.path === each.path)
          : namelessBefore.length === namelessAfter.length
            ? namelessAfter[nameless]
            : undefined;
      if (partner === undefined || partner.kind !== each.kind || isMember(partner.container) !== isMember(each.container)) continue;
      pairs.push([each, partner]);
      pairWithin(each, partner);
    }
  };
  pairWithin(null, null);
  return pairs;
}

interface Statement {
  node: SyntaxNode;
  form: string;
  /** The name, where it is one that is imported. */
  imports?: string;
}

function outsideFunctions(base: AuthorFile, renewed: AuthorFile, form: (node: SyntaxNode) => string): Pick<Difference, 'imports' | 'refused'> {
  const inTypes = new Set([base, renewed].filter(({ language }) => language === 'ts').flatMap(({ program }) => [...namesInTypes(program)]));
  const before = statementsOf(base, inTypes, form);
  const after = statementsOf(renewed, inTypes, form);
  const parts = diffArrays(
    before.map((each) => each.form),
    after.map((each) => each.form),
  );
  const removed: Statement[] = [];
  const added: (Statement & { replaces: boolean })[] = [];
  let inBase = 0;
  let inNew = 0;
  for (const [index, part] of parts.entries()) {
    const count = part.value.length;
    // A removal that an addition follows is one change: it is told where it stands now.
    if (part.removed && parts[index + 1]?.added !== true) removed.push(...before.slice(inBase, inBase + count));
    if (part.added) {
      const replaced = parts[index - 1]?.removed === true ? before.slice(inBase - (parts[index - 1]?.value.length ?? 0), inBase) : [];
      const kept = replaced.filter((each) => !isMoved(each, after));
      added.push(
        ...after
          .slice(inNew, inNew + count)
          .map((each) => ({ ...each, replaces: kept.some((other) => (other.imports === undefined) === (each.imports === undefined)) })),
      );
      // An import that is new speaks for itself alone.
      const speaks = after.slice(inNew, inNew + count).some((each) => each.imports === undefined && !isMoved(each, before));
      removed.push(...kept.filter((each) => !speaks || each.imports !== undefined));
    }
    if (!part.added) inBase += count;
    if (!part.removed) inNew += count;
  }
  const lineInBase = lineTable(base.text);
  const lineInNew = lineTable(renewed.text);
  const fresh = added
    .filter((each) => !isMoved(each, before))
    .map(({ node, imports, replaces }) => ({
      imports,
      refusal: refusal(renewed.file, lineInNew(node.start), node, replaces ? 'changed' : 'is new'),
    }));
  return {
    imports: fresh.flatMap(({ imports, refusal: why }) => (imports === undefined ? [] : [{ ...why, local: imports }])),
    refused: [
      ...changedPragmas(base, renewed),
      ...removed
        .filter((each) => !isMoved(each, after) && !isForgotten(each, renewed))
        .map(({ node }) => refusal(base.file, lineInBase(node.start), node, 'was removed')),
      ...fresh.flatMap(({ imports, refusal: why }) => (imports === undefined ? [why] : [])),
    ],
  };
}

/** An import that is gone, or of types alone now, and that no code could mean any more: what runs keeps it, and does not use it. */
function isForgotten({ imports }: Statement, renewed: AuthorFile): boolean {
  const { captures } = renewed;
  if (imports === undefined || factoryNames(renewed).has(imports)) return false;
  return !captures.references.some(({ name, scope }) => {
    const binding = name === imports ? captures.resolve(name, scope) : undefined;
    return binding === null || binding?.scope === captures.module;
  });
}

/** New imports that no function needs which is patched: what is patched has them, what else would use them takes a restart. */
export function idleImports({ captures }: AuthorFile, added: readonly AddedImport[], patched: readonly FunctionEntry[]): RefusedPatch[] {
  const used = new Set(
    captures.references
      .filter(({ node }) => patched.some(({ container }) => container.start <= node.start && node.end <= container.end))
      .filter(({ name, scope }) => captures.resolve(name, scope)?.scope === captures.module)
      .map(({ name }) => name),
  );
  return added.filter(({ local }) => !used.has(local)).map(({ address, why }) => ({ address, why }));
}

/** A comment that is code to a compiler. */
function changedPragmas(base: AuthorFile, renewed: AuthorFile): RefusedPatch[] {
  const isSame = pragmasIn(base.text).join() === pragmasIn(renewed.text).join();
  return isSame || !mayHoldJsx(renewed.file)
    ? []
    : [{ address: renewed.file, why: 'a comment that says how JSX is compiled changed: it takes a restart' }];
}

/** Statements that are code. Function declarations are there before anything runs, wherever they stand. */
function isMoved({ node, form }: Statement, others: readonly Statement[]): boolean {
  const declaration = node.type === 'ExportNamedDeclaration' ? (child(node, 'declaration') ?? node) : node;
  return declaration.type === 'FunctionDeclaration' && others.some((each) => each.form === form);
}

function statementsOf(author: AuthorFile, inTypes: ReadonlySet<string>, form: (node: SyntaxNode) => string): Statement[] {
  const used = new Set([...author.captures.references.map((each) => each.name), ...factoryNames(author)]);
  const isType = (specifier: SyntaxNode): boolean => {
    const local = nameOf(child(specifier, 'local')) ?? '';
    return specifier.importKind === 'type' || (inTypes.has(local) && !used.has(local));
  };
  const statements: Statement[] = [];
  for (const node of children(author.program, 'body')) {
    if (isOnlyTypes(node)) continue;
    const specifiers = children(node, 'specifiers');
    if (node.type === 'ImportDeclaration' && specifiers.length > 0) {
      // Compilers leave out what only types use.
      for (const each of specifiers.filter((specifier) => !isType(specifier))) {
        statements.push({ node, form: form({ ...node, specifiers: [each] }), imports: nameOf(child(each, 'local')) ?? '' });
      }
      continue;
    }
    const text = form(node);
    if (text !== '' && !isEmptyExport(node)) statements.push({ node, form: text });
  }
  return statements;
}

/** `export interface X {}` and `export {}` leave nothing. */
function isEmptyExport(node: SyntaxNode): boolean {
  if (node.type !== 'ExportNamedDeclaration' || node.source != null) return false;
  const declaration = child(node, 'declaration');
  return declaration === null ? children(node, 'specifiers').length === 0 : isOnlyTypes(declaration);
}

function refusal(file: string, line: number, node: SyntaxNode, verb: string): RefusedPatch {
  return { address: `${file}:${line}`, why: `${whatIs(node)} ${verb}: it takes a restart` };
}

function whatIs(statement: SyntaxNode): string {
  const node = child(statement, 'declaration') ?? statement;
  const name = nameOf(child(node, 'id')) ?? '';
  switch (node.type) {
    case 'ImportDeclaration':
    case 'TSImportEqualsDeclaration':
      return 'an import';
    case 'FunctionDeclaration':
      return `the top-level function ${name}`;
    case 'ClassDeclaration':
      return `the shape of class ${name}`;
    case 'VariableDeclaration':
      return 'a top-level value';
    case 'TSEnumDeclaration':
      return `the enum ${name}`;
    case 'TSModuleDeclaration':
      return `the namespace ${name}`;
    default:
      return statement.type.startsWith('Export') ? 'what is exported' : 'code outside of functions';
  }
}

/** The address of a function in terms of the base text, as the process knows it. */
export function baseAddress(base: AuthorFile, entry: FunctionEntry): string {
  return addressOf(base.file, entry);
}
