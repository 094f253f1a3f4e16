/**
 * What V8 knows of the scripts that run: the texts of modules that were not instrumented. Asking takes the Debugger domain, which pauses the process in proportion to its heap, so
 * it is done only when a command is about such functions, and what was read is kept.
 */
import { nodeClock } from '../../platform/clock.ts';
import { pathToFileURL } from 'node:url';
import { isInstrumented, isWrapper, mapOf } from '../../loader/index.ts';
import type { Inspector } from '../inspector.ts';
import { checkBudget } from './budget.ts';
import type { LoadedModule, ModuleProvider } from './modules.ts';
import { observeEnable, predictPauseMs } from './pauses.ts';

export interface ScriptParsed {
  scriptId: string;
  url: string;
  isModule?: boolean;
  scriptLanguage?: string;
  /** Characters of its text. */
  length?: number;
}

const freshMs = 1_000;

/** By itself it provides the modules of a process that was not instrumented: all that are the application's. */
export class Scripts implements ModuleProvider {
  readonly #inspector: Inspector;
  readonly #selected: (url: string) => boolean;
  /** As they were when first seen: what live edit does to them later is not what was loaded. */
  readonly #modules = new Map<string, LoadedModule>();
  #readAt = -Infinity;

  /** @param selected whether a file is the application's. */
  constructor(inspector: Inspector, selected: (url: string) => boolean) {
    this.#inspector = inspector;
    this.#selected = selected;
  }

  list(): LoadedModule[] {
    return [...this.#modules.values()];
  }

  /** At most once a second. */
  look(maxPauseMs: number): void {
    if (nodeClock.now() - this.#readAt <= freshMs) return;
    this.see(maxPauseMs, (url) => this.#selected(url));
    this.#readAt = nodeClock.now();
  }

  /**
   * Reads the scripts that are wanted and not known, in one pause.
   * @param wanted is told how long a text is, in characters.
   * @param leftOut why it has no slots beside others that have them.
   * @throws {KeyholeError} PAUSE_BUDGET where that would take longer than `maxPauseMs`.
   */
  see(maxPauseMs: number, wanted: (url: string, length: number) => boolean, leftOut?: (url: string) => string): void {
    checkBudget(predictPauseMs('enable'), maxPauseMs);
    this.withDebugger((scripts) => {
      for (const script of scripts) {
        const url = urlOf(script.url);
        if (!this.#modules.has(url) && wanted(url, script.length ?? 0)) this.#keep(script, url, leftOut?.(url));
      }
    });
  }

  /** The script that holds this text of a module now. Only inside {@link withDebugger}. */
  scriptWith(scripts: readonly ScriptParsed[], module: LoadedModule, text: string): string | null {
    const candidates = scripts.filter((script) => urlOf(script.url) === module.url);
    return candidates.toReversed().find((script) => this.#sourceOf(script) === text)?.scriptId ?? null;
  }

  /** Enables the Debugger domain for as long as `work` runs, and tells it what scripts there are. */
  withDebugger(work: (scripts: ScriptParsed[]) => void): void {
    try {
      work(enableDebugger(this.#inspector));
    } finally {
      this.#inspector.post('Debugger.disable');
    }
  }

  #keep(script: ScriptParsed, url: string, leftOut: string | undefined): void {
    const running = this.#sourceOf(script);
    // What stands for a file is no copy of it, and a text that looks for slots which are not there is not what was loaded.
    if (leftOut !== undefined && (isWrapper(url, running) || isInstrumented(running))) return;
    this.#modules.set(url, {
      url,
      format: script.isModule === true ? 'module' : 'commonjs',
      running,
      typed: null,
      map: mapOf(url, running),
      instrumented: false,
      ...(leftOut !== undefined && { leftOut }),
    });
  }

  #sourceOf({ scriptId }: ScriptParsed): string {
    return this.#inspector.post<{ scriptSource: string }>('Debugger.getScriptSource', { scriptId }).scriptSource;
  }
}

/** Enables the Debugger domain of a session and hears which scripts there are. */
export function enableDebugger(inspector: Inspector): ScriptParsed[] {
  const scripts: ScriptParsed[] = [];
  const started = nodeClock.now();
  inspector.during(
    'Debugger.scriptParsed',
    (script) => scripts.push(script as ScriptParsed),
    () => {
      inspector.post('Debugger.enable');
    },
  );
  observeEnable(nodeClock.now() - started);
  return scripts.filter((script) => script.scriptLanguage !== 'WebAssembly');
}

/** The name of a script as modules are named: CommonJS files have a path alone. */
export function urlOf(url: string): string {
  return url.startsWith('/') ? pathToFileURL(url).href : url;
}
