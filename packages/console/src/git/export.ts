/**
 * Live patches as mails for `git am`, or as commits on a branch. Commits are built in an object store of their own beside the repository's, what they hold is proven to be what runs, and
 * each mail is tried before it is handed out; the operator's checkout, index and HEAD are not touched.
 */
import { writeFile } from 'node:fs/promises';
import { KeyholeError, type PatchRecord } from '@keyhole/agent/protocol';
import type { AgentCalls } from '../typescript/base.ts';
import { formOf } from '../typescript/compare.ts';
import { parseAuthor } from '../typescript/parse.ts';
import { decodeSource, replaced, sameText, standingOf, withLineEndsOf } from './landing.ts';
import { diffOptions, mailOf } from './mail.ts';
import { commitParts, type CommitParts } from './message.ts';
import { proveExport } from './proof.ts';
import { checkRecords } from './record.ts';
import { rehearse } from './rehearsal.ts';
import { committerOf, entryAtCommit, fileAtCommit, git, gitText, locateInCommit, resolveCommit, topOf, type RepositoryPath } from './repository.ts';
import { withScratch, type Scratch } from './scratch.ts';

export interface ExportRequest {
  ids: string[];
  repo: string;
  output: string | null;
  branch?: string;
  includeLanded: boolean;
}

export interface Exported {
  files: string[];
  commits: string[];
  patches: string[];
  mails: string[];
}

/** One commit of the export. */
interface Built {
  commit: string;
  tree: string;
  path: string;
  parts: CommitParts;
  mail: Buffer;
}

/** @throws {KeyholeError} GIT where the repository does not hold what runs, what would be exported is not what runs, or a mail does not apply as it should. */
export async function exportPatches(connection: AgentCalls, request: ExportRequest): Promise<Exported> {
  const { service, root, commit, patches } = await connection.call('patch.export', { ids: request.ids });
  const none: Exported = { files: [], commits: [], patches: [], mails: [] };
  checkRecords(patches);
  if (patches.length === 0) return none;
  if (commit === null)
    throw new KeyholeError('GIT', `${service} does not know which commit it runs`, 'Start it in its repository, or with GIT_COMMIT set.');
  const top = await topOf(request.repo);
  const base = await resolveCommit(top, commit);
  const places = new Map<PatchRecord, RepositoryPath>();
  for (const patch of patches) {
    const place = await locateInCommit(request.repo, root, patch.file, base);
    if (request.includeLanded || !(await hasLanded(place, patch))) places.set(patch, place);
  }
  if (places.size === 0) return none;
  const { branch } = request;
  if (branch !== undefined) await checkBranch(top, branch);

  return withScratch(top, base, async (scratch) => {
    const committer = await committerOf(top);
    const built: Built[] = [];
    let tip = base;
    for (const [patch, place] of inOrder([...places])) {
      const next = await buildCommit(scratch, connection, { patch, place, service, base, tip, committer });
      if (next === null) continue;
      built.push(next);
      tip = next.commit;
    }
    const mails = built.map((each) => each.mail);
    await rehearse(scratch, { base, mails, meant: built, paths: [...new Set(built.map((each) => each.path))] });
    const exported: Exported = {
      files: [],
      commits: [],
      patches: [...places.keys()].map((patch) => patch.id),
      mails: mails.map((mail) => mail.toString('utf8')),
    };
    if (branch !== undefined) {
      await scratch.publish(built.map((each) => each.commit));
      await git(top, ['update-ref', `refs/heads/${branch}`, tip, '0'.repeat(tip.length)]);
      exported.commits = built.map((each) => each.commit);
    } else if (request.output !== null) {
      await writeFile(request.output, Buffer.concat(mails));
      exported.files = [request.output];
    }
    return exported;
  });
}

async function checkBranch(top: string, branch: string): Promise<void> {
  await git(top, ['check-ref-format', '--branch', branch]);
  const exists = await gitText(top, ['rev-parse', '--verify', '--quiet', `refs/heads/${branch}`]).catch(() => '');
  if (exists !== '') throw new KeyholeError('GIT', `there is a branch ${branch} already`, 'Name another one, or delete it first.');
}

/**
 * As they were applied, but a function before the ones in it, whenever it was patched: its new text holds those as they were when somebody edited it, and what runs in their place is the patch of
 * their own.
 */
