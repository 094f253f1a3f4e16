/** Runs git, as a program of its own. The only file that does. No shell; no configuration of anybody's but to learn who commits. */
import { execFile } from 'node:child_process';
import { realpath } from 'node:fs/promises';
import * as path from 'node:path';
import { KeyholeError } from '@keyhole/agent/protocol';
import { checkPath } from './path.ts';

const maxOutputBytes = 256 * 1024 * 1024;
const timeoutMs = 120_000;
/** A source that is larger is none that somebody wrote. */
const maxFileBytes = 16 * 1024 * 1024;
const settings = {
  'core.hooksPath': '/dev/null',
  'core.fsmonitor': 'false',
  'core.autocrlf': 'false',
  'core.protectNTFS': 'true',
  'core.protectHFS': 'true',
  'safe.directory': '*',
};
const hardened = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);

export interface GitOptions {
  env?: Record<string, string>;
  input?: string | Buffer;
}

/** git, in a place that is settled. */
export type RunGit = (args: string[]) => Promise<Buffer>;

/** A place in a repository. */
export interface RepositoryPath {
  top: string;
  /** Relative to the top, with forward slashes. */
  path: string;
}

/** @throws {KeyholeError} GIT with what git said. */
export function git(cwd: string, args: string[], { env = {}, input }: GitOptions = {}): Promise<Buffer> {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_')));
  const quiet = { GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', GIT_TERMINAL_PROMPT: '0', GIT_NO_REPLACE_OBJECTS: '1', LC_ALL: 'C' };
  return new Promise((resolve, reject) => {
    const child = execFile(
      'git',
      ['-C', cwd, ...hardened, ...args],
      { env: { ...inherited, ...quiet, ...env }, encoding: 'buffer', maxBuffer: maxOutputBytes, timeout: timeoutMs },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else if ((error as NodeJS.ErrnoException).code === 'ENOENT') reject(new KeyholeError('GIT', 'git is not installed'));
        else reject(new KeyholeError('GIT', `git ${args[0] ?? ''}: ${stderr.toString('utf8').trim() || error.message}`));
      },
    );
    // A git that ended early has said why; the broken pipe says nothing more.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input ?? '');
  });
}

export async function gitText(cwd: string, args: string[], options?: GitOptions): Promise<string> {
  return (await git(cwd, args, options)).toString('utf8').trim();
}

/**
 * Who commits, as git takes it from the operator's own settings and environment: `Name <email> seconds zone`.
 * @returns null where nobody told git; a name made of login and host is none.
 */
export function committerOf(cwd: string): Promise<string | null> {
  return new Promise((resolve) => {
    execFile('git', ['-C', cwd, '-c', 'user.useConfigOnly=true', 'var', 'GIT_COMMITTER_IDENT'], { timeout: timeoutMs }, (error, stdout) => {
      resolve(error === null && /^[^<>\n]+ <[^<>\n]+> \d+ [+-]\d{4}\n$/.test(stdout) ? stdout.trim() : null);
    });
  });
}

export async function topOf(cwd: string): Promise<string> {
  return realpath(await gitText(cwd, ['rev-parse', '--show-toplevel']));
}

/**
 * Where a file of the service lies in the repository around `cwd`. The file's name comes from the process and is not trusted.
 * @throws {KeyholeError} GIT for a path that leads out of the repository.
 */
export async function repositoryPath(cwd: string, root: string, file: string): Promise<RepositoryPath> {
  const top = await topOf(cwd);
  if (path.isAbsolute(file)) {
    // The process names what lies outside of its own folder so: in a monorepo, another package.
    const below = path.relative(top, file).split(path.sep).join('/');
    checkPath(below);
    return { top, path: below };
  }
  checkPath(file);
  const inside = path.relative(top, await realpath(root).catch(() => root));
  const prefix = inside.startsWith('..') || path.isAbsolute(inside) ? '' : inside.split(path.sep).join('/');
  return { top, path: prefix === '' ? file : `${prefix}/${file}` };
}

/**
 * Where a file of the service lies in a commit. The service may run in another place than the checkout, and the checkout may hold more than the service: the file is looked for below the
 * service's own folder, below `cwd`, at the top, and last as the only one whose path ends so.
 * @throws {KeyholeError} GIT naming the candidates where there are several.
 */
