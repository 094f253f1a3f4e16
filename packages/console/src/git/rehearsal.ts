/** Mails are tried before they are handed out: applied as a stranger would, in a repository of its own, and compared with the commits that were meant. */
import { mkdir, writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import { KeyholeError } from '@keyhole/agent/protocol';
import type { CommitParts } from './message.ts';
import { git, gitText } from './repository.ts';
import type { Scratch } from './scratch.ts';

export interface Rehearsal {
  base: string;
  mails: Buffer[];
  /** What each mail has to give. */
  meant: { tree: string; parts: CommitParts }[];
  /** Files that they change; no other is written. */
  paths: string[];
}

/** Between commits; no text of a commit of ours holds it. */
const mark = '\u0001';

/** @throws {KeyholeError} GIT; then the mails are not handed out. */
export async function rehearse(scratch: Scratch, { base, mails, meant, paths }: Rehearsal): Promise<void> {
  const checkout = await scratch.repository();
  await git(checkout, ['config', 'core.sparseCheckout', 'true']);
  await mkdir(path.join(checkout, '.git', 'info'), { recursive: true });
  await writeFile(path.join(checkout, '.git', 'info', 'sparse-checkout'), paths.map((each) => `/${each.replace(/[\\*?[ ]/g, '\\$&')}\n`).join(''));
  await git(checkout, ['checkout', '-q', '--detach', base]);
  const committer = { GIT_COMMITTER_NAME: 'keyhole', GIT_COMMITTER_EMAIL: 'keyhole@keyhole.invalid' };
  try {
    await git(checkout, ['am', '-3', '-q', '--no-gpg-sign'], { env: committer, input: Buffer.concat(mails) });
  } catch (thrown) {
    throw unfit(`git am does not take it: ${KeyholeError.from(thrown).message}`);
  }
  const format = `--format=${['%T', '%an', '%ae', '%at', '%B'].join('%n')}%x01`;
  const applied = (await gitText(checkout, ['log', '--reverse', format, `${base}..HEAD`])).split(mark).map((each) => each.trim());
  const expected = meant.map(({ tree, parts: { author, date, subject, body } }) =>
    [tree, author.name, author.email, date, `${subject}\n\n${body}`].join('\n').trim(),
  );
  if (applied.join(mark) !== [...expected, ''].join(mark)) throw unfit('it gives another commit', { meant: expected, applied });
}

function unfit(why: string, details?: Record<string, unknown>): KeyholeError {
  return new KeyholeError(
    'GIT',
    `the mail was tried and is not handed out: ${why}`,
    'keyhole export --branch NAME makes the commits without mail.',
    details,
  );
}