function inOrder(places: [PatchRecord, RepositoryPath][]): [PatchRecord, RepositoryPath][] {
  const rank = ({ entry, address }: PatchRecord): number =>
    Math.max(entry, ...places.map(([other]) => (address.startsWith(`${other.address}.`) ? other.entry : 0)));
  return [...places].sort(([a], [b]) => rank(a) - rank(b) || a.address.length - b.address.length);
}

/** Whether HEAD has the function as the patch made it, up to comments and white space. */
async function hasLanded(place: RepositoryPath, patch: PatchRecord): Promise<boolean> {
  const head = await gitText(place.top, ['rev-parse', 'HEAD']);
  let text: string;
  try {
    text = decodeSource(await fileAtCommit(place, head), patch.file);
  } catch {
    // Gone or unreadable at HEAD: not landed there.
    return false;
  }
  const author = parseAuthor(text, patch.file);
  const standing = standingOf(text, patch.file, patch.address);
  if (standing === null) return false;
  const entry = author.functions.find((each) => each.start === standing.start && each.end === standing.end);
  const patched = parseAuthor(text.slice(0, standing.start) + patch.source + text.slice(standing.end), patch.file);
  const other = patched.functions.find((each) => each.start === standing.start && each.path === entry?.path);
  return entry !== undefined && other !== undefined && formOf(entry.container) === formOf(other.container);
}

interface CommitRequest {
  patch: PatchRecord;
  place: RepositoryPath;
  service: string;
  base: string;
  tip: string;
  /** As git writes it, or null: then it is the author. */
  committer: string | null;
}

/** The next commit; null where an earlier one holds the function's new text already. */
async function buildCommit(scratch: Scratch, connection: AgentCalls, request: CommitRequest): Promise<Built | null> {
  const { patch, place, service, base, tip, committer } = request;
  const { mode } = await entryAtCommit(place, tip, scratch.git);
  const before = decodeSource(await fileAtCommit(place, tip, scratch.git), place.path);
  const standing = standingOf(before, patch.file, patch.address);
  if (standing === null) throw new KeyholeError('GIT', `${patch.address} is not in ${place.path} at commit ${base.slice(0, 12)}`);
  if (!sameText(standing.text, patch.baseSource) && !sameText(standing.text, patch.source)) {
    throw new KeyholeError(
      'GIT',
      `${patch.address} at commit ${base.slice(0, 12)} is not the text that was patched`,
      await hintOfFilter(scratch, tip, place.path),
      { expected: patch.baseSource, actual: standing.text },
    );
  }
  const source = withLineEndsOf(standing.text, patch.source, before);
  const after = replaced(before, patch.file, standing, source);
  await proveExport(connection, patch, after, place.top, true);
  if (after === before) return null;
  const parts = commitParts([patch], service, base);
  const tree = await scratch.tree({ parent: tip, path: place.path, mode, content: Buffer.from(after) });
  const commit = await scratch.commit(commitText({ tree, parent: tip, parts, committer }));
  const diff = await scratch.git(['diff-tree', ...diffOptions(after), tip, commit]);
  return { commit, tree, path: place.path, parts, mail: mailOf(parts, commit, diff) };
}

/** As git stores it. */
function commitText({ tree, parent, parts, committer }: { tree: string; parent: string; parts: CommitParts; committer: string | null }): string {
  const { author, date, subject, body } = parts;
  const written = `${author.name} <${author.email}> ${date} +0000`;
  return [`tree ${tree}`, `parent ${parent}`, `author ${written}`, `committer ${committer ?? written}`, '', subject, '', body, ''].join('\n');
}

/** Why a text in git may be another one than the text on the disk. */
async function hintOfFilter(scratch: Scratch, tip: string, file: string): Promise<string> {
  await scratch.git(['read-tree', tip]);
  const words = ['check-attr', '--cached', '-z', 'filter', 'ident', 'working-tree-encoding', '--', file];
  const [, name, value] =
    /\0(filter|ident|working-tree-encoding)\0(?!unspecified|unset)([^\0]*)/.exec((await scratch.git(words)).toString('utf8')) ?? [];
  if (name !== undefined)
    return `.gitattributes gives the file ${name}=${value}: git changes its text on the way to the disk. Carry the change home by hand: keyhole diff.`;
  return 'The process runs something else than its commit says.';
}
