/** How the text of a patch is put into a file as git has it: the rest of the file stays what it was, byte by byte. */
import { diffArrays } from 'diff';
import { KeyholeError } from '@keyhole/agent/protocol';
import type { FunctionEntry } from '@keyhole/agent/source';
import { baseAddress } from '../typescript/compare.ts';
import { formOf } from '../typescript/forms.ts';
import { parseAuthor, textOf, type AuthorFile } from '../typescript/parse.ts';

/** One function in one version of a file. */
export interface Standing {
  start: number;
  end: number;
  text: string;
}

/** Where a function stands in a file, or null where it does not. */
export function standingOf(text: string, file: string, address: string): Standing | null {
  const author = parseAuthor(text, file);
  const entry = author.functions.find((each) => baseAddress(author, each) === address);
  return entry === undefined ? null : { start: entry.start, end: entry.end, text: textOf(author, entry) };
}

/** Whether a file has the function as a patch made it, up to types, comments and white space. */
export function hasText(text: string, file: string, address: string, source: string): boolean {
  const author = parseAuthor(text, file);
  const entry = author.functions.find((each) => baseAddress(author, each) === address);
  return entry !== undefined && isWrittenAs(author, entry, source);
}

/**
 * Whether a function of a file is what it would be with that text in its place, up to types, comments and white space.
 * @throws {KeyholeError} SYNTAX where the file would not parse with it.
 */
export function isWrittenAs(author: AuthorFile, { start, end, path, container }: FunctionEntry, text: string): boolean {
  const other = parseAuthor(author.text.slice(0, start) + text + author.text.slice(end), author.file);
  const there = other.functions.find((each) => each.start === start && each.path === path);
  return there !== undefined && formOf(there.container) === formOf(container);
}

/**
 * The file with the function's new text in it.
 * @throws {KeyholeError} GIT where the new text is more than that function, or changes what stands around it; SYNTAX where it is none.
 */
export function replaced(text: string, file: string, standing: Standing, source: string): string {
  const { start, end } = standing;
  const after = text.slice(0, start) + source + text.slice(end);
  const before = around(text, file, start, end);
  if (before !== null && before === around(after, file, start, start + source.length)) return after;
  throw new KeyholeError('GIT', `the source of the patch in ${file} is not exactly the function that it replaces`, 'Nothing was exported.');
}

/** The form of a file without the function that stands exactly there, or null where none does. */
function around(text: string, file: string, start: number, end: number): string | null {
  const { program, functions } = parseAuthor(text, file);
  const entry = functions.find((each) => each.start === start && each.end === end);
  return entry === undefined ? null : formOf(program, (each) => (each === entry.container ? `${entry.kind} ${entry.path}` : null));
}

/** Texts that differ in their line ends alone are one text: a checkout may have changed them (`text eol=crlf`, core.autocrlf). */
export function sameText(a: string, b: string): boolean {
  return unix(a) === unix(b);
}

/** The new text with the line ends of the one that it replaces; new lines get those that most lines of the file have. */
export function withLineEndsOf(standing: string, source: string, file: string): string {
  const old = lines(standing);
  const renewed = lines(source);
  const crlf = file.split('\r\n').length - 1;
  const usual = crlf * 2 > file.split('\n').length - 1 ? '\r\n' : '\n';
  const ends: string[] = [];
  let inOld = 0;
  for (const part of diffArrays(
    old.map(({ text }) => text),
    renewed.map(({ text }) => text),
  )) {
    if (!part.removed) for (let index = 0; index < part.value.length; index += 1) ends.push(part.added ? usual : (old[inOld + index]?.end ?? usual));
    if (!part.added) inOld += part.value.length;
  }
  // The last line has none of its own.
  return renewed.map(({ text }, index) => (index === renewed.length - 1 ? text : text + (ends[index] || usual))).join('');
}

function lines(text: string): { text: string; end: string }[] {
  const parts = text.split(/(\r?\n)/);
  return parts.filter((_, index) => index % 2 === 0).map((line, index) => ({ text: line, end: parts[index * 2 + 1] ?? '' }));
}

function unix(text: string): string {
  return text.replaceAll('\r\n', '\n');
}

/** A byte order mark stays in the text. @throws {KeyholeError} GIT */
export function decodeSource(bytes: Buffer, file: string): string {
  if (bytes.subarray(0, 200).toString('latin1').startsWith('version https://git-lfs.github.com/spec/'))
    throw new KeyholeError(
      'GIT',
      `${file} is kept by Git LFS: the commit holds a pointer to it, and no text to change`,
      'Take the source out of LFS, or carry the change home by hand: keyhole diff.',
    );
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new KeyholeError('GIT', `${file} is not UTF-8 text`);
  }
}
