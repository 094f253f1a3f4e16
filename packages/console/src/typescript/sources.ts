/** The author's files around one file: what they export, and which of their values are constants that a compiler may put in place of a name. */
import { child, children, lineTable, nameOf, type Binding, type SyntaxNode } from '@keyhole/agent/source';
import { parseAuthor, type AuthorFile } from './parse.ts';
import { declarationOf } from './tree.ts';
import { bare, constantOf } from './spoken.ts';

/** A variable of an author's file; `name` is null for the file's namespace as a whole. */
export interface Declared {
  source: string;
  name: string | null;
}

/** Where an import leads: a file of the author's, or a module that he did not write. */
type Export = Declared | { module: string; imported: string };

export interface ImportOf {
  specifier: string;
  /** `default`, `*` for the namespace, `=` for what `require` gives. */
  imported: string;
}

const endings = ['', '.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs', '/index.ts', '/index.tsx', '/index.js'];

export class AuthorSources {
  readonly #texts: ReadonlyMap<string, string>;
  readonly #files = new Map<string, AuthorFile | null>();

  /** @param texts by the url of each file. */
  constructor(texts: ReadonlyMap<string, string>) {
    this.#texts = texts;
  }

  file(source: string): AuthorFile | null {
    let file = this.#files.get(source);
    if (file === undefined) {
      const text = this.#texts.get(source);
      file = null;
      try {
        if (text !== undefined) file = parsed(text, source);
      } catch {
        // What can't be read is as good as not there: names of it are refused.
      }
      this.#files.set(source, file);
    }
    return file;
  }

  text(source: string): string | null {
    return this.#texts.get(source) ?? null;
  }

  /** The file that a relative specifier means, or null. */
  resolve(from: string, specifier: string): string | null {
    return resolved(from, specifier).find((each) => this.#texts.has(each)) ?? null;
  }

  /** What a file exports under a name, through whatever it is exported again; null where nobody knows. */
  exportOf(source: string, name: string, seen: ReadonlySet<string> = new Set()): Export | null {
    const key = `${source} ${name}`;
    const file = this.file(source);
    if (file === null || seen.has(key)) return null;
    const inside = new Set([...seen, key]);
    if (name === '*') return { source, name: null };
    let everything: Export | null = null;
    for (const statement of children(file.program, 'body')) {
      const from = nameOf(child(statement, 'source'));
      if (statement.type === 'ExportAllDeclaration' && from !== null) {
        const as = nameOf(child(statement, 'exported'));
        if (as === name) return this.imported(source, { specifier: from, imported: '*' }, inside);
        if (as === null && name !== 'default') everything ??= this.imported(source, { specifier: from, imported: name }, inside);
      }
      if (statement.type === 'ExportDefaultDeclaration' && name === 'default') {
        const declaration = child(statement, 'declaration');
        const own = declaration === null ? null : nameOf(child(declaration, 'id'));
        if (own !== null) return { source, name: own };
        return declaration?.type === 'Identifier' ? this.#variable(file, source, String(declaration.name), inside) : { source, name: 'default' };
      }
      if (statement.type !== 'ExportNamedDeclaration') continue;
      for (const specifier of children(statement, 'specifiers')) {
        if (nameOf(child(specifier, 'exported')) !== name) continue;
        const local = nameOf(child(specifier, 'local')) ?? '';
        return from === null ? this.#variable(file, source, local, inside) : this.imported(source, { specifier: from, imported: local }, inside);
      }
      if (from === null && file.captures.module.bindings.has(name) && declaresName(child(statement, 'declaration'), name)) return { source, name };
    }
    return everything;
  }

  /** Where an import of a file leads. */
  imported(source: string, { specifier, imported }: ImportOf, seen?: ReadonlySet<string>): Export | null {
    if (!isRelative(specifier)) return { module: specifier, imported };
    const target = this.resolve(source, specifier);
    return target === null ? null : this.exportOf(target, imported, seen);
  }

  #variable(file: AuthorFile, source: string, name: string, seen: ReadonlySet<string>): Export | null {
    const binding = file.captures.module.bindings.get(name);
    if (binding === undefined) return null;
    const from = importOf(file, binding);
    return from === null ? { source, name } : this.imported(source, from, seen);
  }

  /** The enum of that name, where it is one. */
  enumOf({ source, name }: Declared): { const: boolean; declarations: SyntaxNode[] } | null {
    const program = this.file(source)?.program;
    const found = program === undefined ? [] : enumsOf(program).filter((each) => nameOf(child(each, 'id')) === name);
    const [first] = found;
    return first === undefined ? null : { const: first.const === true, declarations: found };
  }

  /** The value of a constant or of an enum's member, as {@link constantOf} writes it; null where it is none or nobody knows. */
  constant(declared: Declared, member: string | null): string | null {
    const file = this.file(declared.source);
    if (file === null || declared.name === null) return null;
    const found = this.enumOf(declared);
    if (member !== null) return found === null ? null : (memberValues(found.declarations).get(member) ?? null);
    const binding = file.captures.module.bindings.get(declared.name);
    if (found !== null || binding?.kind !== 'const') return null;
    const value = initializerOf(file.program, declared.name);
    return value === null ? null : constantOf(bare(value));
  }
}

/** Files that were parsed, by url: those of a bundle are looked at once for each file of a commit that became a part of it. */
const known = new Map<string, AuthorFile>();
const maxKnown = 2_000;

