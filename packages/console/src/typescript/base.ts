/**
 * The author's text that the process was started from, and the proof that it is: from the process where it knows it, else from git at the commit that runs. The working
 * tree is never taken for it.
 */
import { KeyholeError, type FunctionDetail, type ModuleDetail } from '@keyhole/agent/protocol';
import { normalForm, parseFunction, type FunctionEntry } from '@keyhole/agent/source';
import { fileAtCommit, repositoryPath } from '../git/repository.ts';
import { authorTexts } from './author-texts.ts';
import type { AgentCalls } from './calls.ts';
import { parseAuthor, type AuthorFile } from './parse.ts';
import { RunningModule } from './running.ts';
import { AuthorSources } from './sources.ts';
import type { Translated } from './fresh-imports.ts';
import { Translator } from './translate.ts';

export interface BaseFile {
  author: AuthorFile;
  module: ModuleDetail;
  running: RunningModule;
  translator: Translator;
}

/** @throws {KeyholeError} NOT_FOUND where the process has no such file, GIT where nobody knows its text. */
export async function baseOf(connection: AgentCalls, file: string, cwd: string): Promise<BaseFile> {
  const module = await connection.call('module.get', { file });
  const text = module.author ?? (await fromGit(connection, file, cwd));
  const author = parseAuthor(text, file);
  const { source, texts } = await authorTexts(connection, author, module, cwd);
  const running = new RunningModule(module, author, source, new AuthorSources(texts));
  return { author, module, running, translator: new Translator(author, running, module.format) };
}

async function fromGit(connection: AgentCalls, file: string, cwd: string): Promise<string> {
  const { commit, root } = await connection.call('info', {});
  if (commit === null) {
    throw new KeyholeError(
      'GIT',
      `nobody knows the text of ${file} that runs: its source map does not hold it, and the process does not know its commit`,
      'Start the service with GIT_COMMIT set, or build with sources in the maps (inlineSources).',
    );
  }
  const place = await repositoryPath(cwd, root, file);
  return (await fileAtCommit(place, commit)).toString('utf8');
}

/**
 * One function of the author's as JavaScript in terms of the running module.
 * @param address of a function that was proven by {@link proveBase}.
 */
export function compile(_: string, entry: FunctionEntry, { translator }: BaseFile, within: AuthorFile, address: string): Translated {
  return translator.translate(within, entry, address);
}

/** Whether two texts of one function are the same to the parser. */
export function sameCode(a: string, b: string, entry: FunctionEntry, module: ModuleDetail): boolean {
  const form = (code: string): string => normalForm(parseFunction(code, entry.place, module.format, module.file).container);
  return form(a) === form(b);
}

/** @throws {KeyholeError} NOT_PATCHABLE where the running code does not come from the base text. */
export function proveBase({ translator }: BaseFile, entry: FunctionEntry, detail: FunctionDetail): void {
  translator.prove(entry, detail);
}
