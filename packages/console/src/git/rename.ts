/** Under which name a file goes on, as git sees it by its content. */
import { git } from './repository.ts';

/** Commits whose renames are looked at one by one, where the whole way at once shows none. */
const maxCommits = 5_000;

/**
 * @param base the commit in which the file has that path; null where it is not known.
 * @returns the path at `head`, or null where git sees no rename.
 */
export async function renamedSince(top: string, base: string | null, head: string, file: string): Promise<string | null> {
  const options = ['--find-renames', '--diff-filter=R', '--name-status', '-z', '--no-ext-diff'];
  if (base !== null) {
    const direct = renames(await git(top, ['diff-tree', '-r', ...options, base, head])).find(([from]) => from === file);
    if (direct !== undefined) return direct[1];
  }
  // A file that was renamed and then rewritten is like its old self only step by step.
  const range = base === null ? head : `${base}..${head}`;
  const log = await git(top, ['log', '--reverse', '--topo-order', '--format=', `--max-count=${maxCommits}`, ...options, range]);
  let at = file;
  for (const [from, to] of renames(log)) if (from === at) at = to;
  return at === file ? null : at;
}

function renames(output: Buffer): [from: string, to: string][] {
  const words = output.toString('utf8').split('\0');
  const pairs: [string, string][] = [];
  for (let index = 0; index + 2 < words.length; index += 1) {
    if (!/^\n*R\d+$/.test(words[index] ?? '')) continue;
    pairs.push([words[index + 1] ?? '', words[index + 2] ?? '']);
    index += 2;
  }
  return pairs;
}
