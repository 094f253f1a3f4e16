/** Imports of patches in the author's file: whether they are there, and where they go. */
import { KeyholeError, type PatchImport } from '@keyhole/agent/protocol';
import { child, children, nameOf, type SyntaxNode } from '@keyhole/agent/source';
import { importLine } from '../render/import-line.ts';
import { parseAuthor, type AuthorFile } from './parse.ts';
import { importOf } from './sources.ts';

/** The imports that the file does not have. */
export function importsMissing(author: AuthorFile, imports: readonly PatchImport[]): PatchImport[] {
  return imports.filter(({ local, specifier, imported }) => {
    const binding = author.captures.module.bindings.get(local);
    const from = binding === undefined ? null : importOf(author, binding);
    return from?.specifier !== specifier || from.imported !== imported || (binding !== undefined && isOfTypes(author, binding.declaration));
  });
}

/**
 * The text with what it does not import yet: beside its other names of that module, or in a line after its last import.
 * @throws {KeyholeError} GIT where the file has something else of that name.
 */
export function withImports(text: string, file: string, wanted: readonly PatchImport[]): string {
  let renewed = text;
  for (const each of wanted) {
    const author = parseAuthor(renewed, file);
    if (importsMissing(author, [each]).length === 0) continue;
    const imports = children(author.program, 'body').filter(({ type }) => type === 'ImportDeclaration');
    const names = imports.flatMap((statement) => children(statement, 'specifiers'));
    // A name that is imported as a type is none of the module's.
    if (author.captures.module.bindings.has(each.local) || names.some((specifier) => nameOf(child(specifier, 'local')) === each.local)) {
      throw new KeyholeError(
        'GIT',
        `${file} has another ${each.local} than the one that the patch imports from ${each.specifier}`,
        'Nothing was exported.',
      );
    }
    renewed = withImport(author, each);
  }
  return renewed;
}

function withImport({ text, program }: AuthorFile, given: PatchImport): string {
  const statements = children(program, 'body').filter((each) => each.type === 'ImportDeclaration');
  const beside = statements.find((each) => nameOf(child(each, 'source')) === given.specifier && each.importKind !== 'type');
  const named = children(beside ?? program, 'specifiers').filter((each) => each.type === 'ImportSpecifier');
  const last = named.at(-1);
  const insert = (at: number, more: string): string => text.slice(0, at) + more + text.slice(at);
  if (last !== undefined && given.imported !== '*' && given.imported !== 'default') {
    return insert(last.end, `, ${given.imported === given.local ? given.local : `${given.imported} as ${given.local}`}`);
  }
  const end = text.includes('\r\n') ? '\r\n' : '\n';
  const model = statements.at(-1);
  const source = model === undefined ? null : child(model, 'source');
  const line = importLine(given, source === null ? "'" : text.charAt(source.start));
  if (model !== undefined) return insert(endOfLine(text, model.end, program), `${end}${line}${text.charAt(model.end - 1) === ';' ? ';' : ''}`);
  const first = children(program, 'body').find((each) => typeof each.directive !== 'string');
  return insert(first?.start ?? text.length, `${line};${end}`);
}

/** Behind a comment that belongs to the line; before whatever else is code. */
function endOfLine(text: string, at: number, program: SyntaxNode): number {
  const line = /[^\r\n]*/y;
  line.lastIndex = at;
  const end = at + (line.exec(text)?.[0].length ?? 0);
  return children(program, 'body').some(({ start }) => start >= at && start < end) ? at : end;
}

function isOfTypes({ program }: AuthorFile, specifier: SyntaxNode): boolean {
  const statement = children(program, 'body').find((each) => each.start <= specifier.start && specifier.end <= each.end);
  return specifier.importKind === 'type' || statement?.importKind === 'type';
}
