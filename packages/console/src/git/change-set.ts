/** What a commit, a range or a patch changes: its files with the old and the new side of each, as git's objects. Nothing is checked out. */
import { KeyholeError } from '@keyhole/agent/protocol';
import type { GitOptions } from './repository.ts';

/** One side of a changed file. */
export interface FileSide {
  path: string;
  /** As git writes it: 100644, 100755, 120000 (a link), 160000 (a submodule). */
  mode: string;
  blob: string;
}

/** `before` is null where the file is new, `after` where it was deleted. */
export type ChangedFile =
  | { kind: 'modified' | 'renamed'; before: FileSide; after: FileSide }
  | { kind: 'added'; before: null; after: FileSide; copyOf?: string }
  | { kind: 'deleted'; before: FileSide; after: null };

export interface ChangeSet {
  /** The repository's folder. */
  top: string;
  /** For people: what it is. */
  title: string;
  /** The commit it is, in full, where it is one; and its first line. */
  commit: { id: string; subject: string } | null;
  /** What it is made of, oldest first: ids in full, as many as a push can name. */
  commits: string[];
  files: ChangedFile[];
  /** Whether the new side has a file. */
  has(path: string): Promise<boolean>;
  /** @throws {KeyholeError} GIT for what is larger than a source can be. */
  read(side: FileSide): Promise<Buffer>;
}

/** Git in the place that knows both sides. */
export type RunGit = (args: string[], options?: GitOptions) => Promise<Buffer>;

const maxFileBytes = 4 * 1024 * 1024;

/** The files that differ between two trees, renames and copies found by git. */
export async function changedFiles(run: RunGit, before: string, after: string): Promise<ChangedFile[]> {
  const flags = ['--no-ext-diff', '--no-textconv', '--find-renames', '--find-copies', '-l2000', '--full-index', '--no-abbrev'];
  const fields = (await run(['diff-tree', '-r', '-z', '--raw', ...flags, before, after])).toString('utf8').split('\0');
  const files: ChangedFile[] = [];
  for (let at = 0; at < fields.length && fields[at] !== '';) {
    const [, oldMode = '', newMode = '', oldBlob = '', newBlob = '', status = ''] =
      /^:(\d+) (\d+) ([0-9a-f]+) ([0-9a-f]+) ([A-Z])/.exec(fields[at] ?? '') ?? [];
    const first = fields[at + 1] ?? '';
    const hasTwo = status === 'R' || status === 'C';
    const second = hasTwo ? (fields[at + 2] ?? '') : first;
    at += hasTwo ? 3 : 2;
    const old = { path: first, mode: oldMode, blob: oldBlob };
    const renewed = { path: second, mode: newMode, blob: newBlob };
    if (status === 'A') files.push({ kind: 'added', before: null, after: renewed });
    else if (status === 'C') files.push({ kind: 'added', before: null, after: renewed, copyOf: first });
    else if (status === 'D') files.push({ kind: 'deleted', before: old, after: null });
    else if (status === 'R') files.push({ kind: 'renamed', before: old, after: renewed });
    else if (status === 'M' || status === 'T') files.push({ kind: 'modified', before: old, after: renewed });
    else throw new KeyholeError('GIT', `git says ${JSON.stringify(fields.slice(at - 2, at))} of a change, which is not understood`);
  }
  return files;
}

/** @param after the new side's tree. */
export function changeSet(run: RunGit, after: string, parts: Omit<ChangeSet, 'has' | 'read'>): ChangeSet {
  return {
    ...parts,
    async has(path) {
      return (await run(['--literal-pathspecs', 'ls-tree', '-z', after, '--', path])).length > 0;
    },
    async read({ path, blob }) {
      const bytes = Number((await run(['cat-file', '-s', blob])).toString('utf8'));
      if (bytes > maxFileBytes)
        throw new KeyholeError('GIT', `${JSON.stringify(path)} has ${bytes} bytes, more than the ${maxFileBytes} a source can have here`);
      return run(['cat-file', 'blob', blob]);
    },
  };
}

/** Whether a path of a tree or a patch stays inside the repository, and away from git's own folder. */
export function isInside(file: string): boolean {
  const parts = file.split('/');
  const hostile = parts.some((part) => part === '' || part === '.' || part === '..' || part.toLowerCase() === '.git');
  return !hostile && !/[\p{Cc}\\]/u.test(file);
}
