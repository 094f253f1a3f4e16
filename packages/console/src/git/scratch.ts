/** A place for commits that nobody else sees: an index and an object store in a temporary folder, which read the repository's objects and write none there. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { KeyholeError } from '@keyhole/agent/protocol';
import type { CommitParts } from './mail.ts';
import { git, gitText, type GitOptions } from './repository.ts';

export interface ScratchCommit {
  parent: string;
  path: string;
  mode: string;
  content: Buffer;
  parts: CommitParts;
}

export interface Scratch {
  git(args: string[], options?: GitOptions): Promise<Buffer>;
  /** @returns the commit's id. */
  commit(commit: ScratchCommit): Promise<string>;
  /** Copies commits and what belongs to them into the repository. */
  publish(commits: string[]): Promise<void>;
  /** A folder for whoever needs one; it goes with the scratch. */
  folder: string;
  objects: string;
}

export async function withScratch<T>(top: string, base: string, work: (scratch: Scratch) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhole-export-'));
  try {
    const objects = path.resolve(top, await gitText(top, ['rev-parse', '--git-path', 'objects']));
    const own = path.join(folder, 'objects');
    await mkdir(own);
    const env = { GIT_OBJECT_DIRECTORY: own, GIT_ALTERNATE_OBJECT_DIRECTORIES: objects, GIT_INDEX_FILE: path.join(folder, 'index') };
    const run = (args: string[], options: GitOptions = {}): Promise<Buffer> => git(top, args, { ...options, env: { ...env, ...options.env } });
    const text = async (args: string[], options?: GitOptions): Promise<string> => (await run(args, options)).toString('utf8').trim();
    await run(['cat-file', '-e', `${base}^{commit}`]).catch(() => {
      throw new KeyholeError('GIT', `this repository does not have the commit ${base} that runs`, 'Fetch it, or name the repository with --repo.');
    });
    return await work({
      folder,
      objects,
      git: run,
      async commit({ parent, path: file, mode, content, parts }) {
        const blob = await text(['hash-object', '-w', '--stdin'], { input: content });
        await run(['read-tree', parent]);
        await run(['update-index', '--add', '--cacheinfo', `${mode},${blob},${file}`]);
        const tree = await text(['write-tree']);
        const { author, date, subject, body } = parts;
        const stamp = `${date} +0000`;
        const identity = {
          GIT_AUTHOR_NAME: author.name,
          GIT_AUTHOR_EMAIL: author.email,
          GIT_AUTHOR_DATE: stamp,
          GIT_COMMITTER_NAME: author.name,
          GIT_COMMITTER_EMAIL: author.email,
          GIT_COMMITTER_DATE: stamp,
        };
        return text(['commit-tree', tree, '-p', parent, '-F', '-'], { env: identity, input: `${subject}\n\n${body}\n` });
      },
      async publish(commits) {
        const pack = await run(['pack-objects', '--revs', '--stdout', '-q'], { input: `${commits.join('\n')}\n^${base}\n` });
        await git(top, ['unpack-objects', '-q'], { input: pack });
      },
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export interface MailCheck {
  base: string;
  mails: Buffer[];
  tip: string;
  commits: string[];
  keepCarriageReturns: boolean;
}

/**
 * Applies the mails as a stranger would, in a fresh checkout of the base, and compares: as many commits, the same trees, authors, dates and subjects.
 * @throws {KeyholeError} GIT; then the mails are not handed out.
 */
export async function checkMails(scratch: Scratch, { base, mails, tip, commits, keepCarriageReturns }: MailCheck): Promise<void> {
  const checkout = path.join(scratch.folder, 'checkout');
  await mkdir(checkout);
  await git(checkout, ['init', '-q', '.']);
  await writeFile(path.join(checkout, '.git', 'objects', 'info', 'alternates'), `${scratch.objects}\n`);
  await git(checkout, ['checkout', '-q', '--detach', base]);
  const committer = { GIT_COMMITTER_NAME: 'keyhole', GIT_COMMITTER_EMAIL: 'keyhole@keyhole.invalid' };
  const args = ['am', '-q', '--no-gpg-sign', ...(keepCarriageReturns ? ['--keep-cr'] : [])];
  await git(checkout, args, { env: committer, input: Buffer.concat(mails) });
  const format = '--format=%T%n%an <%ae>%n%at%n%s';
  const applied = await gitText(checkout, ['log', '--reverse', format, `${base}..HEAD`]);
  const meant = (await scratch.git(['log', '--reverse', format, `${base}..${tip}`])).toString('utf8').trim();
  const count = await gitText(checkout, ['rev-list', '--count', `${base}..HEAD`]);
  if (applied !== meant || Number(count) !== commits.length) {
    throw new KeyholeError(
      'GIT',
      'the mail does not give the commit it should, and was not handed out',
      'This is a bug of Keyhole; keyhole export --branch makes the commits without mail.',
      {
        meant,
        applied,
      },
    );
  }
}
