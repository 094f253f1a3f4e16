/** Places of V8's as the author of the code knows them: through slots and source maps, with the address by which a function can be patched. Read and parsed in the door's thread. */
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ModuleIndex } from '../../host/patch/modules.ts';
import type { LoadedModule } from '../../host/patch/modules.ts';
import { loadedTextKey } from '../../host/process/loaded-text.ts';
import type { LoadedText } from '../../host/process/loaded-text.ts';
import { mapOf, offsetWithoutEdits, withoutEdits } from '../../loader/index.ts';
import type { StackFrame } from '../../protocol/index.ts';
import { lineStarts } from '../../source/index.ts';
import type { MainThread } from './main-thread.ts';

/** Where V8 says that something is. Lines and columns from 0. */
export interface RunningPlace {
  functionName: string;
  url: string;
  line: number;
  column: number;
}

interface Known {
  module: LoadedModule;
  /** Where a place of the running text is in the text that was loaded. */
  offsetOf: (line: number, column: number) => number;
}

const answerMs = 2_000;
/** Characters. A syntax tree takes a hundred times its text, and the door has a small heap. */
const maxParsed = 1_000_000;

export class AuthorNames {
  readonly #main: MainThread;
  readonly #processStartMs: number;
  readonly #index: ModuleIndex;
  readonly #known = new Map<string, Promise<Known | null>>();

  /** @param processStartMs a file that was written later than that may not be what was loaded. */
  constructor(main: MainThread, root: string, processStartMs: number) {
    this.#main = main;
    this.#processStartMs = processStartMs;
    this.#index = new ModuleIndex(root, { list: () => [] });
  }

  /** What can't be found out stays as V8 says it. Only what the main thread has to be asked needs it to answer. */
  async of({ functionName, url, line, column }: RunningPlace): Promise<StackFrame> {
    const plain = { function: functionName, file: this.#index.fileOf(url), line: line + 1 };
    if (!url.startsWith('file:')) return plain;
    try {
      const known = await this.#module(url);
      if (known === null) return plain;
      const { module } = known;
      const offset = known.offsetOf(line, column);
      if (module.running.length > maxParsed) {
        const place = this.#index.placeOf(module, offset);
        return { function: functionName, file: place.file, line: place.line };
      }
      const { address, file, line: authorLine } = this.#index.around(module, offset);
      const path = address?.slice(address.lastIndexOf(':') + 1) ?? '';
      // A function without a name has its line for an address.
      const name = path === '' || /^\d+$/.test(path) ? functionName : path;
      return { function: name, file, line: authorLine, ...(address !== null && { address }) };
    } catch {
      // A text that our parser does not know, a map that is none: the running names are true as well.
      return plain;
    }
  }

  #module(url: string): Promise<Known | null> {
    let known = this.#known.get(url);
    if (known === undefined) {
      known = this.#load(url);
      this.#known.set(url, known);
    }
    return known;
  }

  async #load(url: string): Promise<Known | null> {
    const expression = `globalThis[Symbol.for(${JSON.stringify(loadedTextKey)})]?.(${JSON.stringify(url)}) ?? 'null'`;
    const answer = await this.#main.within<{ result: { value?: unknown } }>(answerMs, 'Runtime.evaluate', { expression, returnByValue: true });
    if (answer === null) return null;
    const instrumented = typeof answer.result.value === 'string' ? (JSON.parse(answer.result.value) as LoadedText | null) : null;
    if (instrumented === null) return this.#fromDisk(url);
    const { text, numbers, removed, format, loadedAtMs } = instrumented;
    const running = withoutEdits(text, { numbers, removed });
    const starts = lineStarts(text);
    return {
      module: { url, format, running, typed: null, map: mapOf(url, running, loadedAtMs), instrumented: true },
      offsetOf: (line, column) => offsetWithoutEdits((starts[line] ?? 0) + column, numbers),
    };
  }

  #fromDisk(url: string): Known | null {
    const file = fileURLToPath(url.replace(/[?#].*$/, ''));
    if (statSync(file).mtimeMs > this.#processStartMs) return null;
    const running = readFileSync(file, 'utf8');
    // The parser takes both forms for what they are where it is told; a module's words in a CommonJS file are errors.
    const format = /\.[cm]?ts$/.test(file) ? null : /^\s*(?:import\s*[\w{*'"]|export\s)/m.test(running) ? 'module' : 'commonjs';
    if (format === null) return null;
    const starts = lineStarts(running);
    return {
      module: { url, format, running, typed: null, map: mapOf(url, running, this.#processStartMs), instrumented: false },
      offsetOf: (line, column) => (starts[line] ?? 0) + column,
    };
  }
}
