/**
 * The modules of an instrumented process: those that have slots, and of the files that were left out (by a glob, as a package's, or because they could not be transformed) those that
 * somebody has asked for by name. The loader knows the names of all of them; V8 is asked for a text only then, since asking pauses the process.
 */
import { nodeClock } from '../../platform/clock.ts';
import { isInPackage } from '../../loader/index.ts';
import type { LeftOutFile, SlotTable } from '../../loader/index.ts';
import type { LoadedModule, ModuleProvider } from './modules.ts';
import type { Scripts } from './scripts.ts';

/** Characters of the application's own files that one look reads besides what was named: their maps may say that they are what was named. */
const maxCharacters = 4_000_000;
/** What V8 did not have is not asked for again so soon. */
const againMs = 1_000;

export class ModulesAndLeftOut implements ModuleProvider {
  readonly #table: SlotTable;
  readonly #scripts: Scripts;
  /** When a file was asked for and V8 had nothing of it: it was loaded and could not be compiled, or has not been yet. */
  readonly #asked = new Map<string, number>();

  constructor(table: SlotTable, scripts: Scripts) {
    this.#table = table;
    this.#scripts = scripts;
  }

  list(): LoadedModule[] {
    return [...this.#table.list(), ...this.#scripts.list()];
  }

  leftOut(): readonly LeftOutFile[] {
    return this.#table.leftOut();
  }

  look(maxPauseMs: number, isNamed: (url: string) => boolean, maybeByMap: boolean): void {
    const known = new Set(this.#scripts.list().map(({ url }) => url));
    const unknown = this.leftOut().filter(({ url }) => !known.has(url) && nodeClock.now() - (this.#asked.get(url) ?? -Infinity) > againMs);
    const named = unknown.filter(({ url }) => isNamed(url));
    const own = unknown.filter(({ url }) => !isInPackage(url));
    if (named.length === 0 && (own.length === 0 || !maybeByMap)) return;
    const why = new Map([...named, ...own].map((each) => [each.url, whyLeftOut(each)]));
    const isWanted = new Set(named.map(({ url }) => url));
    let characters = 0;
    this.#scripts.see(
      maxPauseMs,
      (url, length) => {
        if (isWanted.has(url)) return true;
        if (!why.has(url) || characters + length > maxCharacters) return false;
        characters += length;
        return true;
      },
      (url) => why.get(url) ?? '',
    );
    for (const url of why.keys()) this.#asked.set(url, nodeClock.now());
  }
}

/** Why its functions have no slots, and what gives them some. */
function whyLeftOut({ url, why }: LeftOutFile): string {
  if (why !== null) return `it could not be instrumented (${why})`;
  if (isInPackage(url)) return "it is a package's; name it in KEYHOLE_INCLUDE and start the service again, and it has slots";
  return 'it is not selected; see KEYHOLE_EXCLUDE and KEYHOLE_INCLUDE, which count from the next start';
}
