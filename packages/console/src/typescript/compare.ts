/** What differs between two versions of a file, function by function. Types and comments do not count; what is not a function's can't be changed live. */
import { diffArrays } from 'diff';
import { addressOf, child, lineTable, nameOf, normalForm, typeWrappers, type FunctionEntry, type SyntaxNode } from '@keyhole/agent/source';
import type { RefusedPatch } from '@keyhole/agent/protocol';
import type { AuthorFile } from './parse.ts';

export interface Difference {
  /** Functions whose own code differs: the base's and the new one's. */
  changed: [FunctionEntry, FunctionEntry][];
  /** Everything else, with line and reason. */
  refused: RefusedPatch[];
}

const typeFields = new Set(['accessibility', 'readonly', 'override', 'definite', 'abstract', 'declare', 'implements', 'loc', 'typeOnly']);
/** TypeScript that is code, and not only types. */
const typeScriptCode = new Set([
  'TSEnumDeclaration',
  'TSModuleDeclaration',
  'TSImportEqualsDeclaration',
  'TSExportAssignment',
  'TSParameterProperty',
]);

export function compareFiles(base: AuthorFile, renewed: AuthorFile): Difference {
  const pairs = pairFunctions(base.functions, renewed.functions);
  const placeholders = new Map<SyntaxNode, string>();
  for (const [index, [before, after]] of pairs.entries()) {
    placeholders.set(before.container, `Function(${index})`);
    placeholders.set(after.container, `Function(${index})`);
  }
  const form = (node: SyntaxNode): string => formOf(node, (each) => (each === node ? null : (placeholders.get(each) ?? null)));
  const changed = pairs.filter(([before, after]) => form(before.container) !== form(after.container));
  return { changed, refused: outsideFunctions(base, renewed, form) };
}

/** The form of a node without its types. */
export function formOf(node: SyntaxNode, placeholder: (node: SyntaxNode) => string | null = () => null): string {
  const replace = (each: SyntaxNode): string | null => {
    const instead = placeholder(each);
    if (instead !== null) return instead;
    if (each.importKind === 'type' || each.exportKind === 'type') return '';
    if (each.declare === true) return '';
    if (!each.type.startsWith('TS') || typeScriptCode.has(each.type)) return null;
    const inner = typeWrappers.has(each.type) ? child(each, 'expression') : null;
    return inner === null ? '' : formOf(inner, placeholder);
  };
  // `optional` is a question mark of the types on a name, and an operator on a member or a call.
  const own = normalForm(node, { replace, ignore: typeFields });
  return own
    .replace(/(Identifier\([^()]*?),optional=true/g, '$1')
    .replaceAll('importKind="value"', '')
    .replaceAll('exportKind="value"', '');
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
      if (partner === undefined || partner.kind !== each.kind) continue;
      pairs.push([each, partner]);
      pairWithin(each, partner);
    }
  };
  pairWithin(null, null);
  return pairs;
}

function outsideFunctions(base: AuthorFile, renewed: AuthorFile, form: (node: SyntaxNode) => string): RefusedPatch[] {
  const statements = (author: AuthorFile): { node: SyntaxNode; form: string }[] =>
    (author.program.body as SyntaxNode[]).map((node) => ({ node, form: form(node) })).filter((each) => each.form !== '');
  const before = statements(base);
  const after = statements(renewed);
  const parts = diffArrays(
    before.map((each) => each.form),
    after.map((each) => each.form),
  );
  const lineInBase = lineTable(base.text);
  const lineInNew = lineTable(renewed.text);
  const refused: RefusedPatch[] = [];
  let inBase = 0;
  let inNew = 0;
  for (const [index, part] of parts.entries()) {
    const count = part.value.length;
    // A removal that an addition follows is one change: it is told where it stands now.
    if (part.removed && parts[index + 1]?.added !== true) {
      for (const { node } of before.slice(inBase, inBase + count)) refused.push(refusal(base.file, lineInBase(node.start), node, 'was removed'));
    }
    if (part.added) {
      const verb = parts[index - 1]?.removed === true ? 'changed' : 'is new';
      for (const { node } of after.slice(inNew, inNew + count)) refused.push(refusal(renewed.file, lineInNew(node.start), node, verb));
    }
    if (!part.added) inBase += count;
    if (!part.removed) inNew += count;
  }
  return refused;
}

function refusal(file: string, line: number, node: SyntaxNode, verb: string): RefusedPatch {
  return { address: `${file}:${line}`, why: `${whatIs(node)} ${verb}: it takes a restart` };
}

function whatIs(statement: SyntaxNode): string {
  const node = child(statement, 'declaration') ?? statement;
  const name = nameOf(child(node, 'id')) ?? '';
  switch (node.type) {
    case 'ImportDeclaration':
      return 'an import';
    case 'FunctionDeclaration':
      return `the top-level function ${name}`;
    case 'ClassDeclaration':
      return `the shape of class ${name}`;
    case 'VariableDeclaration':
      return 'a top-level value';
    default:
      return 'code outside of functions';
  }
}

/** The address of a function in terms of the base text, as the process knows it. */
export function baseAddress(base: AuthorFile, entry: FunctionEntry): string {
  return addressOf(base.file, entry);
}
