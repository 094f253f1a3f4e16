/**
 * From a function as its author writes it to the same function in terms of the running module. First the text that is said to run is held against what runs, compiled in one way
 * after the other until one agrees: that proves the text, and tells what the author's names are there. The new text is then compiled in the same way and says the same names.
 */
import { KeyholeError, type FunctionDetail } from '@keyhole/agent/protocol';
import { assignedIn, child, lineTable, nameOf, type FunctionEntry, type Scope, type SyntaxNode } from '@keyhole/agent/source';
import { changedCalls } from './callers.ts';
import { CompiledFiles } from './compiled-files.ts';
import { compilersOf, type Compiler } from './compilers.ts';
import { emit, layoutOf, startOf, type Speech } from './emit.ts';
import { FreshImports, type Translated } from './fresh-imports.ts';
import { elementsIn, forDevelopment, isFragmentIn, jsxForms } from './jsx.ts';
import type { AuthorFile } from './parse.ts';
import { partedWhere } from './disagreement.ts';
import type { Prepared, Proof } from './proven.ts';
import { declarationForm, importsIn } from './required.ts';
import { keyOf, nameOfKey, type Name } from './meant-name.ts';
import type { RunningModule } from './running.ts';
import { checkSaid } from './said.ts';
import type { Spoken } from './spoken.ts';
import { withoutTypes } from './strip.ts';
import { bindingOf, scopeAround, type Tree } from './tree.ts';
import { unify, type Agreement } from './unify.ts';

export class Translator {
  readonly #author: AuthorFile;
  readonly #running: RunningModule;
  readonly #format: 'module' | 'commonjs';
  readonly #proofs = new Map<string, { entry: FunctionEntry; running: FunctionEntry; found: Proof[]; more: Generator<Proof, undefined> }>();
  readonly #compiledFiles = new CompiledFiles();
  readonly #lessons = new Map<Compiler | null, Map<string, { spoken: Spoken; compiled: Tree }[]>>();
  /** The compiler that fitted last is tried first. */
  #order: (Compiler | null)[];

  constructor(author: AuthorFile, running: RunningModule, format: 'module' | 'commonjs') {
    this.#author = author;
    this.#running = running;
    this.#format = format;
    // Without a map the text that runs is what its author wrote, less the types.
    this.#order = running.map === null ? [null] : [null, ...compilersOf(jsxForms(author, running.specifiers))];
  }

  /** @throws {KeyholeError} NOT_PATCHABLE where the running code does not come from the author's text. */
  prove(entry: FunctionEntry, detail: FunctionDetail): void {
    const running = this.#running.functionAt(detail.start, detail.originalCode);
    const proofs = this.#proofsOf(entry, running);
    const { value: first } = proofs.next();
    if (first === undefined) throw this.#unproven(entry, running, detail.address);
    this.#proofs.set(detail.address, { entry, running, found: [first], more: proofs });
  }

