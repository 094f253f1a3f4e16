/** What is live, as a unified diff of whole files against what was loaded. */
import { KeyholeError, type PatchRecord } from '@keyhole/agent/protocol';
import { unifiedDiff } from '../render/unified-diff.ts';
import { baseOf } from '../typescript/base.ts';
import type { AgentCalls } from '../typescript/calls.ts';
import { withImports } from '../typescript/import-lines.ts';
import { baseAddress } from '../typescript/compare.ts';

/**
 * @param ids none means every live patch.
 * @returns the diff, and the patches it shows.
 * @throws {KeyholeError} NOT_FOUND for an id that is not live.
 */
export async function diffOf(connection: AgentCalls, ids: string[], cwd: string): Promise<{ text: string; patches: PatchRecord[] }> {
  const { patches } = await connection.call('patch.list', {});
  const missing = ids.find((id) => !patches.some((patch) => patch.id === id));
  if (missing !== undefined) throw new KeyholeError('NOT_FOUND', `no patch ${missing} is live`, 'keyhole diff without an id shows all that are.');
  const chosen = patches.filter((patch) => ids.length === 0 || ids.includes(patch.id));
  const texts: string[] = [];
  for (const file of [...new Set(chosen.map((patch) => patch.file))]) {
    const inFile = chosen.filter((patch) => patch.file === file);
    const { before, after } = await wholeFile(connection, file, inFile, cwd);
    texts.push(unifiedDiff(`a/${file}`, `b/${file}`, before, after));
  }
  return { text: texts.join(''), patches: chosen };
}

async function wholeFile(connection: AgentCalls, file: string, patches: PatchRecord[], cwd: string): Promise<{ before: string; after: string }> {
  const { author } = await baseOf(connection, file, cwd);
  const replaced = patches.map((patch) => {
    const entry = author.functions.find((each) => baseAddress(author, each) === patch.address);
    if (entry === undefined) throw new KeyholeError('NOT_FOUND', `${patch.address} is not in the text of ${file}`);
    return { start: entry.start, end: entry.end, text: patch.source };
  });
  const after = spliced(author.text, replaced);
  const imports = patches.flatMap((patch) => patch.imports ?? []);
  return { before: author.text, after: imports.length === 0 ? after : withImports(after, file, imports) };
}

/** Replaces pieces; one that stands inside another is part of the other's new text already. */
export function spliced(text: string, pieces: { start: number; end: number; text: string }[]): string {
  const outer = pieces.filter((each) => !pieces.some((other) => other !== each && other.start <= each.start && each.end <= other.end));
  let result = text;
  for (const piece of outer.sort((a, b) => b.start - a.start)) result = result.slice(0, piece.start) + piece.text + result.slice(piece.end);
  return result;
}
