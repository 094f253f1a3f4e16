/** What is exported has to be what runs: the exported text goes through the same translation as a push, and its result is held against the code of the patch. */
import { KeyholeError, type PatchRecord } from '@keyhole/agent/protocol';
import { baseOf, compile, proveBase, sameCode, type AgentCalls } from '../typescript/base.ts';
import { baseAddress } from '../typescript/compare.ts';
import { parseAuthor, textOf } from '../typescript/parse.ts';

/**
 * @param text the whole file, as it is to be exported.
 * @param live whether the process runs this patch now.
 * @throws {KeyholeError} GIT naming the function.
 */
export async function proveExport(connection: AgentCalls, patch: PatchRecord, text: string, repo: string, live: boolean): Promise<void> {
  const { address, file } = patch;
  const base = await baseOf(connection, file, repo);
  const detail = await connection.call('fn.get', { address });
  const loaded = base.author.functions.find((each) => baseAddress(base.author, each) === address);
  const exported = parseAuthor(text, file);
  const entry = exported.functions.find((each) => baseAddress(exported, each) === address);
  if (loaded === undefined || entry === undefined) throw unproven(patch, 'the process and the repository do not have the same functions', {});
  proveBase(base, loaded, detail);
  if (live && !sameCode(detail.code, patch.code, entry, base.module)) {
    throw unproven(patch, 'the process runs another code than the one of the patch', { expected: patch.code, actual: detail.code });
  }
  const code = compile(textOf(exported, entry), entry, base, exported, address);
  if (sameCode(code, patch.code, entry, base.module)) return;
  throw unproven(patch, 'its source does not give the code that was applied', { expected: patch.code, actual: code });
}

function unproven({ id, address }: PatchRecord, why: string, details: Record<string, unknown>): KeyholeError {
  return new KeyholeError(
    'GIT',
    `patch ${id} of ${address} is not exported: ${why}`,
    'Compare keyhole fn and keyhole diff with what was pushed, and push it again from the right text.',
    details,
  );
}
