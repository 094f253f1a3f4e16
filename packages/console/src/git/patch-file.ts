/**
 * A patch file (a diff, or mails as `git format-patch` writes them) as a change of the commit that runs. Git itself applies it, to an index and objects in a temporary folder
 * with a repository of its own: no checkout, no index, no ref, no configuration and no hook of the operator's repository takes part.
 */
import { mkdir, readFile, readdir, stat } from 'node:fs/promises';
import * as path from 'node:path';
import { KeyholeError } from '@keyhole/agent/protocol';
import { changedFiles, changeSet, isInside, type ChangeSet } from './change-set.ts';
import { git, topOf, type GitOptions } from './repository.ts';
import { withScratch } from './scratch.ts';

const maxPatchBytes = 16 * 1024 * 1024;

interface PatchFile {
  /** A folder inside the repository that has the commit. */
  repo: string;
  file: string;
  /** The commit that runs. */
  base: string;
}

/** @throws {KeyholeError} USAGE for a file that can not be read, GIT where it is no patch, does not apply, or leads out of the repository. */
export async function withPatchFile<T>({ repo, file, base }: PatchFile, work: (change: ChangeSet) => Promise<T>): Promise<T> {
  if (!/^[0-9a-f]{40,64}$/.test(base)) throw new KeyholeError('GIT', `${JSON.stringify(base)}, which runs, is no commit`);
  const bytes = await readPatch(file);
  const top = await topOf(repo);
  return withScratch(top, base, async (scratch) => {
    const gitDir = path.join(scratch.folder, 'repository');
    await git(scratch.folder, ['init', '-q', '--bare', `--object-format=${scratch.objectFormat}`, gitDir]);
    const run = (args: string[], options: GitOptions = {}): Promise<Buffer> =>
      scratch.git(args, { ...options, env: { ...options.env, GIT_DIR: gitDir, GIT_WORK_TREE: scratch.folder } });
    await run(['read-tree', base]);
    const before = (await run(['write-tree'])).toString('utf8').trim();
    for (const diff of isMail(bytes) ? await diffsOfMails(run, bytes, scratch.folder) : [bytes]) {
      // Three-way where the blobs are known here, else as it stands. A path with `..`, of an absolute place or below .git is refused by git.
      await run(['apply', '--cached', '--3way', '--whitespace=nowarn', '-'], { input: diff }).catch((thrown: unknown) => {
        throw doesNotApply(thrown, file, base);
      });
    }
    const after = (await run(['write-tree'])).toString('utf8').trim();
    const files = await changedFiles(run, before, after);
    for (const { path: name } of files.flatMap((each) => [each.before ?? [], each.after ?? []].flat())) {
      if (!isInside(name)) throw new KeyholeError('GIT', `${JSON.stringify(name)} is no path inside a repository`);
    }
    return work(changeSet(run, after, { top, title: path.basename(file), commit: null, commits: [], files }));
  });
}

async function readPatch(file: string): Promise<Buffer> {
  try {
    const { size } = await stat(file);
    if (size > maxPatchBytes) throw new KeyholeError('USAGE', `${file} has ${size} bytes: a patch can have ${maxPatchBytes}`);
    return await readFile(file);
  } catch (error) {
    if (error instanceof KeyholeError) throw error;
    throw new KeyholeError('USAGE', `--patch ${file} can not be read: ${(error as Error).message}`);
  }
}

function isMail(bytes: Buffer): boolean {
  return /^(From [0-9a-f]{40,64} |[A-Za-z-]+: )/.test(bytes.subarray(0, 200).toString('latin1'));
}

/** As `git am` reads them: encodings undone, one diff a mail, oldest first. */
async function diffsOfMails(run: (args: string[], options?: GitOptions) => Promise<Buffer>, mails: Buffer, folder: string): Promise<Buffer[]> {
  const split = path.join(folder, 'mails');
  await mkdir(split);
  await run(['mailsplit', '--keep-cr', `-o${split}`], { input: mails });
  const diffs: Buffer[] = [];
  for (const name of (await readdir(split)).sort()) {
    const diff = path.join(folder, 'diff');
    await run(['mailinfo', '-n', path.join(folder, 'message'), diff], { input: await readFile(path.join(split, name)) });
    diffs.push(await readFile(diff));
  }
  return diffs;
}

function doesNotApply(thrown: unknown, file: string, base: string): KeyholeError {
  const error = KeyholeError.from(thrown);
  if (error.code !== 'GIT') return error;
  const said = error.message
    .replace(/^git apply: /, '')
    .split('\n')
    .map((line) => line.replace(/^error: /, ''))
    .filter((line) => !/^(Falling back|Performing three-way)/.test(line));
  return new KeyholeError(
    'GIT',
    `${path.basename(file)} does not apply to commit ${base.slice(0, 12)}, which runs: ${said.join('; ')}`,
    'Make the patch for that commit (git rebase), or push what it became with --range.',
  );
}
