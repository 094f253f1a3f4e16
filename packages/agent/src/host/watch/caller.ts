/** Who called: the frames above a watched function, without the service's own ways of writing a stack. Taken only where it was asked for: it costs some microseconds. */
import { fileURLToPath } from 'node:url';
import * as path from 'node:path';
import { callSites } from '../call-sites.ts';

/** Of ours at most (the wrapper, and what it calls), and the watched function itself. */
const otherFrames = 9;
const ownFolder = path.dirname(path.dirname(import.meta.dirname));

/**
 * Frames above the function that is watched, innermost first; none where they can not be had.
 * @param root files are named relative to it.
 * @param skipped of the service's innermost frames: the watched function itself.
 */
export function callers(root: string, count: number, skipped = 1): string[] {
  const frames = callSites(count + otherFrames, (site) => (isOurs(site) ? null : frame(site, root)), callers);
  return frames.filter((each) => each !== null).slice(skipped, skipped + count);
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
