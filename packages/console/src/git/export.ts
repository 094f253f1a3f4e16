/**
 * Live patches as mails for `git am`, or as commits on a branch. Commits are built in an object store of their own beside the repository's, and each mail is applied in a
 * scratch checkout and compared before it is handed out; the operator's checkout, index and HEAD are not touched.
 */
import { writeFile } from 'node:fs/promises';
import { KeyholeError, type PatchRecord } from '@keyhole/agent/protocol';
import type { AgentCalls } from '../typescript/base.ts';
import { baseAddress, formOf } from '../typescript/compare.ts';
import { parseAuthor, textOf } from '../typescript/parse.ts';
import { commitParts, mailOf, type CommitParts } from './mail.ts';
import { entryAtCommit, fileAtCommit, git, gitText, repositoryPath, topOf, type RepositoryPath } from './repository.ts';
import { checkMails, withScratch, type Scratch } from './scratch.ts';

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
  /** A file has CRLF line ends: `git am` takes the mail with --keep-cr only. */
  keepCarriageReturns: boolean;
}

/** One commit of the export. */
interface Built {
  commit: string;
  parts: CommitParts;
  mail: Buffer;
  hasCarriageReturns: boolean;
}

/** @throws {KeyholeError} GIT where the repository does not hold what runs, or a mail does not apply as it should. */
export async function exportPatches(connection: AgentCalls, request: ExportRequest): Promise<Exported> {
  const { service, root, commit, patches } = await connection.call('patch.export', { ids: request.ids });
  const none: Exported = { files: [], commits: [], patches: [], mails: [], keepCarriageReturns: false };
  if (patches.length === 0) return none;
  if (commit === null)
    throw new KeyholeError('GIT', `${service} does not know which commit it runs`, 'Start it in its repository, or with GIT_COMMIT set.');
  const top = await topOf(request.repo);
  const places = new Map<PatchRecord, RepositoryPath>();
  for (const patch of patches) {
    const place = await repositoryPath(request.repo, root, patch.file);
    if (request.includeLanded || !(await hasLanded(place, patch))) places.set(patch, place);
  }
  if (places.size === 0) return none;
  const { branch } = request;
  if (branch !== undefined) await checkBranch(top, branch);

  return withScratch(top, commit, async (scratch) => {
    const built: Built[] = [];
    let tip = commit;
    // Outer functions first: their new text holds that of the functions in them.
    for (const [patch, place] of [...places].sort(([a], [b]) => a.entry - b.entry || a.address.length - b.address.length)) {
      const next = await buildCommit(scratch, { patch, place, service, base: commit, tip });
      if (next === null) continue;
      built.push(next);
      tip = next.commit;
    }
    const mails = built.map((each) => each.mail);
    const keepCarriageReturns = built.some((each) => each.hasCarriageReturns);
    await checkMails(scratch, { base: commit, mails, tip, commits: built.map((each) => each.commit), keepCarriageReturns });
    const exported: Exported = {
      files: [],
      commits: [],
      patches: [...places.keys()].map((patch) => patch.id),
      mails: mails.map((mail) => mail.toString('utf8')),
      keepCarriageReturns,
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

/** Whether HEAD has the function as the patch made it, up to comments and white space. */
async function hasLanded(place: RepositoryPath, patch: PatchRecord): Promise<boolean> {
  const head = await gitText(place.top, ['rev-parse', 'HEAD']);
  let text: string;
  try {
    text = decode(await fileAtCommit(place, head), patch.file);
  } catch {
    // Gone or unreadable at HEAD: not landed there.
    return false;
  }
  const author = parseAuthor(text, patch.file);
  const entry = author.functions.find((each) => baseAddress(author, each) === patch.address);
  if (entry === undefined) return false;
  const patched = parseAuthor(author.text.slice(0, entry.start) + patch.source + author.text.slice(entry.end), patch.file);
  const other = patched.functions.find((each) => each.start === entry.start && each.path === entry.path);
  return other !== undefined && formOf(entry.container) === formOf(other.container);
}

interface CommitRequest {
  patch: PatchRecord;
  place: RepositoryPath;
  service: string;
  base: string;
  tip: string;
}

/** The next commit; null where an earlier one holds the function's new text already. */
async function buildCommit(scratch: Scratch, { patch, place, service, base, tip }: CommitRequest): Promise<Built | null> {
  const { mode } = await entryAtCommit(place, base);
  const before = decode(await scratch.git(['cat-file', 'blob', `${tip}:${place.path}`]), patch.file);
  const author = parseAuthor(before, patch.file);
  const entry = author.functions.find((each) => baseAddress(author, each) === patch.address);
  if (entry === undefined) throw new KeyholeError('GIT', `${patch.address} is not in ${place.path} at commit ${base.slice(0, 12)}`);
  const hasCarriageReturns = before.includes('\r\n');
  const source = hasCarriageReturns ? patch.source.replace(/\r?\n/g, '\r\n') : patch.source;
  const standing = textOf(author, entry);
  if (standing === source) return null;
  if (unix(standing) !== unix(patch.baseSource)) {
    throw new KeyholeError(
      'GIT',
      `${patch.address} at commit ${base.slice(0, 12)} is not the text that was patched`,
      'The process runs something else than its commit says.',
      {
        expected: patch.baseSource,
        actual: standing,
      },
    );
  }
  const after = before.slice(0, entry.start) + source + before.slice(entry.end);
  const parts = commitParts(patch, service, base);
  const commit = await scratch.commit({ parent: tip, path: place.path, mode, content: Buffer.from(after), parts });
  const diff = await scratch.git([
    'diff',
    '--full-index',
    '--binary',
    '--no-ext-diff',
    '--no-color',
    '--no-renames',
    '--src-prefix=a/',
    '--dst-prefix=b/',
    tip,
    commit,
  ]);
  return { commit, parts, mail: mailOf(parts, commit, diff), hasCarriageReturns };
}

function unix(text: string): string {
  return text.replaceAll('\r\n', '\n');
}

/** A byte order mark stays in the text. */
function decode(bytes: Buffer, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new KeyholeError('GIT', `${file} is not UTF-8 text`);
  }
}
