/** The load hook of Node 20, which runs on the loader's thread: what it learns goes to the main thread through a port. */
import type { LoadHook } from 'node:module';
import { TransformCache } from './cache.ts';
import type { LoaderThreadData } from './hooks.ts';
import { instrumentText } from './instrument.ts';
import { createSelection, isFileOfOthers } from './selection.ts';
import type { LoaderNews } from './slot-table.ts';

/** Every registration is a module of its own on this thread; the last one is the outermost, and alone does something. */
const thread = globalThis as { keyholeLayer?: string };

let data: LoaderThreadData | null = null;
let cache = new TransformCache(null, '');
let selected: (url: string) => boolean = () => false;

export function initialize(given: LoaderThreadData): void {
  thread.keyholeLayer = import.meta.url;
  data = given;
  cache = new TransformCache(given.cacheDir, given.selection.root);
  selected = createSelection(given.selection);
}

export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  if (data === null || thread.keyholeLayer !== import.meta.url || loaded.format !== 'module' || loaded.source == null) return loaded;
  if (!selected(url)) {
    if (isFileOfOthers(url)) data.port.postMessage({ passed: url } satisfies LoaderNews);
    return loaded;
  }
  try {
    const record = instrumentText({ url, source: loaded.source, format: 'module' }, data.sourceMaps, cache);
    if (record === null) return loaded;
    data.port.postMessage(record);
    return { ...loaded, source: record.text };
  } catch (thrown) {
    data.port.postMessage({ file: url, why: thrown instanceof Error ? (thrown.message.split('\n')[0] ?? '') : String(thrown) });
    return loaded;
  }
};
