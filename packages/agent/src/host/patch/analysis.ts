/** The functions of one module, named as their author knows them, with what a patch has to know of each. */
import { registeredClasses } from '../../loader/index.ts';
import { Authorship, addressOf, analysingCaptures, authoredPaths, inPieces, indexingFunctions, parsingModule } from '../../source/index.ts';
import type { Captures, FunctionEntry, ModuleFormat, Pieces, PlaceMap, SyntaxNode } from '../../source/index.ts';

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
  /** Why it has no slots, in a process whose other modules have them. */
  leftOut?: string;
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

export interface AnalysedModule {
  module: LoadedModule;
  targets: FunctionTarget[];
}

/** A function and who wrote it; `file` is null for what no author wrote (a compiler's own function). */
interface Named {
  entry: FunctionEntry;
  path: string;
  file: string | null;
  line: number;
}

/** @param fileOf how files are named. */
export function* analysing(module: LoadedModule, map: PlaceMap | null, fileOf: (url: string) => string): Pieces<AnalysedModule> {
  const running = fileOf(module.url);
  const program = yield* parsingModule(module.running, module.format, running);
  const captures = yield* analysingCaptures(program);
  const functions = yield* indexingFunctions(program, module.running);
  const classes = registeredClasses(program, captures, functions);
  const named =
    map === null
      ? functions.map((entry) => ({ entry, path: entry.path, file: running, line: entry.line }))
      : yield* naming(module, program, functions, map, fileOf);
  const targets: FunctionTarget[] = [];
  yield* inPieces(named.entries(), ([index, { entry, path, file, line }]) => {
    if (file === null) return;
    targets.push({ module, entry, index, functions, classes, captures, file, line, address: addressOf(file, { ...entry, path }, line) });
  });
  return { module, targets };
}

/** By the author's names and places. */
function* naming(
  module: LoadedModule,
  program: SyntaxNode,
  functions: readonly FunctionEntry[],
  map: PlaceMap,
  fileOf: (url: string) => string,
): Pieces<Named[]> {
  const authorship = new Authorship(module.running, map);
  const renamed = yield* indexingFunctions(program, module.running, authorship);
  const authored = authoredPaths(renamed, authorship);
  return functions.map((entry, index) => {
    const found = renamed[index] === undefined ? undefined : authored.get(renamed[index]);
    const place = found?.place ?? null;
    return { entry, path: found?.path ?? '', file: place === null ? null : fileOf(place.source), line: place?.line ?? entry.line };
  });
}
