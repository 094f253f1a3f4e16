/** Runs git, as a program of its own. The only file that does. No shell, no configuration of anybody's where its output is read. */
import { execFile } from 'node:child_process';
import { realpath } from 'node:fs/promises';
import * as path from 'node:path';
import { KeyholeError } from '@keyhole/agent/protocol';

const maxOutputBytes = 256 * 1024 * 1024;
const timeoutMs = 120_000;

export interface GitOptions {
  env?: Record<string, string>;
  input?: string | Buffer;
}

/** A place in a repository. */
export interface RepositoryPath {
  top: string;
  /** Relative to the top, with forward slashes. */
  path: string;
}

/** @throws {KeyholeError} GIT with what git said. */
export function git(cwd: string, args: string[], { env = {}, input }: GitOptions = {}): Promise<Buffer> {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_')));
  const quiet = { GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' };
  const hardened = ['-c', 'core.hooksPath=/dev/null', '-c', 'core.fsmonitor=false', '-c', 'core.autocrlf=false', '-c', 'safe.directory=*'];
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

export async function topOf(cwd: string): Promise<string> {
  return realpath(await gitText(cwd, ['rev-parse', '--show-toplevel']));
}

/**
 * Where a file of the service lies in the repository around `cwd`. The file's name comes from the process and is not trusted.
 * @throws {KeyholeError} GIT for a path that leads out of the repository.
 */
export async function repositoryPath(cwd: string, root: string, file: string): Promise<RepositoryPath> {
  const top = await topOf(cwd);
  const realRoot = await realpath(root).catch(() => root);
  const inside = path.relative(top, realRoot);
  const prefix = inside.startsWith('..') || path.isAbsolute(inside) ? '' : inside.split(path.sep).join('/');
  const parts = file.split('/');
  const hostile =
    path.isAbsolute(file) ||
    parts.some((part) => part === '' || part === '.' || part === '..' || part.toLowerCase() === '.git') ||
    /[\p{Cc}\\]/u.test(file);
  if (hostile) throw new KeyholeError('GIT', `${JSON.stringify(file)} is no path inside a repository`);
  return { top, path: prefix === '' ? file : `${prefix}/${file}` };
}

export interface TreeEntry {
  mode: string;
  blob: string;
}

/** @throws {KeyholeError} GIT where the commit has no such plain file. */
export async function entryAtCommit({ top, path: file }: RepositoryPath, commit: string): Promise<TreeEntry> {
  if (!/^[0-9a-f]{40,64}$/.test(commit)) throw new KeyholeError('GIT', `${JSON.stringify(commit)} is no commit`);
  const line = await gitText(top, ['--literal-pathspecs', 'ls-tree', commit, '--', file]).catch(() => {
    throw new KeyholeError('GIT', `this repository does not have the commit ${commit} that runs`, 'Fetch it, or name the repository with --repo.');
  });
  const match = /^(\d+) blob ([0-9a-f]+)\t/.exec(line);
  if (match?.[1] === undefined || match[2] === undefined) throw new KeyholeError('GIT', `commit ${commit.slice(0, 12)} has no file ${file}`);
  if (match[1] === '120000') throw new KeyholeError('GIT', `${file} is a link in commit ${commit.slice(0, 12)}`);
  return { mode: match[1], blob: match[2] };
}

export async function fileAtCommit(place: RepositoryPath, commit: string): Promise<Buffer> {
  const { blob } = await entryAtCommit(place, commit);
  return git(place.top, ['cat-file', 'blob', blob]);
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