function parsed(text: string, source: string): AuthorFile {
  const there = known.get(source);
  if (there?.text === text) return there;
  if (known.size >= maxKnown) known.clear();
  const file = parseAuthor(text, source);
  known.set(source, file);
  return file;
}

/** A package does not import the files of a service. */
export function isOfPackage(source: string): boolean {
  return source.includes('/node_modules/');
}

/** webpack's own code stands in its maps as if it were files. */
export function isOfBundler(source: string): boolean {
  return /\/webpack\/(?:bootstrap|before-startup|startup|after-startup|universalModuleDefinition$|runtime\/)/.test(source);
}

/** Relative specifiers as the urls they may mean. */
export function resolved(from: string, specifier: string): string[] {
  return candidates(specifier).map((each) => new URL(each, from).href);
}

/** The files that a relative specifier may mean, the first that is there: TypeScript names what a file becomes. */
export function candidates(specifier: string): string[] {
  if (!isRelative(specifier)) return [];
  const bases = [specifier, specifier.replace(/\.([mc]?)jsx?$/, '')];
  const typed = specifier.replace(/\.([mc]?)js(x?)$/, '.$1ts$2');
  return [typed, ...bases.flatMap((base) => endings.map((ending) => base + ending))];
}

export function isRelative(specifier: string): boolean {
  return /^\.{1,2}(?:\/|$)/.test(specifier);
}

/** What a module variable is imported as; null where the file declares it. */
export function importOf({ program }: { program: SyntaxNode }, binding: Binding): ImportOf | null {
  if (binding.kind !== 'import') return null;
  const { declaration } = binding;
  if (declaration.type === 'TSImportEqualsDeclaration') {
    const reference = child(declaration, 'moduleReference');
    const specifier = reference === null ? null : nameOf(child(reference, 'expression'));
    return specifier === null ? null : { specifier, imported: '=' };
  }
  const statement = children(program, 'body').find(
    (each) => each.type === 'ImportDeclaration' && each.start <= declaration.start && declaration.end <= each.end,
  );
  const specifier = statement === undefined ? null : nameOf(child(statement, 'source'));
  if (specifier === null) return null;
  if (declaration.type === 'ImportDefaultSpecifier') return { specifier, imported: 'default' };
  return { specifier, imported: declaration.type === 'ImportNamespaceSpecifier' ? '*' : (nameOf(child(declaration, 'imported')) ?? '') };
}

/** The line and column of a variable's name in its file, and the statement around it. */
export function placeOf(file: AuthorFile, binding: Binding): { line: number; column: number; from: number; to: number } | null {
  const node = declarationOf(file, binding);
  if (node === null) return null;
  const statement = children(file.program, 'body').find((each) => each.start <= node.start && node.end <= each.end);
  const line = lineTable(file.text)(node.start);
  return { line, column: node.start - file.text.lastIndexOf('\n', node.start - 1) - 1, from: statement?.start ?? node.start, to: node.end };
}

/** The names under which a file exports a variable of its own. */
export function exportedAs({ program }: AuthorFile, name: string): string[] {
  return children(program, 'body').flatMap((statement) => {
    if (statement.type !== 'ExportNamedDeclaration' || child(statement, 'source') !== null) return [];
    if (declaresName(child(statement, 'declaration'), name)) return [name];
    return children(statement, 'specifiers')
      .filter((each) => nameOf(child(each, 'local')) === name)
      .map((each) => nameOf(child(each, 'exported')) ?? '');
  });
}

function declaresName(declaration: SyntaxNode | null, name: string): boolean {
  if (declaration === null || declaration.declare === true || declaration.type.endsWith('AliasDeclaration')) return false;
  if (declaration.type === 'TSInterfaceDeclaration') return false;
  const ids =
    declaration.type === 'VariableDeclaration' ? children(declaration, 'declarations').map((each) => child(each, 'id')) : [child(declaration, 'id')];
  return ids.some((id) => id !== null && (nameOf(id) === name || id.type.endsWith('Pattern')));
}

function enumsOf(program: SyntaxNode): SyntaxNode[] {
  return children(program, 'body')
    .map((each) => (each.type === 'ExportNamedDeclaration' ? (child(each, 'declaration') ?? each) : each))
    .filter((each) => each.type === 'TSEnumDeclaration');
}

function initializerOf(program: SyntaxNode, name: string): SyntaxNode | null {
  for (const statement of children(program, 'body')) {
    const declaration = child(statement, 'declaration') ?? statement;
    for (const declarator of declaration.type === 'VariableDeclaration' ? children(declaration, 'declarations') : []) {
      if (nameOf(child(declarator, 'id')) === name) return child(declarator, 'init');
    }
  }
  return null;
}

/** Members whose value stands in the text, or follows from the one before. */
function memberValues(declarations: readonly SyntaxNode[]): Map<string, string> {
  const values = new Map<string, string>();
  for (const declaration of declarations) {
    let next: number | null = 0;
    const body = child(declaration, 'body');
    for (const member of children(body ?? declaration, 'members')) {
      const name = nameOf(child(member, 'id'));
      const initializer = child(member, 'initializer');
      const value: string | null = initializer === null ? (next === null ? null : `number:${next}`) : constantOf(bare(initializer));
      next = value?.startsWith('number:') === true ? Number(value.slice(7)) + 1 : null;
      if (name !== null && value !== null) values.set(name, value);
    }
  }
  return values;
}
