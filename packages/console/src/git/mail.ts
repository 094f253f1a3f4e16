/** A commit as mail that `git am` takes. Headers are built from verified parts only; what git reads as syntax can't stand at the beginning of a line of the text (message.ts). */
import type { CommitParts } from './message.ts';

/** RFC 5322; mail servers break longer lines. */
const maxLineBytes = 998;
/** RFC 2045, for quoted-printable. */
const maxQuotedLineBytes = 76;

const diffForm = [
  '--full-index',
  '--binary',
  '--no-ext-diff',
  '--no-textconv',
  '--no-color',
  '--no-renames',
  '--unified=3',
  '--inter-hunk-context=0',
];

/**
 * For `git diff-tree`: full blob ids, from which whoever has moved on can merge; nobody's attributes and settings.
 * @param content what the file becomes.
 */
export function diffOptions(content: string): string[] {
  // What .gitattributes calls binary is text to whoever reads the mail; a NUL is not.
  return ['-r', '-p', ...diffForm, '--src-prefix=a/', '--dst-prefix=b/', ...(content.includes('\0') ? [] : ['--text'])];
}

/**
 * @param diff with full blob ids, so that whoever has moved on can merge.
 * @returns the mail, as one message of a mailbox.
 */
export function mailOf({ author, date, subject, body }: CommitParts, commit: string, diff: Buffer): Buffer {
  const text = Buffer.concat([Buffer.from(`${body}\n---\n`), diff, Buffer.from('-- \nkeyhole\n\n')]);
  // git am takes a CR at the end of a line for the mail's own, unless it is quoted.
  const quoted = text.includes('\r') || longestLine(text) > maxLineBytes;
  const head = [
    `From ${commit} Mon Sep 17 00:00:00 2001`,
    `From: ${encodedPhrase(author.name)} <${author.email}>`,
    `Date: ${rfc2822(date)}`,
    `Subject: [PATCH] ${encodedText(subject)}`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=UTF-8',
    `Content-Transfer-Encoding: ${quoted ? 'quoted-printable' : '8bit'}`,
    '',
    '',
  ].join('\n');
  return Buffer.concat([Buffer.from(head), quoted ? quotedPrintable(text) : text]);
}

function rfc2822(seconds: number): string {
  return new Date(seconds * 1000).toUTCString().replace('GMT', '+0000');
}

function longestLine(bytes: Buffer): number {
  let longest = 0;
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(10, start);
    const next = end === -1 ? bytes.length : end;
    longest = Math.max(longest, next - start);
    start = next + 1;
  }
  return longest;
}

function encodedPhrase(text: string): string {
  return /^[\w !#$%&'*+/=?^`{|}~-]+$/.test(text) && !text.includes('=?') ? text : encodedWords(text);
}

function encodedText(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) && !text.includes('=?') ? text : encodedWords(text);
}

/** RFC 2047, in words of at most 75 characters that break between characters. */
function encodedWords(text: string): string {
  const words: string[] = [];
  let chunk = '';
  for (const character of text) {
    if (Buffer.byteLength(chunk + character) > 42) {
      words.push(chunk);
      chunk = '';
    }
    chunk += character;
  }
  words.push(chunk);
  return words.map((word) => `=?UTF-8?B?${Buffer.from(word).toString('base64')}?=`).join('\n ');
}

/** RFC 2045. Lines that end in LF stay lines, so that it can be read; a line never begins as the next message of a mailbox does. */
function quotedPrintable(bytes: Buffer): Buffer {
  const lines: string[] = [];
  let line = '';
  for (const [index, byte] of bytes.entries()) {
    if (byte === 10) {
      lines.push(line);
      line = '';
      continue;
    }
    const next = bytes[index + 1];
    const blank = (byte === 32 || byte === 9) && next !== 10 && next !== undefined;
    const mailboxFrom = line === '' && byte === 70;
    const plain = !mailboxFrom && (blank || (byte > 32 && byte < 127 && byte !== 61));
    const piece = plain ? String.fromCharCode(byte) : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    if (line.length + piece.length >= maxQuotedLineBytes) {
      lines.push(`${line}=`);
      line = piece === 'F' ? '=46' : piece;
    } else line += piece;
  }
  lines.push(line);
  return Buffer.from(lines.join('\n'));
}
