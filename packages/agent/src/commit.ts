/** Which commit runs: from the environment, from package.json, or from the repository's own files. No git is started: the service may have none. */
import * as path from 'node:path';
import { required } from './platform/later.ts';

const { readFileSync } = required<typeof import('node:fs')>('node:fs');

export interface FoundCommit {
  commit: string;
  /** Where that was said, for people. */
  from: string;
}

/** An empty variable says nothing. */
export function findCommit(root: string, environment: NodeJS.ProcessEnv): FoundCommit | null {
  const found: [string | null | undefined, string][] = [
    [environment.GIT_COMMIT?.trim(), 'GIT_COMMIT'],
    [fromPackage(root), 'gitHead in package.json'],
    [fromRepository(root), 'the repository, as it was when the process started'],
  ];
  for (const [commit, from] of found) if (typeof commit === 'string' && commit !== '') return { commit, from };
  return null;
}

function fromPackage(root: string): string | null {
  const text = read(path.join(root, 'package.json'));
  if (text === null) return null;
  try {
    const { gitHead } = JSON.parse(text) as { gitHead?: unknown };
    return typeof gitHead === 'string' ? gitHead : null;
  } catch {
    return null;
  }
}

function fromRepository(root: string): string | null {
  for (let at = root; ; at = path.dirname(at)) {
    const commit = headOf(path.join(at, '.git'));
    if (commit !== null) return commit;
    if (path.dirname(at) === at) return null;
  }
}

function headOf(dotGit: string): string | null {
  // In a worktree or a submodule .git is a file that names the folder.
  const pointer = /^gitdir: (.+)$/m.exec(read(dotGit) ?? '')?.[1];
  const dir = pointer === undefined ? dotGit : path.resolve(path.dirname(dotGit), pointer);
  const head = read(path.join(dir, 'HEAD'))?.trim();
  if (head === undefined) return null;
  const reference = /^ref: (.+)$/.exec(head)?.[1];
  if (reference === undefined) return /^[0-9a-f]{40,64}$/.test(head) ? head : null;
  const common = read(path.join(dir, 'commondir'))?.trim();
  const shared = common === undefined ? dir : path.resolve(dir, common);
  const loose = read(path.join(dir, reference)) ?? read(path.join(shared, reference));
  if (loose !== null) return loose.trim();
  const packed = read(path.join(shared, 'packed-refs')) ?? '';
  const line = packed.split('\n').find((each) => each.endsWith(` ${reference}`));
  return line?.split(' ')[0] ?? null;
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
