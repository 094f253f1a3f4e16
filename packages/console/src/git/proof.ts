/** What is exported has to be what runs: the exported text goes through the same translation as a push, and its result is held against the code of the patch. */
import { KeyholeError, type FunctionDetail, type PatchRecord } from '@keyhole/agent/protocol';
import { normalForm, parseFunction, type FunctionEntry } from '@keyhole/agent/source';
import { compile, proveBase, sameCode, type BaseFile } from '../typescript/base.ts';
import type { AgentCalls } from '../typescript/calls.ts';
import { baseAddress } from '../typescript/compare.ts';
import type { FreshImport } from '../typescript/fresh-imports.ts';
import { foreignNames } from '../typescript/names.ts';
import { parseAuthor, textOf, type AuthorFile } from '../typescript/parse.ts';

/** The text that a file of the process was loaded from. */
export type BaseOf = (file: string, repo: string) => Promise<BaseFile>;

/** What is asked of the process; a file is asked for once. */
export interface Running {
  connection: AgentCalls;
  baseFor: BaseOf;
}

export interface ToProve {
  /** The whole file, as it is to be exported. */
  text: string;
  repo: string;
  /** Whether the process runs this patch now. */
  runs: boolean;
  /** The only thread that does. */
  thread: number | undefined;
}

/** @throws {KeyholeError} GIT naming the patch and what does not fit. */
export async function proveExport(running: Running, patch: PatchRecord, { text, repo, runs, thread }: ToProve): Promise<void> {
  const { address, file } = patch;
  const exported = parseAuthor(text, file);
  const entry = exported.functions.find((each) => baseAddress(exported, each) === address);
  if (entry === undefined) throw unproven(patch, 'its function is not in the exported text');
  const loaded = await loadedFunction(running, address, file, repo, thread);
  if (runs && loaded === null) throw unproven(patch, 'the process does not have its function');
  if (runs && loaded !== null && !sameCode(loaded.detail.code, patch.code, entry, loaded.base.module)) {
    throw unproven(patch, 'the process runs another code than the one of the patch', { expected: patch.code, actual: loaded.detail.code });
  }
  const code =
    loaded !== null && sameCode(loaded.detail.originalCode, patch.baseCode, entry, loaded.base.module)
      ? translated(patch, loaded, exported, entry)
      : asWritten(patch, exported, entry);
  if (code !== null) throw unproven(patch, 'its source does not give the code that was applied', { expected: patch.code, actual: code });
}

interface Loaded {
  base: BaseFile;
  entry: FunctionEntry;
  detail: FunctionDetail;
}

/** The function as the process has it, or null: an earlier process had it. */
async function loadedFunction(
  { connection, baseFor }: Running,
  address: string,
  file: string,
  repo: string,
  thread: number | undefined,
): Promise<Loaded | null> {
  try {
    const detail = await connection.call('fn.get', { address, ...(thread !== undefined && { thread }) });
    const base = await baseFor(file, repo);
    const entry = base.author.functions.find((each) => baseAddress(base.author, each) === address);
    return entry === undefined ? null : { base, entry, detail };
  } catch (thrown) {
    if (thrown instanceof KeyholeError && thrown.code === 'NOT_FOUND') return null;
    throw thrown;
  }
}

/** Null, or the code that it gives instead. */
function translated(patch: PatchRecord, { base, entry: before, detail }: Loaded, exported: AuthorFile, entry: FunctionEntry): string | null {
  proveBase(base, before, detail);
  const [foreign] = foreignNames(exported, entry, base.author);
  if (foreign !== undefined) {
    throw unproven(
      patch,
      `what stands around it in the repository is not what runs: ${foreign}`,
      'Its process was started with changes that are not in its commit. Commit those first.',
    );
  }
  const { code, imports } = compile(textOf(exported, entry), entry, base, exported, patch.address);
  const said = (each: FreshImport): string => [each.name, each.local, each.specifier, each.imported].join(' ');
  if (imports.map(said).join('\n') !== (patch.imports ?? []).map(said).join('\n')) return code;
  return sameCode(code, patch.code, entry, base.module) ? null : code;
}

/** The process that it was made for is gone, and this one has another text. What ran as it was written needs no translation. */
function asWritten(patch: PatchRecord, exported: AuthorFile, entry: FunctionEntry): string | null {
  const format = exported.program.sourceType === 'module' ? 'module' : 'commonjs';
  const form = (code: string): string => normalForm(parseFunction(code, entry.place, format, patch.file).container);
  const source = textOf(exported, entry);
  if (exported.language === 'js' && form(source) === form(patch.code)) return null;
  throw unproven(
    patch,
    'it was made for another build than the one that runs, so its translation can not be done again',
    'Attach to a process of that build, or see keyhole log -p and carry it home by hand.',
  );
}

function unproven({ id, address }: PatchRecord, why: string, more: string | Record<string, unknown> = {}): KeyholeError {
  const hint = typeof more === 'string' ? more : 'Compare keyhole fn and keyhole diff with what was pushed, and push it again from the right text.';
  return new KeyholeError('GIT', `patch ${id} of ${address} is not exported: ${why}`, hint, typeof more === 'string' ? undefined : more);
}
