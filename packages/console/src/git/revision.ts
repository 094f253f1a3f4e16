/** A commit, or a range of commits, as one change. It only reads the repository. */
import { KeyholeError, limits } from '@keyhole/agent/protocol';
import { changedFiles, changeSet, type ChangeSet } from './change-set.ts';
import { git, gitText, topOf } from './repository.ts';

/**
 * What a commit changed against its parent.
 * @throws {KeyholeError} GIT for a merge (against which parent is for the operator to say, with a range) and for a first commit, where everything is new.
 */
export async function commitChange(cwd: string, revision: string): Promise<ChangeSet> {
  const top = await topOf(cwd);
  const id = await commitId(top, revision);
  const [parent, ...others] = (await gitText(top, ['rev-list', '--parents', '-n', '1', id])).split(' ').slice(1);
  const short = id.slice(0, 12);
  if (parent === undefined) {
    const isShallow = (await gitText(top, ['rev-parse', '--is-shallow-repository'])) === 'true';
    throw new KeyholeError(
      'GIT',
      `commit ${short} has no parent ${isShallow ? 'in this shallow clone' : ': everything in it is new'}`.replace(' :', ':'),
      isShallow
        ? 'Fetch more of the history (git fetch --deepen 1).'
        : 'A process is started from a first commit; there is nothing it could be changed from.',
    );
  }
  if (others.length > 0) {
    throw new KeyholeError(
      'GIT',
      `commit ${short} is a merge, and brings something else to each of its parents`,
      `Say which side runs: --range ${short}^1..${short}`,
    );
  }
  const subject = await gitText(top, ['show', '--no-patch', '--no-show-signature', '--format=%s', id]);
  return between(top, parent, id, { title: `commit ${short} ${subject}`, commit: { id, subject }, commits: [id] });
}

/** The net change from A to B of `A..B`; a side that is left out is HEAD, as git has it. */
export async function rangeChange(cwd: string, range: string): Promise<ChangeSet> {
  const [, from, dots, to] = /^(.*?)(\.{2,})(.*)$/.exec(range) ?? [];
  if (from === undefined || to === undefined)
    throw new KeyholeError('USAGE', `--range takes A..B, not ${range}`, 'One commit alone is given with --commit.');
  if (dots !== '..')
    throw new KeyholeError('USAGE', `--range takes A..B, not ${range}`, 'A...B means the place where both parted: name it (git merge-base A B).');
  const top = await topOf(cwd);
  const before = await commitId(top, from === '' ? 'HEAD' : from);
  const after = await commitId(top, to === '' ? 'HEAD' : to);
  // Of more than can be named the newest are.
  const newest = await gitText(top, ['rev-list', '--topo-order', `--max-count=${limits.maxPushedCommits}`, after, `^${before}`]);
  const commits = newest.split('\n').filter((id) => id !== '');
  return between(top, before, after, { title: `${before.slice(0, 12)}..${after.slice(0, 12)}`, commit: null, commits: commits.reverse() });
}

async function between(top: string, before: string, after: string, named: Pick<ChangeSet, 'title' | 'commit' | 'commits'>): Promise<ChangeSet> {
  const run = (args: string[]): Promise<Buffer> => git(top, args);
  return changeSet(run, after, { top, ...named, files: await changedFiles(run, before, after) });
}

async function commitId(top: string, revision: string): Promise<string> {
  // What begins with a dash would be an option to git.
  const found = revision.startsWith('-') ? '' : await gitText(top, ['rev-parse', '--verify', '--quiet', `${revision}^{commit}`]).catch(() => '');
  if (!/^[0-9a-f]{40,64}$/.test(found))
    throw new KeyholeError(
      'GIT',
      `${JSON.stringify(revision)} is no commit of this repository`,
      'git log shows what there is; git fetch brings more.',
    );
  return found;
}
