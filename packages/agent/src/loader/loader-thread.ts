/** The load hook of Node 20, which runs on the loader's thread: what it learns goes to the main thread through a port. */
import type { LoadHook } from 'node:module';
import { textOf } from './hooks.ts';
import type { LoaderThreadData } from './hooks.ts';
import { instrumentText } from './instrument.ts';
import { createSelection } from './selection.ts';

let data: LoaderThreadData | null = null;
let selected: (url: string) => boolean = () => false;

export function initialize(given: LoaderThreadData): void {
  data = given;
  selected = createSelection(given.selection);
}

export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  if (data === null || loaded.format !== 'module' || loaded.source == null || !selected(url)) return loaded;
  try {
    const record = instrumentText(url, textOf(loaded.source), 'module', data.sourceMaps);
    data.port.postMessage(record);
    return { ...loaded, source: record.text };
  } catch (thrown) {
    data.port.postMessage({ file: url, why: thrown instanceof Error ? (thrown.message.split('\n')[0] ?? '') : String(thrown) });
    return loaded;
  }
};
