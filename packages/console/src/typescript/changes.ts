/** From edited files to patches: exactly the functions that differ from what the process was started from. */
import { readFile, realpath } from 'node:fs/promises';
import * as path from 'node:path';
import { KeyholeError, type PatchRequest } from '@keyhole/agent/protocol';
import type { FunctionEntry } from '@keyhole/agent/source';
import { fileNames } from '../git/repository.ts';
import { baseOf, compile, proveBase, sameCode, type BaseFile } from './base.ts';
import type { AgentCalls } from './calls.ts';
import { patchesThatStay, type Refusal } from './changed-functions.ts';
import { baseAddress, compareFiles } from './compare.ts';
import { foreignNames } from './names.ts';
import { newImports } from './new-imports.ts';
import { parseAuthor, textOf, type AuthorFile } from './parse.ts';

export interface PushPlan {
  patches: PatchRequest[];
  refused: Refusal[];
  /** Files, and functions that run already as they stand in the file. */
  unchanged: string[];
  /** Functions that run a patch which the file does not have. It stays: the file may be older than it. */
  stays: { address: string; patch: string }[];
}

/**
 * @param request `paths`: files of the working tree; none means every file that the process runs and the working tree has.
 * @throws {KeyholeError} SYNTAX with file, line and caret; NOT_FOUND for a file that the process does not run.
 */
export async function planPush(connection: AgentCalls, request: { paths: string[]; cwd: string }): Promise<PushPlan> {
  const { cwd } = request;
  const { root } = await connection.call('info', {});
  const paths = request.paths.length > 0 ? request.paths : await everyFile(connection, root);
  const plan: PushPlan = { patches: [], refused: [], unchanged: [], stays: [] };
  const { patches: live } = await connection.call('patch.list', {});
  for (const given of paths) {
    const absolute = await realpath(path.resolve(cwd, given)).catch(() => {
      throw new KeyholeError('USAGE', `${given} can not be read`);
    });
    const text = await readFile(absolute, 'utf8');
    const base = await findBase(connection, absolute, root);
    const renewed = parseAuthor(text, base.author.file);
    const { changed, refused } = compareFiles(base.author, renewed);
    plan.refused.push(...refused);
    for (const [before, after] of changed) await planFunction(connection, base, renewed, before, after, plan);
    const staying = patchesThatStay(base.author, renewed, new Set(changed.map(([before]) => before)), live);
    plan.stays.push(...staying.map(({ address, id }) => ({ address, patch: id })));
    if (changed.length === 0 && refused.length === 0 && staying.length === 0) plan.unchanged.push(base.author.file);
  }
  return plan;
}

/**
 * @param before the function in the text that was loaded.
 * @param after what becomes of it in `renewed`.
 */
export async function planFunction(
  connection: AgentCalls,
  base: BaseFile,
  renewed: AuthorFile,
  before: FunctionEntry,
  after: FunctionEntry,
  plan: PushPlan,
): Promise<void> {
  const address = baseAddress(base.author, before);
  const foreign = foreignNames(renewed, after, base.author);
  if (foreign.length > 0) {
    const imports = await newImports(connection, renewed, after, base.author);
    plan.refused.push({ address, why: [...foreign, ...imports].join('; ') });
    return;
  }
  try {
    const detail = await connection.call('fn.get', { address });
    proveBase(base, before, detail);
    const source = textOf(renewed, after);
    const code = compile(source, after, base, renewed, address);
    if (sameCode(code, detail.code, after, base.module)) plan.unchanged.push(address);
    else plan.patches.push({ address: detail.address, code, baseCode: detail.code, source, baseSource: textOf(base.author, before) });
  } catch (thrown) {
    const error = KeyholeError.from(thrown);
    if (error.code !== 'NOT_PATCHABLE' && error.code !== 'NOT_FOUND' && error.code !== 'AMBIGUOUS') throw error;
    const why = error.message.startsWith(`${address}: `) ? error.message.slice(address.length + 2) : error.message;
    plan.refused.push({ address, why: error.hint === undefined ? why : `${why}. ${error.hint}` });
  }
}

/** The checkout need not be where the service runs: the longest end of the path that the process knows names the file. */
async function findBase(connection: AgentCalls, absolute: string, root: string): Promise<BaseFile> {
  const names = await fileNames(absolute, root);
  for (const name of names) {
    try {
      return await baseOf(connection, name, path.dirname(absolute));
    } catch (thrown) {
      if (!(thrown instanceof KeyholeError) || thrown.code !== 'NOT_FOUND') throw thrown;
    }
  }
  throw new KeyholeError('NOT_FOUND', `no module of the process comes from ${names[0] ?? absolute}`, 'keyhole fn TARGET "" lists what is loaded.');
}

async function everyFile(connection: AgentCalls, root: string): Promise<string[]> {
  const { functions } = await connection.call('fn.list', { prefix: '' });
  return [...new Set(functions.map((each) => path.resolve(root, each.file)))];
}
