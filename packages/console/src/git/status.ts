/**
 * The process against the repository, function by function: which patches HEAD holds, and which live nowhere but in the process, or in its journal. Judged by the syntax of the function at HEAD: types,
 * comments and white space do not count. It reads git, and changes nothing.
 */
import { KeyholeError, type HistoricPatch, type PatchRecord, type Result } from '@keyhole/agent/protocol';
import { splitAddress } from '@keyhole/agent/source';
import type { AgentCalls } from '../typescript/calls.ts';
import { importsMissing } from '../typescript/import-lines.ts';
import { parseAuthor, type AuthorFile } from '../typescript/parse.ts';
import { historyPages } from './history.ts';
import { decodeSource, isWrittenAs } from './landing.ts';
import { checkRecords } from './record.ts';
import { renamedSince } from './rename.ts';
import { fileAtCommit, gitText, locateInCommit, resolveCommit, topOf } from './repository.ts';

/**
 * - `live-only`: it runs, and HEAD has the function as it was before.
 * - `landed`: HEAD has it.
 * - `diverged`: it runs, and HEAD has neither it nor what it was made from.
 * - `lost`: the journal knows it, the process was started without it, and HEAD does not have it.
 */
export type FunctionState = 'live-only' | 'landed' | 'diverged' | 'lost';

export interface FunctionStatus {
  address: string;
  state: FunctionState;
  patch: string;
  operator: string;
  at: string;
  /** Where the file lies in HEAD, where it has another name there. */
  movedTo?: string;
  /** Threads in which it is in effect, where that is not the main thread alone. */
  threads?: number[];
  why?: string;
}

export interface ServiceStatus {
  commit: string | null;
  head: string;
  /** Where the commit was said, and a digest of the sources that are loaded so far. */
  build: NonNullable<Result<'info'>['build']>;
  functions: FunctionStatus[];
}

/** Lost patches that are looked at; the newest come first. */
const maxLost = 1_000;

/** @throws {KeyholeError} GIT where there is no repository, or no commit in it. */
export async function statusOf(connection: AgentCalls, repo: string): Promise<ServiceStatus> {
  const top = await topOf(repo).catch(() => {
    throw new KeyholeError('GIT', `${repo} is not in a git repository`, "Name the service's checkout with --repo.");
  });
  const head = await gitText(top, ['rev-parse', '--verify', '--quiet', 'HEAD^{commit}']).catch(() => {
    throw new KeyholeError('GIT', `the repository ${top} has no commit yet`);
  });
  const { commit, root, build } = await connection.call('info', { build: true });
  const { patches: live } = await connection.call('patch.list', {});
  const lost = await lostPatches(connection);
  checkRecords([...live, ...lost]);
  const heads = new HeadFiles({ repo, root, top, head });
  const functions: FunctionStatus[] = [];
  for (const patch of live) functions.push({ ...(await judge(heads, patch, commit, 'live')), ...threadsOf(patch) });
  for (const patch of lost) functions.push(await judge(heads, patch, patch.commit, 'lost'));
  functions.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  return { commit, head, build: { from: build?.from ?? null, sources: build?.sources ?? null }, functions };
}

async function lostPatches(connection: AgentCalls): Promise<HistoricPatch[]> {
  const lost: HistoricPatch[] = [];
  for await (const patches of historyPages(connection, { states: ['lost', 'superseded'] })) {
    lost.push(...patches);
    if (patches.length === 0 || lost.length >= maxLost) break;
  }
  // What was live in one thread alone ended as it was meant to.
  return lost.filter(({ thread }) => thread === undefined);
}

function threadsOf({ threads }: { threads: number[] }): Pick<FunctionStatus, 'threads'> {
  return threads.length === 1 && threads[0] === 0 ? {} : { threads };
}

