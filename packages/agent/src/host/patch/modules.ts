/**
 * The modules of the process and their functions, named as their author knows them: through the source map where there is one. It reads no disk; what
 * it needs was read when the module was loaded.
 */
import { hash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import * as path from 'node:path';
import { isInPackage } from '../../loader/index.ts';
import type { LeftOutFile } from '../../loader/index.ts';
import { nodeClock } from '../../platform/clock.ts';
import { KeyholeError } from '../../protocol/index.ts';
import { PlaceMap, atOnce, lineTable, splitAddress } from '../../source/index.ts';
import type { Pieces } from '../../source/index.ts';
import { analysing } from './analysis.ts';
import type { AnalysedModule, FunctionTarget, LoadedModule } from './analysis.ts';
import { inTurns } from './in-turns.ts';

export type { FunctionTarget, LoadedModule } from './analysis.ts';

/** Where modules come from. Several modules may have one url when a file was loaded twice. */
export interface ModuleProvider {
  /** Those that are known. Asking pauses nothing. */
  list(): LoadedModule[];
  /**
   * Gets to know modules that a command is about, where that takes asking V8, which pauses.
   * @throws {KeyholeError} PAUSE_BUDGET where that would take longer than `maxPauseMs`.
   * @param isNamed whether the command names this file.
   * @param maybeByMap whether it may be named as its author knows it, which only its map tells.
   */
  look?(maxPauseMs: number, isNamed: (url: string) => boolean, maybeByMap: boolean): void;
  /** Files that were loaded without slots beside others that have them. Asking pauses nothing. */
  leftOut?(): readonly LeftOutFile[];
}

export class ModuleIndex {
  readonly #root: string;
  readonly #provider: ModuleProvider;
  readonly #analysed = new WeakMap<LoadedModule, AnalysedModule>();

  constructor(root: string, provider: ModuleProvider) {
    this.#root = root;
    this.#provider = provider;
  }

  /**
   * Reads the modules that an address or a prefix may mean, a little in each turn of the event loop: who asks for them afterwards finds them read. It never fails; a text that can not be
   * read is the matter of who asks. Where they may be files that have no slots V8 is asked for their texts, which pauses.
   */
  async read(prefix: string, maxPauseMs?: number): Promise<void> {
    this.look(prefix, maxPauseMs);
    for (const module of this.#loaded(filePartOf(prefix))) {
      if (this.#analysed.has(module)) continue;
      try {
        this.#keep(module, await inTurns(this.#analysing(module), nodeClock));
      } catch (thrown) {
        if (!(thrown instanceof KeyholeError)) throw thrown;
      }
    }
  }

  /**
   * Gets to know the modules that an address or the name of a file means, where V8 has to be asked.
   * @throws {KeyholeError} PAUSE_BUDGET where that would take longer than is allowed.
   */
  look(prefix: string, maxPauseMs = Infinity): void {
    const file = filePartOf(prefix);
    const isFile = /\.[cm]?[jt]sx?$/.test(file);
    const isKnown = isFile && this.#loaded(file).some((module) => this.filesOf(module).includes(file));
    // Of thousands of files few have that name: the others are not taken apart.
    const name = /[\w.-]*$/.exec(file)?.[0] ?? '';
    this.#provider.look?.(maxPauseMs, (url) => url.includes(name) && this.#relative(url) === file, isFile && !isKnown);
  }

  /** Every function whose address starts with the prefix; of files that were left out only where it names the file. */
  withPrefix(prefix: string): FunctionTarget[] {
    const file = filePartOf(prefix);
    return this.#candidates(file)
      .flatMap((analysed) => analysed.targets)
      .filter((target) => target.address.startsWith(prefix) && (target.module.leftOut === undefined || target.file === file));
  }

  /** Files that were left out whose names begin so; those of packages only where the prefix says so. */
  leftOut(prefix: string): string[] {
    const known = new Map(this.#provider.list().map((module) => [module.url, module]));
    const names = (this.#provider.leftOut?.() ?? []).flatMap(({ url }) => {
      if (prefix.includes('node_modules/') !== isInPackage(url)) return [];
      const running = this.#relative(url);
      if (prefix === '' && path.isAbsolute(running)) return [];
      const module = known.get(url);
      const files = module === undefined ? [running] : this.filesOf(module);
      return running.startsWith(prefix) || files.some((file) => file.startsWith(prefix)) ? files : [];
    });
    return [...new Set(names)].sort();
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
    if (!candidates.some(({ module }) => this.filesOf(module).includes(file))) throw this.#notLoaded(file);
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
    for (const module of this.#loaded(file)) {
      const author = this.#authorText(module, file);
      if (author !== undefined) return { module, author };
    }
    throw this.#notLoaded(file);
  }

  #notLoaded(file: string): KeyholeError {
    // V8 was asked for its text, and what it has can not be used.
    const why = this.#provider.leftOut?.().find(({ url }) => this.#relative(url) === file)?.why ?? null;
    return why === null
      ? new KeyholeError('NOT_FOUND', `no module of this process comes from ${file}`, 'keyhole fn with a folder lists what is loaded.')
      : new KeyholeError('NOT_PATCHABLE', `${file} can not be patched: ${why}`, 'A restart takes the new text.');
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

  /** One number for all text that was instrumented: the same for the same files, in whatever order they came. */
  digest(): { files: number; sha256: string } {
    const instrumented = this.#provider.list().filter((module) => module.instrumented);
    const lines = instrumented.map(({ url, running }) => `${hash('sha256', running)} ${this.#relative(url)}\n`);
    return { files: lines.length, sha256: hash('sha256', [...new Set(lines)].sort().join('')) };
  }

  /** Author's names of the files a module came from. */
  filesOf(module: LoadedModule): string[] {
    const map = this.#mapOf(module);
    if (map === null) return [this.#relative(module.url)];
    return map.sources.map((source) => this.#relative(source));
  }

  #loaded(filePrefix: string): LoadedModule[] {
    return this.#provider.list().filter((module) => this.filesOf(module).some((file) => file.startsWith(filePrefix)));
  }

  #candidates(filePrefix: string): AnalysedModule[] {
    return this.#loaded(filePrefix).map((module) => this.#analyse(module));
  }

  /** undefined: this module has no such file. null: it has, but does not hold its text. */
  #authorText(module: LoadedModule, file: string): string | null | undefined {
    const map = this.#mapOf(module);
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
    return this.#analysed.get(module) ?? this.#keep(module, atOnce(this.#analysing(module)));
  }

  #analysing(module: LoadedModule): Pieces<AnalysedModule> {
    return analysing(module, this.#mapOf(module), (url) => this.#relative(url));
  }

  /** The first that is ready stays: others hold its functions already. */
  #keep(module: LoadedModule, made: AnalysedModule): AnalysedModule {
    const analysed = this.#analysed.get(module) ?? made;
    this.#analysed.set(module, analysed);
    return analysed;
  }

  #relative(url: string): string {
    if (!url.startsWith('file:')) return url;
    const file = fileURLToPath(url.replace(/[?#].*$/, ''));
    const relative = path.relative(this.#root, file);
    return (relative.startsWith('..') ? file : relative).split(path.sep).join('/');
  }
}

function filePartOf(prefix: string): string {
  const { file } = splitAddress(prefix);
  return file === '' || !prefix.includes(':') ? prefix : file;
}

/** What would give a function slots. */
export function howToGetSlots(module: LoadedModule): string {
  return module.leftOut ?? 'start the service with --import @keyhole/agent/register';
}

/** The text of a function as it was loaded. */
export function loadedCode(target: FunctionTarget): string {
  return target.module.running.slice(target.entry.start, target.entry.end);
}
