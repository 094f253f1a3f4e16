/**
 * Patches as mails for `git am`, or as commits on a branch. Commits are built in an object store of their own beside the repository's, what they hold is proven to be what runs, and each mail
 * is tried before it is handed out; the operator's checkout, index and HEAD are not touched.
 */
import { writeFile } from 'node:fs/promises';
import { KeyholeError, type PatchRecord } from '@keyhole/agent/protocol';
import type { AgentCalls } from '../typescript/calls.ts';
import { importsMissing } from '../typescript/import-lines.ts';
import { parseAuthor } from '../typescript/parse.ts';
import { buildCommits, type Built, type CommitSigner } from './commits.ts';
import { decodeSource, hasText } from './landing.ts';
import { rehearse } from './rehearsal.ts';
import { committerOf, fileAtCommit, git, gitText, locateInCommit, resolveCommit, topOf, type RepositoryPath } from './repository.ts';
import { withScratch, type Scratch } from './scratch.ts';
import { selectPatches, type PatchChain } from './selection.ts';

export interface ExportRequest {
  /** Of patches, live or not; none means every live one. */
  ids: string[];
  repo: string;
  output: string | null;
  branch?: string;
  includeLanded: boolean;
  /** One commit for a function that was pushed several times. */
  squash: boolean;
  /** For a branch; a mail carries no signature. */
  signer: CommitSigner | null;
}

export interface Exported {
  files: string[];
  commits: string[];
  patches: string[];
  mails: string[];
  /** What is to be known about them, a sentence each. */
  notes: string[];
}

type PlacedChain = PatchChain & { place: RepositoryPath };

/** @throws {KeyholeError} GIT where the repository does not hold what runs, what would be exported is not what runs, or a mail does not apply as it should. */
export async function exportPatches(connection: AgentCalls, request: ExportRequest): Promise<Exported> {
  const { service, root, chains, notes } = await selectPatches(connection, request.ids);
  const exported: Exported = { files: [], commits: [], patches: [], mails: [], notes };
  if (chains.length === 0) return exported;
  const top = await topOf(request.repo);
  const { branch } = request;
  if (branch !== undefined) await checkBranch(top, branch);
  const series = new Map<string, PlacedChain[]>();
  for (const chain of chains) {
    const base = await resolveCommit(top, chain.commit);
    const place = await locateInCommit(request.repo, root, chain.tip.file, base);
    if (!request.includeLanded && (await hasLanded(place, chain.tip))) continue;
    series.set(base, [...(series.get(base) ?? []), { ...chain, place }]);
  }
  if (branch !== undefined && series.size > 1) {
    const bases = [...series].map(([base, placed]) => `${placed.map(({ tip }) => tip.id).join(', ')} for ${base.slice(0, 12)}`);
    throw new KeyholeError(
      'GIT',
      `a branch begins at one commit, and the patches were made for several: ${bases.join('; ')}`,
      'Export them one after the other, by id.',
    );
  }

  const committer = await committerOf(top);
  for (const [base, placed] of series) {
    await withScratch(top, base, async (scratch) => {
      const built = await buildCommits(scratch, connection, { ...request, chains: placed, service, base, committer });
      if (branch === undefined) exported.mails.push(...(await triedMails(scratch, base, built)).map((mail) => mail.toString('utf8')));
      else exported.commits.push(...(await putOnBranch(scratch, top, branch, built)));
      exported.patches.push(...placed.flatMap(({ steps }) => steps.map(({ id }) => id)));
    });
  }
  if (branch === undefined && request.output !== null && exported.mails.length > 0) {
    await writeFile(request.output, exported.mails.join(''));
    exported.files.push(request.output);
  }
  return exported;
}

/** Mails that need nothing of each other merge best where the repository has moved on; where changes stand too near to each other for that, each is made on top of the one before. */
async function triedMails(scratch: Scratch, base: string, built: Built[]): Promise<Buffer[]> {
  const paths = [...new Set(built.map((each) => each.path))];
  const apart = built.map((each) => each.apart ?? each.mail);
  try {
    await rehearse(scratch, { base, mails: apart, meant: built, paths });
    return apart;
  } catch (thrown) {
    if (!(thrown instanceof KeyholeError)) throw thrown;
    const mails = built.map((each) => each.mail);
    await rehearse(scratch, { base, mails, meant: built, paths });
    return mails;
  }
}

/** The branch must not exist, also not since it was looked for. */
async function putOnBranch(scratch: Scratch, top: string, branch: string, built: Built[]): Promise<string[]> {
  const commits = built.map(({ commit }) => commit);
  const tip = commits.at(-1);
  if (tip === undefined) return [];
  await scratch.publish(commits);
  await git(top, ['update-ref', '--no-deref', `refs/heads/${branch}`, tip, '0'.repeat(tip.length)]);
  return commits;
}

async function checkBranch(top: string, branch: string): Promise<void> {
  await git(top, ['check-ref-format', '--branch', branch]);
  const exists = await gitText(top, ['rev-parse', '--verify', '--quiet', `refs/heads/${branch}`]).catch(() => '');
  if (exists !== '') throw new KeyholeError('GIT', `there is a branch ${branch} already`, 'Name another one, or delete it first.');
}

/** Whether HEAD has the function as the patch made it, up to comments and white space. */
async function hasLanded(place: RepositoryPath, { file, address, source, imports = [] }: PatchRecord): Promise<boolean> {
  const head = await gitText(place.top, ['rev-parse', 'HEAD']);
  try {
    const text = decodeSource(await fileAtCommit(place, head), file);
    return hasText(text, file, address, source) && importsMissing(parseAuthor(text, file), imports).length === 0;
  } catch (thrown) {
    // Gone or unreadable at HEAD: not landed there.
    if (thrown instanceof KeyholeError) return false;
    throw thrown;
  }
}
