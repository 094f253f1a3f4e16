/**
 * What the names of an author's file are in the running module, and whether an expression there really is what the author means: by where the source map says that its variable
 * was declared, or by the import or `require` that it comes from. What can't be shown is not used.
 */
import { KeyholeError, type ModuleDetail } from '@keyhole/agent/protocol';
import {
  Authorship,
  PlaceMap,
  authoredPaths,
  child,
  children,
  indexFunctions,
  lineStarts,
  nameOf,
  type Binding,
  type FunctionEntry,
  type Scope,
  type SyntaxNode,
} from '@keyhole/agent/source';
import type { Holder } from './holders.ts';
import type { Name } from './meant-name.ts';
import { missingMention, type Calls } from './mentions.ts';
import type { AuthorFile } from './parse.ts';
import { privatesAround } from './private-names.ts';
import { Required, declarationForm, exportedBy } from './required.ts';
import { treeOf } from './running-tree.ts';
import { exportedAs, importOf, isRelative, placeOf, type AuthorSources, type Declared, type ImportOf } from './sources.ts';
import { declarationOf, identifier, memberOf, type Tree } from './tree.ts';
import { constantOf, textOfConstant, type Spoken } from './spoken.ts';

export class RunningModule {
  readonly tree: Tree;
  readonly map: PlaceMap | null;
  readonly #author: AuthorFile;
  readonly #sources: AuthorSources;
  /** The author's file as the map names it; null without a map. */
  readonly #source: string | null;
  readonly #authorship: Authorship | null;
  /** What CommonJS puts on `exports`. */
  readonly #exported: ReadonlySet<string>;
  readonly #required: Required;

  constructor(module: ModuleDetail, author: AuthorFile, source: string | null, sources: AuthorSources) {
    this.tree = treeOf(module);
    this.#exported = exportedBy(this.tree.program);
    this.map = module.map === null ? null : new PlaceMap(module.map, module.url);
    this.#author = author;
    this.#source = source;
    this.#sources = sources;
    this.#authorship = this.map === null ? null : new Authorship(module.running, this.map, (each) => sources.text(each));
    this.#required = new Required(this.tree, (binding) => /^_/.test(binding.name) || this.#placeOf(binding) === null);
  }

  /** @throws {KeyholeError} STALE_BASE where the module is not the one the process spoke of. */
  functionAt(start: number, code: string): FunctionEntry {
    const entry = this.tree.functions.find((each) => each.start === start && this.tree.text.slice(each.start, each.end) === code);
    if (entry === undefined) throw new KeyholeError('STALE_BASE', 'the module was loaded anew in the meantime', 'Try again.');
    return entry;
  }

