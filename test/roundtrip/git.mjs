/** Git for the round trip: reads the repository that was given, and works in clones of its own, which share its objects. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';

export function git(cwd, ...words) {
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
  const { status, stdout, stderr } = spawnSync('git', ['-C', cwd, '-c', 'safe.directory=*', ...words], { env, maxBuffer: 256 * 1024 * 1024 });
  if (status !== 0) throw new Error(`git ${words.join(' ')}: ${stderr.toString()}`);
  return stdout;
}

/** Without blanks at the ends. */
export function gitText(cwd, ...words) {
  return git(cwd, ...words)
    .toString('utf8')
    .trim();
}

/** A clone for checkouts, of the given paths alone. */
export function cloneFor(repo, folder, paths) {
  mkdirSync(folder, { recursive: true });
  git(folder, 'clone', '-q', '--shared', '--no-checkout', repo, '.');
  git(folder, 'sparse-checkout', 'set', '--no-cone', ...paths.map((path) => `/${path}`));
}

/** What git does not know (a build) is removed, but for what `keep` names. */
export function checkOut(folder, commit, keep) {
  git(folder, 'checkout', '-q', '--force', '--detach', commit);
  git(folder, 'clean', '-qfdx', ...keep.flatMap((name) => ['-e', `/${name}`]));
}
