/** From patches to commits in the scratch: each holds one push of one function, is proven to be what runs, and is a mail besides. */
import { KeyholeError, type PatchRecord } from '@keyhole/agent/protocol';
import { withImports } from '../typescript/import-lines.ts';
import { baseOf, type BaseFile } from '../typescript/base.ts';
import type { AgentCalls } from '../typescript/calls.ts';
import { decodeSource, replaced, sameText, standingOf, withLineEndsOf } from './landing.ts';
import { diffOptions, mailOf } from './mail.ts';
import { commitParts, type CommitParts } from './message.ts';
import { proveExport, type BaseOf, type Running } from './proof.ts';
import { entryAtCommit, fileAtCommit, type RepositoryPath } from './repository.ts';
import type { Scratch } from './scratch.ts';
import type { PatchChain } from './selection.ts';

/** Who signs commits, and the key that the signature is checked with. */
export interface CommitSigner {
  /** `ssh-ed25519 AAAA...` */
  publicKey: string;
  /** An armored SSHSIG over the text, of namespace `git`. */
  sign(text: string): Promise<string>;
}

export interface CommitSeries {
  chains: readonly (PatchChain & { place: RepositoryPath })[];
  service: string;
  /** The commit that the patches were made for. */
  base: string;
  /** One commit for a function that was pushed several times. */
  squash: boolean;
  /** As git writes it, or null: then it is the author. */
  committer: string | null;
  signer: CommitSigner | null;
}

/** One commit of the export. */
export interface Built {
  commit: string;
  tree: string;
  path: string;
  parts: CommitParts;
  mail: Buffer;
  /** The same change as one of the base alone, as if no other function had been patched; null where it is made on top of others. */
  apart: Buffer | null;
}

/** One commit to be. */
interface Step {
  chain: PatchChain & { place: RepositoryPath };
  /** What the commit says: the patches that it brings together. */
  patches: readonly [PatchRecord, ...PatchRecord[]];
  patch: PatchRecord;
  /** The text that has to stand there. */
  from: string;
}

/** @throws {KeyholeError} GIT where the commit does not hold what was patched, or a patch is not what runs. */
export async function buildCommits(scratch: Scratch, connection: AgentCalls, series: CommitSeries): Promise<Built[]> {
  const built: Built[] = [];
  const bases = new Map<string, Promise<BaseFile>>();
  const baseFor: BaseOf = (file, repo) => {
    const known = bases.get(file) ?? baseOf(connection, file, repo);
    bases.set(file, known);
    return known;
  };
  let tip = series.base;
  for (const step of inOrder(series.chains.flatMap((chain) => stepsOf(chain, series.squash)))) {
    const next = await buildCommit(scratch, { connection, baseFor }, series, step, tip);
    if (next === null) continue;
    built.push(next);
    tip = next.commit;
  }
  return built;
}

function stepsOf(chain: Step['chain'], squash: boolean): Step[] {
  const { steps, tip } = chain;
  if (squash) return [{ chain, patches: steps, patch: tip, from: steps[0].baseSource }];
  return steps.map((patch, index) => ({ chain, patches: [patch], patch, from: steps[index - 1]?.source ?? patch.baseSource }));
}

/**
 * As they were applied, but a function before the ones in it, whenever it was patched: its new text holds those as they were when somebody edited it, and what runs in their place is the patch of
 * their own.
 */
function inOrder(steps: readonly Step[]): Step[] {
  const rank = ({ patch: { entry, address } }: Step): number =>
    Math.max(entry, ...steps.map(({ patch }) => (address.startsWith(`${patch.address}.`) ? patch.entry : 0)));
  return [...steps].sort((a, b) => rank(a) - rank(b) || a.patch.address.length - b.patch.address.length || a.patch.entry - b.patch.entry);
}

