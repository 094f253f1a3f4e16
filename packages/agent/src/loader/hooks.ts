/**
 * Puts the transform between Node and the application's files. It never makes a load fail: a file that can not be instrumented is loaded as it is and
 * reported.
 */
import * as nodeModule from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { MessagePort } from 'node:worker_threads';
import { required } from '../platform/later.ts';
import { newerModule } from '../platform/module-hooks.ts';
import { TransformCache } from './cache.ts';
import { instrumentText } from './instrument.ts';
import type { Loaded } from './instrument.ts';
import { followRegistrations, registerOutermost } from './layers.ts';
import { isInstrumented, registryName } from './names.ts';
import { createSelection } from './selection.ts';
import type { SelectionOptions } from './selection.ts';
import { SlotTable } from './slot-table.ts';
import type { LoaderNews, PrivateAccessor } from './slot-table.ts';

const { readFileSync } = required<typeof import('node:fs')>('node:fs');
/** Where the hooks run on this thread nobody asks for it. */
const threads = (): typeof import('node:worker_threads') => required('node:worker_threads');

/** Formats whose text is JavaScript or becomes it. */
const textFormats = new Set(['module', 'commonjs', 'module-typescript', 'commonjs-typescript', 'typescript']);

/** What the loader thread of Node 20 is given. */
export interface LoaderThreadData {
  selection: SelectionOptions;
  cacheDir: string | null;
  port: MessagePort;
  sourceMaps: boolean;
}

/** Who wants to know what is loaded. */
interface LoadListener {
  /** A CommonJS file has run: its path, and what it exports. */
  loaded(file: string, exports: unknown): void;
  /** A module is about to be loaded. Not heard on Node 20, where hooks run on another thread. */
  importing(url: string): void;
}

/**
 * Installs the load hooks for everything that is loaded from now on.
 * @param cacheDir where the transform's results are kept between starts; null keeps none.
 * @param listener hears of modules, and must not throw.
 * @returns the table the modules register themselves in.
 */
export function installInstrumentation(selection: SelectionOptions, cacheDir: string | null = null, listener: LoadListener | null = null): SlotTable {
  const cache = new TransformCache(cacheDir, selection.root);
  const selected = createSelection(selection);
  const sourceMaps = process.execArgv.includes('--enable-source-maps') || (process.env.NODE_OPTIONS ?? '').includes('--enable-source-maps');
  const ports: MessagePort[] = [];
  const table = new SlotTable(() => {
    for (const port of ports) {
      const received = threads().receiveMessageOnPort(port);
      if (received !== undefined) return received.message as LoaderNews;
    }
    return null;
  });
  Object.defineProperty(globalThis, registryName, {
    value: (id: string, classIndex: number, given: unknown, privates: PrivateAccessor | null = null): void =>
      table.define(id, classIndex, given, privates),
    enumerable: false,
    writable: false,
    configurable: false,
  });

  /** The instrumented text, or null where the file stays as it is. */
  const instrument = (loaded: Loaded): { text: string; format: string } | null => {
    try {
      const record = instrumentText(loaded, sourceMaps, cache);
      if (record !== null) table.record(record);
      return record;
    } catch (thrown) {
      table.leftUntouched(loaded.url, thrown instanceof Error ? (thrown.message.split('\n')[0] ?? '') : String(thrown));
      return null;
    }
  };

  if (newerModule.registerHooks === undefined) {
    // Node 20: ES modules are loaded on a thread of the loader's own.
    const register = nodeModule.register.bind(nodeModule);
    const add = (): void => {
      const { MessageChannel } = threads();
      const { port1, port2 } = new MessageChannel();
      port1.unref();
      ports.push(port1);
      const data: LoaderThreadData = { selection, cacheDir, port: port2, sourceMaps };
      // A module of its own each time: the one that was initialized last is the outermost.
      register(`${new URL('./loader-thread.js', import.meta.url).href}?${ports.length}`, { data, transferList: [port2] });
    };
    add();
    followRegistrations(add);
  } else {
    registerOutermost(newerModule.registerHooks, (url, context, nextLoad) => {
      listener?.importing(url);
      const loaded = nextLoad(url, context);
      const format = loaded.format ?? null;
      if (format !== null && !textFormats.has(format)) return loaded;
      // Node reads in the text of CommonJS what it exports by name, by the look of it, also where another file re-exports it (then the format is not known yet). It is instrumented when it is compiled.
      if (format === 'commonjs' || (format === null && context.conditions.includes('require'))) return loaded;
      if (!selected(url)) {
        table.passedBy(url);
        return loaded;
      }
      const source = loaded.source ?? readFileSync(fileURLToPath(url.replace(/[?#].*$/, '')), 'utf8');
      const instrumented = instrument({ url, source, format });
      return instrumented === null ? loaded : { ...loaded, format: instrumented.format, source: instrumented.text };
    });
  }

  // All CommonJS is compiled here; what was TypeScript has been instrumented by the hook.
  const instrumentedBy = (source: string, filename: string, format: string | null): string => {
    const url = pathToFileURL(filename).href;
    if (selected(url)) return isInstrumented(source) ? source : (instrument({ url, source, format })?.text ?? source);
    table.passedBy(url);
    return source;
  };
  const prototype = nodeModule.Module.prototype as unknown as { _compile(content: string, filename: string, format?: string): unknown };
  const compile = prototype._compile;
  prototype._compile = function (this: { exports: unknown }, content: string, filename: string, format?: string): unknown {
    const result = compile.call(this, instrumentedBy(content, filename, format ?? null), filename, format);
    listener?.loaded(filename, this.exports);
    return result;
  };
  return table;
}
