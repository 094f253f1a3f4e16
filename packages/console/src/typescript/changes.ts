/** From edited files to patches: exactly the functions that differ from what the process was started from. */
import { readFile, realpath, stat } from 'node:fs/promises';
import * as path from 'node:path';
import { KeyholeError, type PatchRequest } from '@keyhole/agent/protocol';
import type { FunctionEntry } from '@keyhole/agent/source';
import { fileNames } from '../git/repository.ts';
import { baseOf, compile, proveBase, sameCode, type BaseFile } from './base.ts';
import type { AgentCalls } from './calls.ts';
import { patchesThatStay, type Refusal } from './changed-functions.ts';
import { baseAddress, compareFiles, idleImports, type AddedImport } from './compare.ts';
import { foreignNames } from './names.ts';
import { broughtIn, type HasFile } from './brought-imports.ts';
import { parseAuthor, textOf, type AuthorFile } from './parse.ts';

export interface PushPlan {
  patches: PatchRequest[];
  refused: Refusal[];
  /** Files, and functions that run already as they stand in the file. */
  unchanged: string[];
  /** Functions that run a patch which the file does not have. It stays: the file may be older than it. */
  stays: { address: string; patch: string }[];
  /** Files that run without slots, which nobody named: reading what runs of them would pause the process, so they were not compared. */
  leftOut: string[];
}

/**
 * @param request `paths`: files of the working tree; none means every file that the process runs and the working tree has.
 * @throws {KeyholeError} SYNTAX with file, line and caret; NOT_FOUND for a file that the process does not run.
 */
export async function planPush(connection: AgentCalls, request: { paths: string[]; cwd: string }): Promise<PushPlan> {
  const { cwd } = request;
  const { root } = await connection.call('info', {});
  const { paths, leftOut } = request.paths.length > 0 ? { paths: request.paths, leftOut: [] } : await everyFile(connection, root);
  const plan: PushPlan = { patches: [], refused: [], unchanged: [], stays: [], leftOut };
  const { patches: live } = await connection.call('patch.list', {});
  for (const given of paths) {
    const absolute = await realpath(path.resolve(cwd, given)).catch(() => {
      throw new KeyholeError('USAGE', `${given} can not be read`);
    });
    const text = await readFile(absolute, 'utf8');
    const base = await findBase(connection, absolute, root);
    const renewed = parseAuthor(text, base.author.file);
    const { changed, refused, imports } = compareFiles(base.author, renewed);
    plan.refused.push(...refused);
    const has: HasFile = (file) =>
      stat(path.resolve(path.dirname(absolute), file)).then(
        (each) => each.isFile(),
        () => false,
      );
    await planFunctions({ connection, base, renewed, has, plan }, changed, imports);
    const staying = patchesThatStay(base.author, renewed, new Set(changed.map(([before]) => before)), live);
    plan.stays.push(...staying.map(({ address, id }) => ({ address, patch: id })));
    if (changed.length === 0 && refused.length === 0 && imports.length === 0 && staying.length === 0) plan.unchanged.push(base.author.file);
  }
  return plan;
}

export interface FilePlanning {
  connection: AgentCalls;
  base: BaseFile;
  renewed: AuthorFile;
  has: HasFile;
  plan: PushPlan;
}

/**
 * @param changed each function in the text that was loaded, and what becomes of it in `renewed`.
 * @param imports names that `renewed` imports and the other text does not.
 */
export async function planFunctions(
  planning: FilePlanning,
  changed: readonly [FunctionEntry, FunctionEntry][],
  imports: readonly AddedImport[],
): Promise<void> {
  const said: FunctionEntry[] = [];
  for (const [before, after] of changed) if (await planFunction(planning, before, after)) said.push(after);
  planning.plan.refused.push(...idleImports(planning.renewed, imports, said));
}

/** @returns whether the running code can say it. */
async function planFunction({ connection, base, renewed, has, plan }: FilePlanning, before: FunctionEntry, after: FunctionEntry): Promise<boolean> {
  const address = baseAddress(base.author, before);
  const foreign = foreignNames(renewed, after, base.author);
  if (foreign.length > 0) {
    plan.refused.push({ address, why: foreign.join('; ') });
    return false;
  }
  try {
    const detail = await connection.call('fn.get', { address });
    proveBase(base, before, detail);
    const source = textOf(renewed, after);
    const { code, imports: fresh } = compile(source, after, base, renewed, address);
    const imports = await broughtIn(connection, { base, renewed, has }, fresh, address);
    if (sameCode(code, detail.code, after, base.module)) plan.unchanged.push(address);
    else
      plan.patches.push({
        address: detail.address,
        code,
        baseCode: detail.code,
        source,
        baseSource: textOf(base.author, before),
        ...(imports.length > 0 && { imports }),
      });
    return true;
  } catch (thrown) {
    const error = KeyholeError.from(thrown);
    if (error.code !== 'NOT_PATCHABLE' && error.code !== 'NOT_FOUND' && error.code !== 'AMBIGUOUS') throw error;
    const why = error.message.startsWith(`${address}: `) ? error.message.slice(address.length + 2) : error.message;
    plan.refused.push({ address, why: error.hint === undefined ? why : `${why}. ${error.hint}` });
    return false;
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

async function everyFile(connection: AgentCalls, root: string): Promise<{ paths: string[]; leftOut: string[] }> {
  const { functions, leftOut = [] } = await connection.call('fn.list', { prefix: '' });
  return { paths: [...new Set(functions.map((each) => path.resolve(root, each.file)))], leftOut };
}
