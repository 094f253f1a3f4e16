/** Who called: the frames above a watched function, without the service's own ways of writing a stack. Taken only where it was asked for: it costs some microseconds. */
import { fileURLToPath } from 'node:url';
import * as path from 'node:path';
import { defineProperty, getOwnPropertyDescriptor } from '../../platform/originals.ts';

/** Of ours at most (the wrapper, and what it calls), and the watched function itself. */
const otherFrames = 9;
const ownFolder = path.dirname(path.dirname(import.meta.dirname));
const capture = Error.captureStackTrace;

/**
 * Frames above the function that is watched, innermost first. Nothing of the service runs: its `Error.prepareStackTrace` is put aside for the moment. Where that can not be done there are none.
 * @param root files are named relative to it.
 * @param skipped of the service's innermost frames: the watched function itself.
 */
export function callers(root: string, count: number, skipped = 1): string[] {
  const prepare = getOwnPropertyDescriptor(Error, 'prepareStackTrace');
  const limit = getOwnPropertyDescriptor(Error, 'stackTraceLimit');
  if (limit?.writable !== true || prepare?.writable === false || (prepare !== undefined && !('value' in prepare))) return [];
  const holder: { stack?: unknown } = {};
  try {
    Error.stackTraceLimit = count + otherFrames;
    Error.prepareStackTrace = (_, sites) => sites;
    capture(holder, callers);
    const sites = holder.stack as NodeJS.CallSite[];
    return sites
      .filter((site) => !isOurs(site))
      .slice(skipped, skipped + count)
      .map((site) => frame(site, root));
  } catch {
    return [];
  } finally {
    if (prepare === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace');
    else defineProperty(Error, 'prepareStackTrace', prepare);
    defineProperty(Error, 'stackTraceLimit', limit);
  }
}

function isOurs(site: NodeJS.CallSite): boolean {
  return fileOf(site).startsWith(ownFolder);
}

function frame(site: NodeJS.CallSite, root: string): string {
  const file = fileOf(site);
  const relative = path.isAbsolute(file) ? path.relative(root, file) : file;
  const shown = relative.startsWith('..') ? file : relative;
  const name = site.getFunctionName() ?? '(anonymous)';
  const owner = site.isConstructor() ? 'new ' : '';
  return `${owner}${name} ${shown}:${site.getLineNumber() ?? '?'}`;
}

function fileOf(site: NodeJS.CallSite): string {
  const name = site.getFileName() ?? '';
  return name.startsWith('file:') ? fileURLToPath(name.replace(/[?#].*$/, '')) : name;
}
