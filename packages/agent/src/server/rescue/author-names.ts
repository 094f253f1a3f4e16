/** Places of V8's as the author of the code knows them: through slots and source maps, with the address by which a function can be patched. Read and parsed in the door's thread. */
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ModuleIndex } from '../../host/patch/modules.ts';
import type { LoadedModule } from '../../host/patch/modules.ts';
import { editedText } from '../../host/process/loaded-text.ts';
import type { LoadedText } from '../../host/process/loaded-text.ts';
import { mapOf, offsetWithoutEdits, withoutEdits } from '../../loader/index.ts';
import { nameInPlace } from '../../platform/place.ts';
import type { PlaceKey } from '../../platform/place.ts';
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
/** How code of patches is named (host/patch): its lines are those of the author's file. */
const patchUrl = /^keyhole-patch\/[^/]+\/(.+)$/;
/** Characters. A syntax tree takes a hundred times its text, and the door has a small heap. */
const maxParsed = 1_000_000;

export class AuthorNames {
  readonly #main: MainThread;
  readonly #processStartMs: number;
  readonly #index: ModuleIndex;
  readonly #known = new Map<string, Promise<Known | null>>();
  readonly #patchedAt = new Map<string, Promise<string>>();

  /** @param processStartMs a file that was written later than that may not be what was loaded. */
  constructor(main: MainThread, root: string, processStartMs: number) {
    this.#main = main;
    this.#processStartMs = processStartMs;
    this.#index = new ModuleIndex(root, { list: () => [] });
  }

  /** What can't be found out stays as V8 says it. Only what the main thread has to be asked needs it to answer. */
  async of({ functionName, url, line, column }: RunningPlace): Promise<StackFrame> {
    const plain = { function: functionName, file: this.#index.fileOf(url), line: line + 1 };
    const [, patched] = patchUrl.exec(url) ?? [];
    if (patched !== undefined) return this.#patched({ ...plain, file: patched });
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
      return { function: nameOf(address, functionName), file, line: authorLine, ...(address !== null && { address }) };
    } catch {
      // A text that our parser does not know, a map that is none: the running names are true as well.
      return plain;
    }
  }

  /** A function of a patch has the name and the line of the one that it stands for; what else its text holds keeps the name that V8 has for it. */
  async #patched(plain: StackFrame): Promise<StackFrame> {
    const { file, line, function: name } = plain;
    const key = JSON.stringify([file, line, name]);
    let asked = this.#patchedAt.get(key);
    if (asked === undefined) this.#patchedAt.set(key, (asked = this.#ask('patchedAddress', file, line, name)));
    const address = await asked;
    return address === '' ? plain : { ...plain, function: nameOf(address, name), address };
  }

  /** What a function of the main thread's says to that; nothing where it does not answer. */
  async #ask(key: PlaceKey, ...given: (string | number)[]): Promise<string> {
    const expression = `${nameInPlace(key)}?.(${given.map((each) => JSON.stringify(each)).join(',')})`;
    const answer = await this.#main.within<{ result: { value?: unknown } }>(answerMs, 'Runtime.evaluate', { expression, returnByValue: true });
    return typeof answer?.result.value === 'string' ? answer.result.value : '';
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
    const answer = await this.#ask('loadedText', url);
    if (answer === '' || answer === editedText) return null;
    const instrumented = JSON.parse(answer) as LoadedText | null;
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

/** A function without a name has its line for an address. */
function nameOf(address: string | null, functionName: string): string {
  const path = address?.slice(address.lastIndexOf(':') + 1) ?? '';
  return path === '' || /^\d+$/.test(path) ? functionName : path;
}