  /**
   * @param address of a function that was proven.
   * @throws {KeyholeError} NOT_PATCHABLE naming the line of what can't be said, SYNTAX.
   */
  translate(renewed: AuthorFile, after: FunctionEntry, address: string): Translated {
    const proven = this.#proofs.get(address);
    if (proven === undefined) throw new KeyholeError('INTERNAL', `${address} was not proven`);
    const why = changedCalls(this.#author, proven.entry, renewed, after, this.#running, proven.running);
    if (why !== null) throw new KeyholeError('NOT_PATCHABLE', `${address}: ${why}`, 'Deploy it.');
    let refusal: unknown;
    let importing: Translated | null = null;
    let isOfElements = false;
    // What the old text left open, the new one may need: private names that the build lowered, or a compiler at all.
    for (let index = 0; ; index += 1) {
      const proof = proven.found[index] ?? proven.more.next().value;
      if (proof === undefined && importing !== null) return importing;
      if (proof === undefined) throw refusal;
      proven.found[index] = proof;
      try {
        const translated = this.#translateBy(proof, renewed, after, address);
        if (translated.imports.length === 0) return translated;
        // Another compiler may say it without, as where it puts a constant in the place of a name.
        importing ??= translated;
      } catch (thrown) {
        if (!(thrown instanceof KeyholeError) || thrown.code !== 'NOT_PATCHABLE') throw thrown;
        // That elements are no JavaScript says less than what stands against a compiler.
        if (refusal === undefined || isOfElements) refusal = thrown;
        isOfElements = proof.compiler === null && elementsIn(after.container).length > 0;
      }
    }
  }

  /** The ways of compiling in which the author's text is what runs. */
  *#proofsOf(entry: FunctionEntry, running: FunctionEntry): Generator<Proof, undefined> {
    for (const compiler of this.#order) {
      const compiled = this.#compiledFiles.of(this.#author, compiler, entry);
      const agreement = compiled === null ? null : unify(compiled.tree, compiled.entry, this.#running.tree, running);
      if (compiled === null || agreement?.agrees !== true || this.#doubt(agreement, compiled.tree) !== null) continue;
      if (compiler !== this.#order[0]) this.#order = [compiler, ...this.#order.filter((each) => each !== compiler)];
      yield { compiler, tree: compiled.tree, entry: compiled.entry, running, agreement };
    }
  }

  #unproven(entry: FunctionEntry, running: FunctionEntry, address: string): KeyholeError {
    let why = forDevelopment(entry, this.#running.specifiers);
    for (const compiler of this.#order.filter((each) => each === null || each.forPatch === each)) {
      const compiled = this.#compiledFiles.of(this.#author, compiler, entry);
      const result = compiled === null ? null : unify(compiled.tree, compiled.entry, this.#running.tree, running);
      if (compiled !== null && result?.agrees === true) why ??= this.#doubt(result, compiled.tree);
      else if (compiler === null && result?.agrees === false) why ??= partedWhere(this.#author.text, this.#running.tree.text, result, entry);
    }
    return new KeyholeError(
      'NOT_PATCHABLE',
      `the running code of ${address} is not shown to come from this text of it: ${why ?? 'no compiler that is known makes one of the other'}`,
      'The build changed it in a way that can not be followed, its source map belongs to another text, or another commit runs than it says.',
      { expected: this.#author.text.slice(entry.start, entry.end), actual: this.#running.tree.text.slice(running.start, running.end) },
    );
  }

  #translateBy(proof: Proof, renewed: AuthorFile, after: FunctionEntry, address: string): Translated {
    const { tree, entry, text, layout, base } = this.#forPatch(proof, renewed, after, address);
    const said = new Map<string, string>();
    const imports = new FreshImports(
      renewed,
      tree,
      (name) => this.#running.tree.captures.resolve(name, scopeAround(this.#running.tree, proof.running)) !== null,
    );
    const speech = this.#speech(proof, { tree, base, renewed, address, imports }, said);
    this.#checkImports(proof, entry, speech);
    this.#checkExports(proof, tree, entry, speech);
    const code = emit(tree, text, entry, speech, layout);
    checkSaid({ tree, entry }, code, said, { address, format: this.#format });
    return { code, imports: imports.used };
  }

  /** The new text, compiled: with its lines where they were, where taking the types out is enough. */
  #forPatch({ compiler }: Proof, renewed: AuthorFile, after: FunctionEntry, address: string): Prepared {
    const stripped = withoutTypes(renewed);
    const [offending] = stripped.offending.filter((at) => startOf(after, renewed.text) <= at && at < after.end);
    const isJsx = elementsIn(after.container).length > 0;
    const plain: Prepared = { tree: renewed, entry: after, text: stripped.text, layout: [], base: this.#author };
    if (compiler === null) {
      if (offending === undefined) return plain;
      const line = lineTable(renewed.text)(offending);
      throw new KeyholeError(
        'NOT_PATCHABLE',
        `${address}: line ${line} is ${isJsx ? 'JSX' : 'TypeScript that is more than types'}, and nothing shows how the running code was compiled`,
        'Write it in another way, or deploy it.',
      );
    }
    if (isJsx) this.#checkJsx(compiler, renewed, after, address);
    const made = this.#compiledFiles.of(renewed, compiler.forPatch, after);
    const base = this.#compiledFiles.file(this.#author, compiler.forPatch);
    if (made?.compiled == null || base === null) {
      throw new KeyholeError('NOT_PATCHABLE', `${address} is not found in what ${compiler.forPatch.name} makes of the new text`, 'Deploy it.');
    }
    if (offending === undefined) {
      const same = unify(renewed, after, made.tree, made.entry);
      if (same.agrees && [...same.names].every(([name, { text }]) => name === text)) return plain;
    }
    const { text } = made.tree;
    const layout = layoutOf(text, made.entry, after.line, made.compiled.tokens, made.compiled.lineOf);
    return { tree: made.tree, entry: made.entry, text, layout, base: base.tree };
  }

  /** A function without elements agrees with what any compiler makes of it: only one with elements shows what becomes of those. */
  #checkJsx(compiler: Compiler, renewed: AuthorFile, after: FunctionEntry, address: string): void {
    const [element] = elementsIn(after.container);
    const line = lineTable(renewed.text)(element?.start ?? after.start);
    const refuse = (why: string): never => {
      throw new KeyholeError('NOT_PATCHABLE', `${address}: line ${line} is JSX, and ${why}`, 'It takes a deployment, or another text.');
    };
    const isShown = this.#running.functionsOfAuthor().some(([entry, running]) => {
      const compiled = elementsIn(entry.container).length === 0 ? null : this.#compiledFiles.of(this.#author, compiler, entry);
      const result = compiled === null ? null : unify(compiled.tree, compiled.entry, this.#running.tree, running);
      return compiled !== null && result?.agrees === true && this.#doubt(result, compiled.tree) === null;
    });
    if (!isShown) refuse('no function of the file that runs shows what the build made of elements');
    const { jsx } = compiler;
    if (jsx.kind !== 'classic' || !isFragmentIn(after.container)) return;
    const [root = ''] = jsx.fragment.split('.');
    if (!renewed.captures.module.bindings.has(root)) refuse(`the file does not bring in ${root}, which its fragments stand for`);
  }

  #speech(
    proof: Proof,
    { tree, base, renewed, address, imports }: Pick<Prepared, 'tree' | 'base'> & { renewed: AuthorFile; address: string; imports: FreshImports },
    said: Map<string, string>,
  ): Speech {
    const at = scopeAround(this.#running.tree, proof.running);
    const refuse = (why: string, node: SyntaxNode): never => {
      const where = tree === renewed ? `line ${lineTable(renewed.text)(node.start)}: ` : '';
      throw new KeyholeError('NOT_PATCHABLE', `${address}: ${where}${why}`, 'It takes a deployment, or another text.');
    };
    let privates: Map<string, string> | null = null;
    return {
      ofModule: (name, member, node) => {
        const wanted = imports.meant(name, member);
        const spoken =
          this.#say(proof, { name, member }, at, { tree, base }) ??
          (wanted === null ? null : (this.#running.findImport(wanted, at)[0] ?? imports.fresh(wanted)));
        if (spoken !== null) said.set(keyOf({ name, member }), spoken.text);
        if (spoken !== null || member !== null) return spoken;
        if (!renewed.captures.module.bindings.has(name)) {
          return refuse(`the new text needs ${name}, a function of the compiler's that the running module does not have`, node);
        }
        const file = this.#running.unknownFile({ name, member });
        if (file !== null)
          return refuse(`nobody knows the text of ${file}, which says what ${name} is: its commit is not known here, and no module runs it`, node);
        return refuse(`the running code never brought in ${name}: the build left it out, or put something else in its place`, node);
      },
      ofEnclosing: (binding, node) => {
        const known = [...proof.agreement.enclosing].find(([each]) => each.name === binding.name);
        if (known !== undefined) return known[1].name;
        const running = this.#running.tree.captures.resolve(binding.name, at);
        // Without a map names are what they are.
        if (running !== null && running.scope !== this.#running.tree.captures.module && this.#running.map === null) return running.name;
        return refuse(`${binding.name} belongs to an enclosing function, and the running code of this one does not use it`, node);
      },
      hides: (name) => this.#running.tree.captures.resolve(name, at) !== null,
      privateName: (name, node) => {
        privates ??= this.#running.privatesAround(proof.running.container);
        return proof.agreement.privates.get(name) ?? privates.get(name) ?? refuse(`${name} is not known to the running class`, node);
      },
      ownName: nameOf(child(proof.running.node, 'id')),
      refuse,
    };
  }

  /** What `import()` gives is the compiler's to say: it may have become a `require`, and a bundle has no such file. */
  #checkImports({ entry: old }: Proof, entry: FunctionEntry, { refuse }: Speech): void {
    if (this.#running.map === null) return;
    const isKept = this.#format === 'module' || importsIn(old.container).length > 0;
    for (const node of importsIn(entry.container)) {
      const specifier = nameOf(child(node, 'source')) ?? '';
      const isThere =
        !this.#running.isBundle || importsIn(old.container).some((each) => nameOf(child(each, 'source')) === specifier) || /^node:/.test(specifier);
      if (!isKept || !isThere) refuse(`the new text uses import(), and it is not known what the build makes of that`, node);
    }
  }

  /** A variable that CommonJS puts on `exports` has two places, and only its compiler knows to change both. */
  #checkExports({ compiler }: Proof, tree: Tree, entry: FunctionEntry, { refuse }: Speech): void {
    if (this.#running.map === null || this.#format === 'module' || compiler?.isCommonJs === true) return;
    for (const node of assignedIn(entry.container)) {
      const binding = node.type === 'Identifier' ? bindingOf(tree, node) : null;
      if (binding !== null && binding.scope === tree.captures.module && this.#running.hasCopyOnExports(binding.name)) {
        refuse(`the new text assigns to ${binding.name}, which the module exports, and the export would stay as it was`, node);
      }
    }
  }

  /** How the running module says a name: as the old text of this function says it, as it is declared there, or as others of the file say it. */
  #say(proof: Proof, name: Name, at: Scope, trees: Pick<Prepared, 'tree' | 'base'>): Spoken | null {
    const { tree, base } = trees;
    const key = keyOf(name);
    const declared = tree.captures.module.bindings.get(name.name);
    const before = base.captures.module.bindings.get(name.name);
    if (declared === undefined || before === undefined) return null;
    const isAuthors = this.#author.captures.module.bindings.has(name.name);
    // What a compiler numbers may be another thing in the new text.
    if (!isAuthors && declarationForm(tree, declared) !== declarationForm(base, before)) return null;
    const known = proof.agreement.names.get(key);
    if (known !== undefined) return known;
    if (name.member !== null && this.#say(proof, { name: name.name, member: null }, at, trees) !== null) return null;
    const [found, another] = this.#running.find(name, at, base);
    if (found !== undefined && another === undefined) return found;
    // Where there are several, they are the same, and the build says one of them.
    const learned = this.#learned(proof.compiler, name, at) ?? found;
    if (learned !== undefined) return learned;
    const constant = this.#running.constant(name);
    return constant === null ? null : { text: constant, root: null, node: { type: 'Literal', start: 0, end: 0 } };
  }

  /** As other functions of the file say it. */
  #learned(compiler: Compiler | null, name: Name, at: Scope): Spoken | null {
    let lessons = this.#lessons.get(compiler);
    if (lessons === undefined) {
      lessons = new Map();
      this.#lessons.set(compiler, lessons);
      for (const [entry, running] of this.#running.functionsOfAuthor()) {
        const compiled = this.#compiledFiles.of(this.#author, compiler, entry);
        const result = compiled === null ? null : unify(compiled.tree, compiled.entry, this.#running.tree, running);
        if (compiled === null || result?.agrees !== true) continue;
        for (const [key, spoken] of result.names) lessons.set(key, [...(lessons.get(key) ?? []), { spoken, compiled: compiled.tree }]);
      }
    }
    const found = (lessons.get(keyOf(name)) ?? []).find(
      ({ spoken, compiled }) => this.#running.isVisible(spoken, at) && this.#running.objection(name, spoken, compiled) === null,
    );
    return found?.spoken ?? null;
  }

  #doubt({ names }: Agreement, compiled: Tree): string | null {
    for (const [key, spoken] of names) {
      const objection = this.#running.objection(nameOfKey(key), spoken, compiled);
      if (objection !== null) return objection;
    }
    return null;
  }
}
