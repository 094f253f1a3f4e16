/** The comment that stands above a function in its author's file. */
import { splitAddress } from '@keyhole/agent/source';
import type { AgentCalls } from '../typescript/calls.ts';

/** @returns null where there is none */
export async function documentationOf(connection: AgentCalls, address: string, cwd: string): Promise<string | null> {
  // Loaded when needed: the TypeScript they bring takes longer to load than most commands take to run.
  const [{ baseOf }, { baseAddress }] = await Promise.all([import('../typescript/base.ts'), import('../typescript/compare.ts')]);
  const detail = await connection.call('fn.get', { address });
  const { author } = await baseOf(connection, splitAddress(detail.address).file, cwd);
  const entry = author.functions.find((each) => baseAddress(author, each) === detail.address);
  return entry === undefined ? null : commentAbove(author.text, entry.start);
}

/** The block comment, or the comment lines, that end right above the line on which something starts. */
export function commentAbove(text: string, start: number): string | null {
  const above = text.slice(0, text.lastIndexOf('\n', start - 1) + 1).replace(/\r/g, '');
  if (/\n[^\S\n]*\n$/.test(above)) return null;
  const lines = above.trimEnd().split('\n');
  const last = lines.at(-1)?.trim() ?? '';
  if (last.endsWith('*/')) {
    const from = lines.findLastIndex((line) => line.includes('/*'));
    return from === -1 ? null : lines.slice(from).map(withoutMarks).join('\n').trim();
  }
  const from = lines.findLastIndex((line) => !line.trim().startsWith('//')) + 1;
  return from === lines.length ? null : lines.slice(from).map(withoutMarks).join('\n').trim();
}

function withoutMarks(line: string): string {
  return line
    .trim()
    .replace(/^(?:\/\*\*?|\*(?!\/)|\/\/+) ?/, '')
    .replace(/\s*\*\/$/, '')
    .trimEnd();
}