/** The next commit; null where an earlier one holds the function's new text already. */
async function buildCommit(scratch: Scratch, running: Running, series: CommitSeries, step: Step, tip: string): Promise<Built | null> {
  const { chain, patches, patch, from } = step;
  const { place } = chain;
  const { service, base, committer, signer } = series;
  const { mode } = await entryAtCommit(place, tip, scratch.git);
  const before = decodeSource(await fileAtCommit(place, tip, scratch.git), place.path);
  const standing = standingOf(before, patch.file, patch.address);
  if (standing === null) throw new KeyholeError('GIT', `${patch.address} is not in ${place.path} at commit ${base.slice(0, 12)}`);
  if (!sameText(standing.text, from) && !sameText(standing.text, patch.source)) {
    throw new KeyholeError(
      'GIT',
      `${patch.address} at commit ${base.slice(0, 12)} is not the text that was patched`,
      await hintOfFilter(scratch, tip, place.path),
      {
        expected: from,
        actual: standing.text,
      },
    );
  }
  const changed = replaced(before, patch.file, standing, withLineEndsOf(standing.text, patch.source, before));
  const after = withImports(changed, patch.file, patch.imports ?? []);
  await proveExport(running, patch, { text: after, repo: place.top, runs: chain.live && patch === chain.tip, thread: chain.thread });
  if (after === before) return null;
  const parts = commitParts(patches, service, base);
  const tree = await scratch.tree({ parent: tip, path: place.path, mode, content: Buffer.from(after) });
  const commit = await commitOf(scratch, { tree, parent: tip, parts, committer }, signer);
  const diff = await scratch.git(['diff-tree', ...diffOptions(after), tip, commit]);
  const apart = from === chain.steps[0].baseSource ? await diffApart(scratch, base, step, mode) : null;
  return { commit, tree, path: place.path, parts, mail: mailOf(parts, commit, diff), apart: apart && mailOf(parts, commit, apart) };
}

/** Whoever has the base can merge it: the blob on the left is one of the base, and not one that an earlier mail makes. */
async function diffApart(scratch: Scratch, base: string, { chain: { place }, patch }: Step, mode: string): Promise<Buffer | null> {
  const text = decodeSource(await fileAtCommit(place, base, scratch.git), place.path);
  const standing = standingOf(text, patch.file, patch.address);
  if (standing === null) return null;
  const changed = text.slice(0, standing.start) + withLineEndsOf(standing.text, patch.source, text) + text.slice(standing.end);
  const after = withImports(changed, patch.file, patch.imports ?? []);
  const tree = await scratch.tree({ parent: base, path: place.path, mode, content: Buffer.from(after) });
  return scratch.git(['diff-tree', ...diffOptions(after), base, tree]);
}

interface CommitText {
  tree: string;
  parent: string;
  parts: CommitParts;
  committer: string | null;
}

/** @returns the id of the commit. */
async function commitOf(scratch: Scratch, { tree, parent, parts, committer }: CommitText, signer: CommitSigner | null): Promise<string> {
  const { author, date, subject, body } = parts;
  const written = `${author.name} <${author.email}> ${date} +0000`;
  const head = [`tree ${tree}`, `parent ${parent}`, `author ${written}`, `committer ${committer ?? written}`].join('\n');
  const message = `\n\n${subject}\n\n${body}\n`;
  if (signer === null) return scratch.commit(head + message);
  const signature = (await signer.sign(head + message)).trim().replaceAll('\n', '\n ');
  const field = scratch.objectFormat === 'sha1' ? 'gpgsig' : `gpgsig-${scratch.objectFormat}`;
  const commit = await scratch.commit(`${head}\n${field} ${signature}${message}`);
  await scratch.verify(commit, signer.publicKey);
  return commit;
}

/** Why a text in git may be another one than the text on the disk. */
async function hintOfFilter(scratch: Scratch, tip: string, file: string): Promise<string> {
  await scratch.git(['read-tree', tip]);
  const words = ['check-attr', '--cached', '-z', 'filter', 'ident', 'working-tree-encoding', '--', file];
  const [, name, value] =
    /\0(filter|ident|working-tree-encoding)\0(?!unspecified|unset)([^\0]*)/.exec((await scratch.git(words)).toString('utf8')) ?? [];
  if (name === undefined) return 'The process runs something else than its commit says.';
  return `.gitattributes gives the file ${name}=${value}: git changes its text on the way to the disk. Carry the change home by hand: keyhole diff.`;
}
