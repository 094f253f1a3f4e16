/** The texts of the author's files around one file: from the source map, else from git at the commit that runs. A text that nobody knows is not there. */
import { pathToFileURL } from 'node:url';
import type { ModuleDetail } from '@keyhole/agent/protocol';
import { PlaceMap, children, child, nameOf } from '@keyhole/agent/source';
import { fileAtCommit, repositoryPath } from '../git/repository.ts';
import type { AgentCalls } from './calls.ts';
import { parseAuthor, type AuthorFile } from './parse.ts';
import { isOfPackage, resolved } from './sources.ts';

/** An import of an import of an import, and so on: what is exported again and again. */
const maxDepth = 4;
const maxFiles = 200;

/** @returns the file's own url as the map names it (null without a map), and texts by url. */
export async function authorTexts(
  connection: AgentCalls,
  author: AuthorFile,
  module: ModuleDetail,
  cwd: string,
): Promise<{ source: string | null; texts: Map<string, string> }> {
  const texts = new Map<string, string>();
  if (module.map === null) return { source: null, texts };
  const map = new PlaceMap(module.map, module.url);
  const { root, commit } = await connection.call('info', {});
  const source = sourceOf(map, author.file, root);
  if (source === null) return { source, texts };
  for (const each of map.sources) {
    const content = map.contentOf(each);
    if (content !== null) texts.set(each, content);
  }
  texts.set(source, author.text);
  const read = async (url: string): Promise<string | null> => {
    const file = fileOf(url, root);
    if (file === null) return null;
    return commit === null ? fromProcess(connection, file) : fromGit(file, root, commit, cwd);
  };
  // Whoever shares the running module may mention what is in this file.
  for (const each of map.sources.filter((url) => !texts.has(url) && !isOfPackage(url)).slice(0, maxFiles)) {
    const text = await read(each);
    if (text !== null) texts.set(each, text);
  }
  await addImported(texts, source, author, read);
  return { source, texts };
}

/** The map names files by url, the process relative to its root. */
function sourceOf(map: PlaceMap, file: string, root: string): string | null {
  const exact = pathToFileURL(`${root}/${file}`).href;
  if (map.sources.includes(exact)) return exact;
  const ending = file.startsWith('/') ? pathToFileURL(file).href : `/${file}`;
  const found = map.sources.filter((each) => each === file || decodeURIComponent(each).endsWith(ending));
  return found.length === 1 ? (found[0] ?? null) : null;
}

async function addImported(
  texts: Map<string, string>,
  source: string,
  author: AuthorFile,
  read: (url: string) => Promise<string | null>,
): Promise<void> {
  let files: [string, AuthorFile][] = [[source, author]];
  for (let depth = 0; depth < maxDepth && files.length > 0; depth += 1) {
    const next: [string, AuthorFile][] = [];
    for (const [from, file] of files) {
      for (const specifier of specifiersOf(file, depth > 0)) {
        const urls = resolved(from, specifier);
        if (urls.some((url) => texts.has(url)) || texts.size >= maxFiles) continue;
        for (const url of urls) {
          const text = await read(url);
          if (text === null) continue;
          texts.set(url, text);
          const parsed = parsedOrNull(text, url);
          if (parsed !== null) next.push([url, parsed]);
          break;
        }
      }
    }
    files = next;
  }
}

/** @param onlyAgain whether only what is exported again counts. */
function specifiersOf({ program }: AuthorFile, onlyAgain: boolean): string[] {
  const statements = children(program, 'body').filter((each) => each.importKind !== 'type' && each.exportKind !== 'type');
  return statements
    .filter((each) => !onlyAgain || each.type.startsWith('Export') || each.type === 'ImportDeclaration')
    .map((each) => nameOf(child(each, 'source')))
    .filter((each) => each !== null);
}

function parsedOrNull(text: string, url: string): AuthorFile | null {
  try {
    return parseAuthor(text, url);
  } catch {
    // What can't be read exports nothing that could be shown.
    return null;
  }
}

/** The name of a file below the root. */
function fileOf(url: string, root: string): string | null {
  const prefix = `${pathToFileURL(root).href}/`;
  return url.startsWith(prefix) ? decodeURIComponent(url.slice(prefix.length)) : null;
}

async function fromGit(file: string, root: string, commit: string, cwd: string): Promise<string | null> {
  try {
    return (await fileAtCommit(await repositoryPath(cwd, root, file), commit)).toString('utf8');
  } catch {
    // Not in this repository, or not at that commit.
    return null;
  }
}

async function fromProcess(connection: AgentCalls, file: string): Promise<string | null> {
  try {
    return (await connection.call('module.get', { file })).author;
  } catch {
    // No module of the process comes from it.
    return null;
  }
}
