/**
 * A patch as mail that `git am` takes. In a mail's text `diff --git`, `From:` and `---` are syntax, so headers are built from verified parts only, and every line of
 * free text is indented.
 */
import type { PatchRecord } from '@keyhole/agent/protocol';

export interface CommitParts {
  author: { name: string; email: string };
  /** Seconds since 1970, UTC. */
  date: number;
  subject: string;
  body: string;
}

const maxSubjectLength = 120;

export function commitParts(patch: PatchRecord, service: string, commit: string): CommitParts {
  const lines = patch.reason.split(/\r\n|[\n\r\u2028\u2029]/).map((line) => line.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, ' ').trimEnd());
  const first = lines.find((line) => line.trim() !== '') ?? '';
  // git am takes leading brackets, Re: and white space off.
  const subject = first
    .replace(/^(?:\s|\[[^\]]*\]?|re:)+/i, '')
    .replace(/\s+/g, ' ')
    .slice(0, maxSubjectLength)
    .trim();
  const body = [
    `Keyhole replaced ${plain(patch.address)} in the running service ${plain(service)}. The operator's reason:`,
    '',
    ...lines.map((line) => `    ${line}`.trimEnd()),
    '',
    `Keyhole-Patch: ${plain(patch.id)}`,
    `Keyhole-Service: ${plain(service)}`,
    `Keyhole-Base: ${plain(commit)}`,
    `Keyhole-Journal: ${patch.entry} ${plain(patch.entryHash)}`,
    `Keyhole-Operator: ${plain(patch.fingerprint)}`,
  ].join('\n');
  return {
    author: { name: plain(patch.operator), email: plain(patch.email).replace(/\s/g, '') },
    date: Math.floor(Date.parse(patch.at) / 1000),
    subject: subject === '' ? `Patch ${plain(patch.address)}` : subject,
    body,
  };
}

/** A word or a name that stands in a header or a trailer: one line, without what mail or git read as syntax. */
function plain(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029<>"]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 300);
}

export function mailOf({ author, date, subject, body }: CommitParts, commit: string, diff: Buffer): Buffer {
  const head = [
    `From ${commit} Mon Sep 17 00:00:00 2001`,
    `From: ${encodedPhrase(author.name)} <${author.email}>`,
    `Date: ${rfc2822(date)}`,
    `Subject: [PATCH] ${encodedText(subject)}`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=UTF-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    body,
    '---',
    '',
  ].join('\n');
  return Buffer.concat([Buffer.from(head), diff, Buffer.from('-- \nkeyhole\n\n')]);
}

function rfc2822(seconds: number): string {
  return new Date(seconds * 1000).toUTCString().replace('GMT', '+0000');
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
