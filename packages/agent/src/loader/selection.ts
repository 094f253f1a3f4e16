/** Which files are the application's: those below its root, without `node_modules`, unless globs say otherwise. */
import * as path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { later } from '../platform/later.ts';

export interface SelectionOptions {
  root: string;
  /** Globs relative to the root; a file in `node_modules` or outside the root is taken only when one of them names it. */
  include: string[];
  exclude: string[];
}

const picomatch = later<typeof import('picomatch')>(import.meta.url, 'picomatch');

/** Our own files are never instrumented, wherever they lie. */
const ownFolder = path.resolve(import.meta.dirname, '..') + path.sep;
const ownUrl = pathToFileURL(ownFolder).href;

export function createSelection(options: SelectionOptions): (url: string) => boolean {
  const matching = (globs: string[]): ((file: string) => boolean) => (globs.length === 0 ? () => false : picomatch()(globs, { dot: true }));
  const included = matching(options.include);
  const excluded = matching(options.exclude);
  const rootUrl = pathToFileURL(path.join(options.root, path.sep)).href;
  /** null where only the paths can tell. */
  const plainlyBelow = (url: string): string | null => {
    if (!url.startsWith(rootUrl) || url.startsWith(ownUrl)) return null;
    const relative = url.slice(rootUrl.length);
    return /[%?#\\]|\.\.|\/\//.test(relative) ? null : relative;
  };
  return (url) => {
    if (!url.startsWith('file:')) return false;
    let relative = plainlyBelow(url);
    if (relative === null) {
      const file = fileURLToPath(url.replace(/[?#].*$/, ''));
      if (file.startsWith(ownFolder)) return false;
      relative = path.relative(options.root, file).split(path.sep).join('/');
    }
    if (excluded(relative)) return false;
    if (included(relative)) return true;
    return !relative.startsWith('..') && !path.isAbsolute(relative) && !`/${relative}`.includes('/node_modules/');
  };
}

export function isInPackage(url: string): boolean {
  return url.includes('/node_modules/');
}

/** Whether it is a file, and none of ours. */
export function isFileOfOthers(url: string): boolean {
  return url.startsWith('file:') && !url.startsWith(ownUrl);
}

/** A text that stands for a file and takes that file's exports from the file itself is a wrapper somebody made (import-in-the-middle), not the application's. */
export function isWrapper(url: string, source: string): boolean {
  const file = url.replace(/[?#].*$/, '');
  return source.includes(`from "${file}"`) || source.includes(`from "${file}?`);
}
