/**
 * The modules of the process and their functions, named as their author knows them: through the source map where there is one. It reads no disk; what
 * it needs was read when the module was loaded.
 */
import { hash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import * as path from 'node:path';
import { registeredClasses } from '../../loader/index.ts';
import { KeyholeError } from '../../protocol/index.ts';
import {
  Authorship,
  PlaceMap,
  addressOf,
  analyseCaptures,
  authoredPaths,
  indexFunctions,
  lineTable,
  parseModule,
  splitAddress,
} from '../../source/index.ts';
import type { Captures, FunctionEntry, ModuleFormat, SyntaxNode } from '../../source/index.ts';

/** A module as the loader or the inspector knows it. */
export interface LoadedModule {
  url: string;
  format: ModuleFormat;
  /** The JavaScript that was loaded, before instrumentation. */
  running: string;
  /** What the author wrote, where it is known and differs (types that Node blanked out); else null. */
  typed: string | null;
  /** JSON text of the source map from `running`, or null. */
  map: string | null;
  instrumented: boolean;
}

export interface FunctionTarget {
  module: LoadedModule;
  entry: FunctionEntry;
  /** Its place among the module's functions. */
  index: number;
  /** All functions of the module. */
  functions: readonly FunctionEntry[];
  /** The classes of the module that register themselves when they were instrumented, by their order. */
  classes: ReadonlyMap<SyntaxNode, number>;
  captures: Captures;
  address: string;
  /** The author's file, relative to the root where it lies below it. */
  file: string;
  /** The author's line. */
  line: number;
}

interface AnalysedModule {
  module: LoadedModule;
  program: SyntaxNode;
  map: PlaceMap | null;
  captures: Captures;
  targets: FunctionTarget[];
}

/** Where modules come from. Several modules may have one url when a file was loaded twice. */
export interface ModuleProvider {
  list(): LoadedModule[];
}

export class ModuleIndex {
  readonly #root: string;
  readonly #provider: ModuleProvider;
  readonly #analysed = new WeakMap<LoadedModule, AnalysedModule>();

  constructor(root: string, provider: ModuleProvider) {
    this.#root = root;
    this.#provider = provider;
  }

  /** Every function whose address starts with the prefix. */
  withPrefix(prefix: string): FunctionTarget[] {
    const { file } = splitAddress(prefix);
    return this.#candidates(file === '' || !prefix.includes(':') ? prefix : file)
      .flatMap((analysed) => analysed.targets)
      .filter((target) => target.address.startsWith(prefix));
  }

  /**
   * The function at an address: one target for each copy of the file that was loaded (with another query), all of one text.
   * @throws {KeyholeError} NOT_FOUND or AMBIGUOUS, with what there is.
   */
  at(address: string): [FunctionTarget, ...FunctionTarget[]] {
    const { file, name } = splitAddress(address);
    const candidates = this.#candidates(file);
    const targets = candidates.flatMap((analysed) => analysed.targets).filter((target) => target.file === file);
    const exact = targets.filter((target) => target.address === address);
    const found = exact.length > 0 ? exact : /^\d+$/.test(name) ? targets.filter((target) => target.line === Number(name)) : [];
    const [first, ...others] = found;
    if (first !== undefined) {
      if (
        others.every(
          (other) => other.module !== first.module && other.entry.start === first.entry.start && other.module.running === first.module.running,
        )
      ) {
        return [first, ...others];
      }
      const names = [...new Set(found.map((each) => `${each.address} (line ${each.line})`))];
      throw new KeyholeError('AMBIGUOUS', `${address} stands for ${found.length} functions: ${names.join(', ')}`);
    }
    if (!candidates.some(({ module }) => this.filesOf(module).includes(file))) throw notLoaded(file);
    const near =
      targets.length === 0
        ? 'none'
        : targets
            .map((each) => each.address)
            .slice(0, 20)
            .join(', ');
    throw new KeyholeError(
      'NOT_FOUND',
      `${file} has no function ${name}`,
      `It has ${near}. Code made by eval or new Function has no address and can not be patched.`,
    );
  }

  /** The module an author's file became. */
  module(file: string): { module: LoadedModule; author: string | null } {
    for (const analysed of this.#candidates(file)) {
      const author = this.#authorText(analysed, file);
      if (author !== undefined) return { module: analysed.module, author };
    }
    throw notLoaded(file);
  }

  /** The author's text of one function that was loaded, or null where only the repository can tell. */
  authorText(target: FunctionTarget): string | null {
    const { module, entry } = target;
    if (module.map === null) return (module.typed ?? module.running).slice(entry.start, entry.end);
    return null;
  }

  /** The function whose text holds an offset of a module, the innermost of the author's; and what the author calls that place. */
  around(module: LoadedModule, offset: number): { address: string | null; file: string; line: number } {
    const [innermost] = this.holding(module, offset);
    return { address: innermost?.address ?? null, ...this.placeOf(module, offset) };
  }

  /** The author's functions whose text holds an offset of a module, the innermost first. */
  holding(module: LoadedModule, offset: number): FunctionTarget[] {
    const holding = this.#analyse(module).targets.filter(({ entry }) => entry.start <= offset && offset < entry.end);
    return holding.sort((a, b) => b.entry.start - a.entry.start);
  }

  /** The lines of a module that come from a line of its author's file. */
  linesFrom(module: LoadedModule, file: string, line: number): number[] {
    const map = this.#mapOf(module);
    if (map === null) return this.#relative(module.url) === file ? [line] : [];
    return map.sources.filter((source) => this.#relative(source) === file).flatMap((source) => map.linesFrom(source, line));
  }

  /** As {@link around}, without the function: nothing is parsed, whatever its size. */
  placeOf(module: LoadedModule, offset: number): { file: string; line: number } {
    const line = this.#lineIn(module, offset);
    const place = this.#mapOf(module)?.toAuthor(line, offset - module.running.lastIndexOf('\n', offset - 1) - 1) ?? null;
    return { file: this.#relative(place?.source ?? module.url), line: place?.line ?? line };
  }

  /** How files are named here: below the root where they lie below it. */
  fileOf(url: string): string {
    return this.#relative(url);
  }

  /** The modules that an author's file became. */
  urlsOf(file: string): string[] {
    return this.#provider
      .list()
      .filter((module) => this.filesOf(module).includes(file))
      .map((module) => module.url);
  }

  /** One number for all text that is loaded: the same for the same files, in whatever order they came. */
  digest(): { files: number; sha256: string } {
    const lines = this.#provider.list().map(({ url, running }) => `${hash('sha256', running)} ${this.#relative(url)}\n`);
    return { files: lines.length, sha256: hash('sha256', [...new Set(lines)].sort().join('')) };
  }

  /** Author's names of the files a module came from. */
  filesOf(module: LoadedModule): string[] {
    const map = this.#mapOf(module);
    if (map === null) return [this.#relative(module.url)];
    return map.sources.map((source) => this.#relative(source));
  }

  #candidates(filePrefix: string): AnalysedModule[] {
    return this.#provider
      .list()
      .filter((module) => this.filesOf(module).some((file) => file.startsWith(filePrefix)))
      .map((module) => this.#analyse(module));
  }

  /** undefined: this module has no such file. null: it has, but does not hold its text. */
  #authorText(analysed: AnalysedModule, file: string): string | null | undefined {
    const { module, map } = analysed;
    if (map === null) return this.#relative(module.url) === file ? (module.typed ?? module.running) : undefined;
    const source = map.sources.find((each) => this.#relative(each) === file);
    return source === undefined ? undefined : map.contentOf(source);
  }

  /** Counted once: a profile asks for hundreds of places of one file. */
  readonly #lines = new WeakMap<LoadedModule, (offset: number) => number>();
  #lineIn(module: LoadedModule, offset: number): number {
    let lineAt = this.#lines.get(module);
    if (lineAt === undefined) this.#lines.set(module, (lineAt = lineTable(module.running)));
    return lineAt(offset);
  }

  readonly #maps = new WeakMap<LoadedModule, PlaceMap | null>();
  #mapOf(module: LoadedModule): PlaceMap | null {
    let map = this.#maps.get(module);
    if (map === undefined) {
      map = module.map === null ? null : new PlaceMap(module.map, module.url);
      this.#maps.set(module, map);
    }
    return map;
  }

  #analyse(module: LoadedModule): AnalysedModule {
    const known = this.#analysed.get(module);
    if (known !== undefined) return known;
    const running = this.#relative(module.url);
    const program = parseModule(module.running, module.format, running);
    const captures = analyseCaptures(program);
    const map = this.#mapOf(module);
    const targets: FunctionTarget[] = [];
    const functions = indexFunctions(program, module.running);
    const classes = registeredClasses(program, captures, functions);
    for (const [index, { entry, path: named, file, line }] of this.#named(module, program, functions, map).entries()) {
      if (file === null) continue;
      const address = addressOf(file, { ...entry, path: named }, line);
      targets.push({ module, entry, index, functions, classes, captures, file, line, address });
    }
    const analysed = { module, program, map, captures, targets };
    this.#analysed.set(module, analysed);
    return analysed;
  }

  /** Each function by its author's name and place; `file` is null for what no author wrote (a compiler's own function). */
  #named(
    module: LoadedModule,
    program: SyntaxNode,
    functions: readonly FunctionEntry[],
    map: PlaceMap | null,
  ): { entry: FunctionEntry; path: string; file: string | null; line: number }[] {
    const running = this.#relative(module.url);
    if (map === null) return functions.map((entry) => ({ entry, path: entry.path, file: running, line: entry.line }));
    const authorship = new Authorship(module.running, map);
    const renamed = indexFunctions(program, module.running, authorship);
    const authored = authoredPaths(renamed, authorship);
    return functions.map((entry, index) => {
      const found = renamed[index] === undefined ? undefined : authored.get(renamed[index]);
      const place = found?.place ?? null;
      return { entry, path: found?.path ?? '', file: place === null ? null : this.#relative(place.source), line: place?.line ?? entry.line };
    });
  }

  #relative(url: string): string {
    if (!url.startsWith('file:')) return url;
    const file = fileURLToPath(url.replace(/[?#].*$/, ''));
    const relative = path.relative(this.#root, file);
    return (relative.startsWith('..') ? file : relative).split(path.sep).join('/');
  }
}

function notLoaded(file: string): KeyholeError {
  return new KeyholeError('NOT_FOUND', `no module of this process comes from ${file}`, 'keyhole fn with a folder lists what is loaded.');
}

/** The text of a function as it was loaded. */
export function loadedCode(target: FunctionTarget): string {
  return target.module.running.slice(target.entry.start, target.entry.end);
}