export async function locateInCommit(cwd: string, root: string, file: string, commit: string): Promise<RepositoryPath> {
  const { top, path: first } = await repositoryPath(cwd, root, file);
  if (path.isAbsolute(file)) return { top, path: first };
  const below = path
    .relative(top, await realpath(cwd))
    .split(path.sep)
    .join('/');
  const paths = (await git(top, ['ls-tree', '-r', '-z', '--name-only', '--full-tree', commit])).toString('utf8').split('\0');
  const likely = [first, below === '' ? file : `${below}/${file}`, file].find((each) => paths.includes(each));
  if (likely !== undefined) return { top, path: likely };
  const candidates = paths.filter((each) => each.endsWith(`/${file}`));
  if (candidates.length > 1) {
    const some = candidates.slice(0, 5).join(', ');
    throw new KeyholeError('GIT', `${file} may be any of ${some} at commit ${commit.slice(0, 12)}`, 'Name the folder of the service with --repo.');
  }
  return { top, path: candidates[0] ?? first };
}

export interface TreeEntry {
  mode: string;
  blob: string;
}

/**
 * The full id of a commit that the process named.
 * @throws {KeyholeError} GIT where it is no commit of this repository.
 */
export async function resolveCommit(top: string, commit: string): Promise<string> {
  if (typeof commit !== 'string' || !/^[0-9a-f]{7,64}$/.test(commit)) throw new KeyholeError('GIT', `${JSON.stringify(commit)} is no commit`);
  return gitText(top, ['rev-parse', '--verify', '--quiet', `${commit}^{commit}`]).catch(() => {
    throw new KeyholeError('GIT', `this repository does not have the commit ${commit} that runs`, 'Fetch it, or name the repository with --repo.');
  });
}

/** @throws {KeyholeError} GIT where the commit has no such plain file. */
export async function entryAtCommit({ top, path: file }: RepositoryPath, commit: string, run: RunGit = (args) => git(top, args)): Promise<TreeEntry> {
  if (!/^[0-9a-f]{40,64}$/.test(commit)) throw new KeyholeError('GIT', `${JSON.stringify(commit)} is no commit`);
  const listed = await run(['--literal-pathspecs', 'ls-tree', '--full-tree', commit, '--', file]).catch(() => {
    throw new KeyholeError('GIT', `this repository does not have the commit ${commit} that runs`, 'Fetch it, or name the repository with --repo.');
  });
  const match = /^(\d+) blob ([0-9a-f]+)\t/.exec(listed.toString('utf8'));
  if (match?.[1] === undefined || match[2] === undefined) throw new KeyholeError('GIT', `commit ${commit.slice(0, 12)} has no file ${file}`);
  if (match[1] === '120000') throw new KeyholeError('GIT', `${file} is a link in commit ${commit.slice(0, 12)}`);
  return { mode: match[1], blob: match[2] };
}

/** @throws {KeyholeError} GIT where the commit has no such plain file, or it is too large to be a source. */
export async function fileAtCommit(place: RepositoryPath, commit: string, run: RunGit = (args) => git(place.top, args)): Promise<Buffer> {
  const { blob } = await entryAtCommit(place, commit, run);
  const bytes = Number(await run(['cat-file', '-s', blob]));
  if (bytes > maxFileBytes)
    throw new KeyholeError('GIT', `${place.path} has ${bytes} bytes at commit ${commit.slice(0, 12)}; a source has at most ${maxFileBytes}`);
  return run(['cat-file', 'blob', blob]);
}

/** Names under which the process may know a file: below its root, else ends of the path inside its repository, longest first. */
export async function fileNames(absolute: string, root: string): Promise<string[]> {
  const realRoot = await realpath(root).catch(() => root);
  const below = path.relative(realRoot, absolute);
  if (!below.startsWith('..') && !path.isAbsolute(below)) return [below.split(path.sep).join('/')];
  const top = await topOf(path.dirname(absolute)).catch(() => path.dirname(absolute));
  const parts = path.relative(top, absolute).split(path.sep);
  return parts.map((_, index) => parts.slice(index).join('/'));
}
