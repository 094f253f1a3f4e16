/** One function, edited alone. */
import { KeyholeError, type FunctionDetail, type PatchRequest } from '@keyhole/agent/protocol';
import { splitAddress, type FunctionEntry } from '@keyhole/agent/source';
import { baseOf, compile, proveBase, type BaseFile } from './base.ts';
import type { AgentCalls } from './calls.ts';
import { baseAddress } from './compare.ts';
import { languageOf, parseAuthor, textOf, type AuthorFile, type Language } from './parse.ts';

export interface AuthorText {
  source: string;
  original: string;
  file: string;
  line: number;
  language: Language;
}

/**
 * @param cwd where the repository of the service is looked for when the process does not know its own source.
 * @throws {KeyholeError} SYNTAX, NOT_FOUND, NOT_PATCHABLE
 */
export async function planEdit(connection: AgentCalls, address: string, newText: string, cwd: string): Promise<PatchRequest> {
  const { detail, base, entry } = await locate(connection, address, cwd);
  proveBase(base, entry, detail);
  const renewed = withFunction(base.author, entry, newText.trimEnd());
  const { code, imports } = compile(newText.trimEnd(), renewed.entry, base, renewed.author, detail.address);
  if (imports.length > 0) {
    const names = imports.map(({ local, specifier }) => `${local} of ${specifier}`).join(', ');
    throw new KeyholeError('NOT_PATCHABLE', `${detail.address}: the running code never brought in ${names}`, 'Change the file, and push it.');
  }
  const baseSource = detail.source ?? textOf(base.author, entry);
  return { address: detail.address, code, baseCode: detail.code, source: newText.trimEnd(), baseSource };
}

/** The author's text of a function: what runs now, and what was loaded. */
export async function authorText(connection: AgentCalls, address: string, cwd: string): Promise<AuthorText> {
  const { detail, base, entry } = await locate(connection, address, cwd);
  proveBase(base, entry, detail);
  const original = textOf(base.author, entry);
  return { source: detail.source ?? original, original, file: detail.file, line: detail.line, language: languageOf(detail.file) };
}

async function locate(
  connection: AgentCalls,
  address: string,
  cwd: string,
): Promise<{ detail: FunctionDetail; base: BaseFile; entry: FunctionEntry }> {
  const detail = await connection.call('fn.get', { address });
  const base = await baseOf(connection, splitAddress(detail.address).file, cwd);
  const entry = base.author.functions.find((each) => baseAddress(base.author, each) === detail.address);
  if (entry === undefined) throw new KeyholeError('NOT_FOUND', `${detail.address} is not in the author's text of ${detail.file}`);
  return { detail, base, entry };
}

/** The file with the function's new text in its place: names in it mean what they mean there. */
function withFunction(author: AuthorFile, entry: FunctionEntry, newText: string): { author: AuthorFile; entry: FunctionEntry } {
  const text = author.text.slice(0, entry.start) + newText + author.text.slice(entry.end);
  const renewed = parseAuthor(text, author.file);
  const found = renewed.functions.find((each) => each.start === entry.start && each.end === entry.start + newText.length);
  if (found === undefined)
    throw new KeyholeError(
      'SYNTAX',
      `${author.file}: the text is not exactly one function`,
      'Give the function alone, without anything before or after it.',
    );
  return { author: renewed, entry: found };
}
