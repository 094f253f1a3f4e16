/** A place for commits that nobody else sees: an index and an object store in a temporary folder, which read the repository's objects and write none there. */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { KeyholeError } from '@keyhole/agent/protocol';
import { git, gitText, type GitOptions } from './repository.ts';

/** One file changed. */
export interface ScratchChange {
  parent: string;
  path: string;
  mode: string;
  content: Buffer;
}

export interface Scratch {
  git(args: string[], options?: GitOptions): Promise<Buffer>;
  /** @returns the id of the tree. */
  tree(change: ScratchChange): Promise<string>;
  /** @param text as git stores a commit. @returns its id. */
  commit(text: string): Promise<string>;
  /**
   * Has git check the signature of a commit.
   * @param publicKey `ssh-ed25519 AAAA...`
   * @throws {KeyholeError} GIT where it was not made by that key.
   */
  verify(commit: string, publicKey: string): Promise<void>;
  /** Copies commits and what belongs to them into the repository. */
  publish(commits: string[]): Promise<void>;
  /** An empty repository, not bare, that reads the objects of the operator's (none of this place's) and has no settings of anybody's. */
  repository(): Promise<string>;
  /** A folder for whoever needs one; it goes with the scratch. */
  folder: string;
  /** `sha1` or `sha256`. */
  objectFormat: string;
}

export async function withScratch<T>(top: string, base: string, work: (scratch: Scratch) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhole-export-'));
  try {
    const objects = path.resolve(top, await gitText(top, ['rev-parse', '--git-path', 'objects']));
    const shallow = path.resolve(top, await gitText(top, ['rev-parse', '--git-path', 'shallow']));
    const objectFormat = await gitText(top, ['rev-parse', '--show-object-format']);
    const own = path.join(folder, 'objects');
    await mkdir(own);
    const env = { GIT_OBJECT_DIRECTORY: own, GIT_ALTERNATE_OBJECT_DIRECTORIES: quoted(objects), GIT_INDEX_FILE: path.join(folder, 'index') };
    const run = (args: string[], options: GitOptions = {}): Promise<Buffer> => git(top, args, { ...options, env: { ...env, ...options.env } });
    const text = async (args: string[], options?: GitOptions): Promise<string> => (await run(args, options)).toString('utf8').trim();
    await run(['cat-file', '-e', `${base}^{commit}`]).catch(() => {
      throw new KeyholeError('GIT', `this repository does not have the commit ${base} that runs`, 'Fetch it, or name the repository with --repo.');
    });
    return await work({
      folder,
      objectFormat,
      git: run,
      async tree({ parent, path: file, mode, content }) {
        const blob = await text(['hash-object', '-w', '--stdin'], { input: content });
        await run(['read-tree', parent]);
        await run(['update-index', '--add', '--cacheinfo', `${mode},${blob},${file}`]);
        // A partial clone need not have what is not touched.
        return text(['write-tree', '--missing-ok']);
      },
      commit: (commit) => text(['hash-object', '-w', '-t', 'commit', '--stdin'], { input: commit }),
      async verify(commit, publicKey) {
        const signers = path.join(folder, 'allowed-signers');
        await writeFile(signers, `operator@keyhole.invalid namespaces="git" ${publicKey}\n`);
        const settings = ['gpg.format=ssh', 'gpg.ssh.program=ssh-keygen', `gpg.ssh.allowedSignersFile=${signers}`];
        await run([...settings.flatMap((each) => ['-c', each]), 'verify-commit', commit]).catch((thrown: unknown) => {
          const why = KeyholeError.from(thrown).message;
          throw new KeyholeError(
            'GIT',
            `git does not accept the signature of the commit: ${why}`,
            'Nothing was exported. git needs ssh-keygen (OpenSSH 8.2 or later) to check one.',
          );
        });
      },
      async publish(commits) {
        const pack = await run(['pack-objects', '--revs', '--stdout', '-q'], { input: `${commits.join('\n')}\n^${base}\n` });
        await git(top, ['unpack-objects', '-q'], { input: pack });
      },
      async repository() {
        const place = await mkdtemp(path.join(folder, 'repository-'));
        await git(place, ['init', '-q', '--template=', `--object-format=${objectFormat}`, '.']);
        const inside = path.join(place, '.git');
        await mkdir(path.join(inside, 'objects', 'info'), { recursive: true });
        await writeFile(path.join(inside, 'objects', 'info', 'alternates'), `${quoted(objects)}\n`);
        // A shallow clone has no parents of its oldest commits; only this file says that none are missing.
        await copyFile(shallow, path.join(inside, 'shallow')).catch((error: NodeJS.ErrnoException) => {
          if (error.code !== 'ENOENT') throw error;
        });
        return place;
      },
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** As git reads a path in a list of them, whatever is in it. */
function quoted(place: string): string {
  return `"${place.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`;
}