  /** What the module imports, or requires. */
  get specifiers(): Set<string> {
    const imported = children(this.tree.program, 'body').flatMap((each) =>
      each.type === 'ImportDeclaration' ? (nameOf(child(each, 'source')) ?? []) : [],
    );
    return new Set([...imported, ...this.#required.specifiers]);
  }

  /** Whether a variable of the running module can be named at a scope of it. */
  isVisible({ root, text }: Spoken, at: Scope): boolean {
    const name = /^[^.[(]*/.exec(text)?.[0] ?? '';
    if (root === null) return !/^(?:exports|module)$/.test(name) || this.tree.captures.resolve(name, at) === null;
    return this.tree.captures.resolve(name, at) === root;
  }

  /** Whether several of the author's files became this module. */
  get isBundle(): boolean {
    return this.map !== null && this.map.sources.length > 1;
  }

  /** Whether what built this saw more than one file at once, or minified: it may know what a function does, and change who calls it. */
  get mayChangeCalls(): boolean {
    // A map in the text is one long line that nobody runs.
    const text = this.tree.text.replace(/\n\/\/# sourceMappingURL=\S*\s*$/, '');
    return this.map !== null && (this.isBundle || text.length / text.split('\n').length > minifiedLineLength);
  }

  /** See {@link missingMention}. */
  missingMention(holders: readonly Holder[], held: ReadonlySet<Binding>, calls: Calls): string | null {
    const { tree, map } = this;
    const places = { tree, map, author: this.#author, source: this.#source, sources: this.#sources, authorship: this.#authorship };
    return missingMention(places, holders, held, calls);
  }

  /** Whether a variable of the author's is exported, and the running module keeps what is exported beside the variable. */
  hasCopyOnExports(name: string): boolean {
    const isVariable = this.tree.captures.module.bindings.has(name);
    return isVariable && exportedAs(this.#author, name).some((each) => this.#exported.has(each));
  }

  /** Why an expression can not be taken for a name of the author's; null where it is shown to be that. */
  objection(name: Name, spoken: Spoken, compiled: Tree): string | null {
    const said = name.member === null ? name.name : `${name.name}.${name.member}`;
    const constant = spoken.root === null ? constantOf(spoken.node) : null;
    if (constant !== null) {
      return this.constant(name) === textOfConstant(constant)
        ? null
        : `${said} runs as ${spoken.text}, and the author's text does not say that it is`;
    }
    const properties = propertiesOf(spoken.node);
    const binding = this.#author.captures.module.bindings.get(name.name);
    if (binding === undefined)
      return this.#isAlike(name, spoken, compiled) || this.#isOfCompiler(name, spoken, properties, compiled)
        ? null
        : `${spoken.text} of the running code is not the ${said} that a compiler makes of this text`;
    const from = importOf(this.#author, binding);
    if (from === null) {
      if (name.member !== null) return `${said} runs as ${spoken.text}`;
      return this.#isDeclared(binding, spoken, properties) ? null : `${spoken.text} of the running code is not shown to be ${said}`;
    }
    const wanted = name.member !== null && from.imported === '*' ? { ...from, imported: name.member } : from;
    if (name.member !== null && from.imported !== '*') return `${said} runs as ${spoken.text}`;
    return this.#isImported(wanted, spoken, properties) ? null : `${spoken.text} of the running code is not shown to be ${said} of ${from.specifier}`;
  }

  /** The expressions for a name, by how things are declared in the running code; none where it never brought it in. The nearest comes first. */
  find(name: Name, at: Scope, compiled: Tree): Spoken[] {
    const found: Spoken[] = [];
    const consider = (text: string, root: Binding | null, node: SyntaxNode): void => {
      const spoken = { text, root, node };
      if (this.isVisible(spoken, at) && this.objection(name, spoken, compiled) === null) found.push(spoken);
    };
    const own = this.#author.captures.module.bindings.get(name.name);
    const made = own === undefined ? compiled.captures.module.bindings.get(name.name) : undefined;
    // Of what a compiler brings in, only an import says where it comes from.
    const from = own !== undefined ? importOf(this.#author, own) : made === undefined ? null : importOf(compiled, made);
    if (own === undefined && from === null) return [];
    const wanted = name.member !== null && from?.imported === '*' ? name.member : from?.imported;
    if (from !== null && !this.#isValue(from)) return [];
    for (let scope: Scope | null = at; scope !== null; scope = scope.parent) {
      for (const each of scope.bindings.values()) {
        if (this.#required.of(each) === null || this.#required.provides(each, '*')) consider(each.name, each, identifier(each.name));
        if (wanted !== undefined && this.#required.provides(each, wanted))
          consider(`${each.name}.${wanted}`, each, memberOf(identifier(each.name), wanted));
      }
    }
    if (found.length === 0 && from === null && name.member === null)
      consider(`exports.${name.name}`, null, memberOf(identifier('exports'), name.name));
    return found;
  }

  /** The expressions for what a new import means, where the running module has that already: as another import, or as a variable of another file that became a part of it. */
  findImport(wanted: ImportOf, at: Scope): Spoken[] {
    if (!this.#isValue(wanted)) return [];
    const found: Spoken[] = [];
    const consider = (text: string, root: Binding, node: SyntaxNode): void => {
      const spoken = { text, root, node };
      if (this.isVisible(spoken, at) && this.#isImported(wanted, spoken, propertiesOf(node))) found.push(spoken);
    };
    for (let scope: Scope | null = at; scope !== null; scope = scope.parent) {
      for (const each of scope.bindings.values()) {
        const isRequired = this.#required.of(each) !== null;
        if (!isRequired || this.#required.provides(each, '*')) consider(each.name, each, identifier(each.name));
        if (wanted.imported === '*' || (isRequired && !this.#required.provides(each, wanted.imported))) continue;
        consider(`${each.name}.${wanted.imported}`, each, memberOf(identifier(each.name), wanted.imported));
      }
    }
    return found;
  }

  /** The value of what the author's text says is constant, as text; null where it is none or nobody knows. */
  constant({ name, member }: Name): string | null {
    const declared = this.#declared(name, member);
    if (declared === null) return null;
    const constant = this.#sources.constant(declared.variable, declared.member);
    return constant === null ? null : textOfConstant(constant);
  }

  /** The author's functions with what runs for each. */
  functionsOfAuthor(): [FunctionEntry, FunctionEntry][] {
    const running = new Map<string, FunctionEntry>();
    const { functions, program, text } = this.tree;
    const renamed = this.#authorship === null ? functions : indexFunctions(program, text, this.#authorship);
    const authored = this.#authorship === null ? null : authoredPaths(renamed, this.#authorship);
    for (const [index, entry] of functions.entries()) {
      const other = renamed[index];
      const found = other === undefined ? undefined : authored?.get(other);
      const path = authored === null ? entry.path : found?.place.source === this.#source ? found?.path : '';
      if (path !== undefined && path !== '') running.set(path, entry);
    }
    return this.#author.functions.flatMap((entry) => {
      const found = running.get(entry.path);
      return found === undefined ? [] : [[entry, found] as [FunctionEntry, FunctionEntry]];
    });
  }

  /** Running private names by the author's, of the classes around a place. */
  privatesAround(node: SyntaxNode): Map<string, string> {
    return privatesAround(this.tree.program, node, this.#authorship);
  }

  #declared(name: string, member: string | null): { variable: Declared; member: string | null } | null {
    if (this.#source === null) return null;
    const binding = this.#author.captures.module.bindings.get(name);
    const from = binding === undefined ? null : importOf(this.#author, binding);
    if (from === null) return { variable: { source: this.#source, name }, member };
    const ofNamespace = from.imported === '*' && member !== null;
    const target = this.#sources.imported(this.#source, ofNamespace ? { ...from, imported: member } : from);
    return target === null || 'module' in target ? null : { variable: target, member: ofNamespace ? null : member };
  }

  /** The file of the author's that would say what a name is, where nobody knows its text. */
  unknownFile({ name }: Name): string | null {
    const binding = this.#author.captures.module.bindings.get(name);
    const from = binding === undefined ? null : importOf(this.#author, binding);
    if (from === null || this.#source === null || this.#sources.imported(this.#source, from) !== null) return null;
    return from.specifier;
  }

  /** Whether an import means a value that is there when the module runs. What other packages export is theirs to know. */
  #isValue(from: ImportOf): boolean {
    if (this.#source === null || from.imported === '*' || from.imported === '=') return true;
    const target = this.#sources.imported(this.#source, from);
    if (target === null) return false;
    if ('module' in target || target.name === null) return true;
    return this.#sources.enumOf(target)?.const !== true;
  }

  /** A variable that a compiler made is called and declared the same in what the same compiler makes of the same text. */
  #isAlike({ name, member }: Name, { root, text }: Spoken, compiled: Tree): boolean {
    const made = compiled.captures.module.bindings.get(name);
    if (made === undefined || root === null || member !== null || text !== name || this.#placeOf(root) !== null) return false;
    return declarationForm(compiled, made) === declarationForm(this.tree, root);
  }

  /** What a compiler imports by itself, as it does for elements, is what the running module has from there. */
  #isOfCompiler({ name, member }: Name, spoken: Spoken, properties: string[] | null, compiled: Tree): boolean {
    const made = compiled.captures.module.bindings.get(name);
    const from = made === undefined || member !== null ? null : importOf(compiled, made);
    return from !== null && this.#isImported(from, spoken, properties);
  }

  #isDeclared(binding: Binding, { root, text }: Spoken, properties: string[] | null): boolean {
    if (this.#source === null) return text === binding.name;
    if (root === null) return text === `exports.${binding.name}` && this.#exported.has(binding.name);
    if (properties === null || properties.length > 0) return false;
    return this.#isFrom({ source: this.#source, name: binding.name }, root);
  }

  #isImported(from: ImportOf, { root }: Spoken, properties: string[] | null): boolean {
    if (root === null || properties === null) return false;
    const inModule = importOf(this.tree, root);
    if (inModule !== null && this.#isSameModule(inModule.specifier, from.specifier)) {
      if (inModule.imported === from.imported) return properties.length === 0;
      return inModule.imported === '*' && properties.length === 1 && properties[0] === from.imported;
    }
    const specifier = this.#required.of(root);
    if (specifier !== null && this.#isSameModule(specifier, from.specifier)) {
      if (from.imported === '*' || from.imported === '=') return properties.length === 0;
      return properties.length === 1 && properties[0] === from.imported;
    }
    if (this.#source === null || properties.length > 0) return false;
    const target = this.#sources.imported(this.#source, from);
    if (target === null) return false;
    if (!('module' in target)) return this.#isFrom(target, root);
    return inModule !== null && inModule.specifier === target.module && inModule.imported === target.imported;
  }

  /** TypeScript names what a file becomes, some compilers what it is, and some builds the file that a folder stands for. */
  #isSameModule(running: string, authors: string): boolean {
    if (running === authors) return true;
    if (!isRelative(authors)) return false;
    if (withoutEnding(running) === withoutEnding(authors)) return true;
    const file = this.#source === null || !isRelative(running) ? null : this.#sources.resolve(this.#source, authors);
    return file !== null && withoutEnding(new URL(running, this.#source ?? '').href) === withoutEnding(file);
  }

  /** Whether the source map says that a running variable was declared as that one of the author's. */
  #isFrom({ source, name }: Declared, root: Binding): boolean {
    const place = this.#placeOf(root);
    const file = this.#sources.file(source) ?? (source === this.#source ? this.#author : null);
    if (place === null || file === null || name === null || place.source !== source) return false;
    const binding = file.captures.module.bindings.get(name);
    if (binding === undefined) return name === 'default' && place.name === 'default';
    const declared = placeOf(file, binding);
    if (declared === null) return false;
    if (place.line === declared.line && place.column === declared.column) return true;
    const offset = (lineStarts(file.text)[place.line - 1] ?? 0) + place.column;
    return place.name === name && declared.from <= offset && offset <= declared.to;
  }

  /** What the source map says of a variable's own name. */
  #placeOf(binding: Binding): { source: string; line: number; column: number; name: string | null } | null {
    if (this.#authorship === null) return null;
    const node = declarationOf(this.tree, binding);
    const place = node === null ? null : this.#authorship.exactly(node.start);
    return place === null || node === null ? null : { ...place, name: this.#authorship.of(node) };
  }
}

/** Longer lines than anybody writes. */
const minifiedLineLength = 300;

function withoutEnding(specifier: string): string {
  return specifier.replace(/\.[mc]?[jt]sx?$/, '');
}

/** The properties of a chain after its first name; null for anything else. */
function propertiesOf(node: SyntaxNode): string[] | null {
  const names: string[] = [];
  let at: SyntaxNode | null = node;
  for (; at?.type === 'MemberExpression'; at = child(at, 'object')) names.unshift(nameOf(child(at, 'property')) ?? '');
  return at?.type === 'Identifier' ? names : null;
}