async function judge(heads: HeadFiles, patch: PatchRecord | HistoricPatch, commit: string | null, now: 'live' | 'lost'): Promise<FunctionStatus> {
  const { id, address, operator, at, source, baseSource } = patch;
  const status = { address, patch: id, operator, at };
  const file = await heads.of(patch.file, commit);
  const hasMoved = now === 'lost' && file !== null && file.path !== file.pathThen;
  const before = [
    ...('why' in patch && patch.why !== undefined ? [patch.why] : []),
    // Replay knows no git: what has the file's old name now may be anything.
    ...(hasMoved ? [`its file is ${file.path} now, and it comes back under its old name only: push it again`] : []),
  ];
  const said = (state: FunctionState, ...why: string[]): FunctionStatus => ({
    ...status,
    state,
    ...(file !== null && file.path !== file.pathThen && { movedTo: file.path }),
    ...(why.length > 0 && { why: why.join('; ') }),
  });
  const otherwise = now === 'live' ? 'diverged' : 'lost';
  if (file === null) return said(otherwise, ...before, `HEAD has no file ${patch.file}`);
  const { name } = splitAddress(address);
  const found = standsAs(file.author, name, [source, baseSource]);
  if (found === 'gone') return said(otherwise, ...before, `HEAD has no function ${name} in ${file.path}`);
  const [absent] = found === 0 ? importsMissing(file.author, patch.imports ?? []) : [];
  if (absent !== undefined) return said(otherwise, ...before, `HEAD has the function, and does not import ${absent.local} from ${absent.specifier}`);
  if (found === 0) return said('landed');
  if (found === 1) return said(now === 'live' ? 'live-only' : 'lost', ...before);
  return said(otherwise, ...before, 'HEAD has changed the function otherwise');
}

/** Which of the texts the function is at HEAD, by syntax; null: none of them. */
function standsAs(author: AuthorFile, name: string, texts: readonly string[]): number | 'gone' | null {
  const isNameless = /^\d+$/.test(name);
  // Lines move: a function without a name is known by its text alone.
  const entries = author.functions.filter((each) => (isNameless ? each.path === '' : each.path === name));
  if (entries.length === 0) return 'gone';
  for (const [index, text] of texts.entries()) {
    for (const entry of entries) {
      try {
        if (isWrittenAs(author, entry, text)) return index;
      } catch (thrown) {
        // Where the one does not even parse, it is not the other.
        if (!(thrown instanceof KeyholeError)) throw thrown;
      }
    }
  }
  return null;
}

interface HeadFile {
  /** At HEAD, and at the commit that was patched. */
  path: string;
  pathThen: string;
  author: AuthorFile;
}

/** The service's files at HEAD, under the names they have there. */
class HeadFiles {
  readonly #place: { repo: string; root: string; top: string; head: string };
  readonly #known = new Map<string, Promise<HeadFile | null>>();

  constructor(place: { repo: string; root: string; top: string; head: string }) {
    this.#place = place;
  }

  /** @param commit the build that was patched, where it is known: renames are followed from there. */
  of(file: string, commit: string | null): Promise<HeadFile | null> {
    const key = `${commit ?? ''}\0${file}`;
    let known = this.#known.get(key);
    if (known === undefined) this.#known.set(key, (known = this.#read(file, commit)));
    return known;
  }

  async #read(file: string, commit: string | null): Promise<HeadFile | null> {
    const { repo, root, top, head } = this.#place;
    // The commit may be of another repository, or not fetched: then the name at HEAD has to do.
    const base = commit === null ? null : await resolveCommit(top, commit).catch(() => null);
    const then = await locateInCommit(repo, root, file, base ?? head);
    for (const path of [then.path, await renamedSince(top, base, head, then.path)]) {
      if (path === null) continue;
      const bytes = await fileAtCommit({ top, path }, head).catch(() => null);
      if (bytes !== null) return { path, pathThen: then.path, author: parseAuthor(decodeSource(bytes, path), path) };
    }
    return null;
  }
}
