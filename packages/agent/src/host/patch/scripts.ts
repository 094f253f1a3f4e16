/**
 * The modules of a process that was not instrumented: V8 knows their texts. Asking takes the Debugger domain, which pauses the process in proportion to its heap, so it is asked
 * at most once a second, and only when a command is about functions.
 */
import { nodeClock } from '../../platform/clock.ts';
import { pathToFileURL } from 'node:url';
import { mapOf } from '../../loader/index.ts';
import type { Inspector } from '../inspector.ts';
import type { LoadedModule, ModuleProvider } from './modules.ts';
import { observeEnable } from './pauses.ts';

export interface ScriptParsed {
  scriptId: string;
  url: string;
  isModule?: boolean;
  scriptLanguage?: string;
}

const freshMs = 1_000;

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
    if (nodeClock.now() - this.#readAt > freshMs) {
      this.withDebugger((scripts) => {
        for (const script of scripts) this.#see(script);
      });
      this.#readAt = nodeClock.now();
    }
    return [...this.#modules.values()];
  }

  /** The script that holds this text of a module now. Only inside {@link withDebugger}. */
  scriptWith(scripts: readonly ScriptParsed[], module: LoadedModule, text: string): string | null {
    const candidates = scripts.filter((script) => urlOf(script.url) === module.url);
    return candidates.toReversed().find((script) => this.#sourceOf(script) === text)?.scriptId ?? null;
  }

  /** Enables the Debugger domain for as long as `work` runs, and tells it the scripts of the application, and all there are. */
  withDebugger(work: (scripts: ScriptParsed[], all: ScriptParsed[]) => void): void {
    try {
      const all = enableDebugger(this.#inspector);
      work(
        all.filter((script) => this.#selected(urlOf(script.url))),
        all,
      );
    } finally {
      this.#inspector.post('Debugger.disable');
    }
  }

  #see(script: ScriptParsed): void {
    const url = urlOf(script.url);
    if (this.#modules.has(url)) return;
    const running = this.#sourceOf(script);
    this.#modules.set(url, {
      url,
      format: script.isModule === true ? 'module' : 'commonjs',
      running,
      typed: null,
      map: mapOf(url, running),
      instrumented: false,
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
