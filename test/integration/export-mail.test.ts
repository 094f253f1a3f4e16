/**
 * No reason, name, address or text changes author, tree, message or number of commits: hundreds of generated mails to one `git am`, which is what everybody has at the other end.
 * `npm run test:mail` does ten thousand.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import * as path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { diffOptions, mailOf } from '../../packages/console/dist/git/mail.js';
import { commitParts, type CommitParts } from '../../packages/console/dist/git/message.js';
import { me, recordOf } from '../helpers/export.ts';
import { newFolder, run } from '../helpers/service.ts';

const cases = Number(process.env['KEYHOLE_MAIL_CASES'] ?? 300);
/** Each kind of recipient gets some. */
const batchSize = Math.min(500, Math.ceil(cases / 3));

const syntax = fc.constantFrom(
  'diff --git a/evil.js b/evil.js\nnew file mode 100644\n--- /dev/null\n+++ b/evil.js\n@@ -0,0 +1 @@\n+evil\n',
  'diff -u a/src/a.js b/src/a.js\n--- a/src/a.js\n+++ b/src/a.js\n@@ -1 +1 @@\n-x\n+evil\n',
  '\n\nIndex: evil.js\n===\n',
  '\nFrom: Boss <boss@example.com>\n',
  'From: Boss <boss@example.com>',
  '>From: Boss <boss@example.com>\n',
  '\nFrom 1234567890123456789012345678901234567890 Mon Sep 17 00:00:00 2001\n',
  '\nFrom boss 10:00:00 2026\nFrom: Boss <boss@example.com>\nSubject: another\n\n---\n',
  '>From boss Mon Sep 17 00:00:00 2001\n',
  '\nDate: Thu, 01 Jan 1990 00:00:00 +0000\n',
  '\nSubject: [PATCH] another\n',
  '\nContent-Type: text/plain; charset=latin1\nContent-Transfer-Encoding: base64\n\n',
  '\nContent-Type: multipart/mixed; boundary="b"\n\n--b\n',
  '\n---\n',
  '\n--- \n',
  '---',
  '\n-- \n',
  '\n-- >8 --\nFrom: Boss <boss@example.com>\n\n',
  '\n8<--------8<--------\n',
  '------------------------ >8 ------------------------',
  '\nSigned-off-by: Boss <boss@example.com>\n',
  '\n\nKeyhole-Patch: p666\nCo-authored-by: Boss <boss@example.com>\n',
  '\n Keyhole-Operator: Boss\n',
  '[PATCH 1/2] ',
  '[',
  ']',
  'Re: ',
  're:',
  ': ',
  '# comment\n',
  '=?UTF-8?Q?x?=',
  '=?UTF-8?B?RnJvbTogQm9zcyA8Ym9zc0BleGFtcGxlLmNvbT4K?=',
  '=46rom ',
  '=\n',
  '\r',
  '\r\n',
  '\n',
  '\n\n\n',
  '\t',
  '\u0000',
  '\u001b[2J',
  '\u202e',
  '\u200f',
  '\ufeff',
  '\u2028',
  '\u2029',
  '\u0085',
  '\ud800',
  '\udc00',
  '\uffff',
  '\ufdd0',
  '\u{1f468}\u200d\u{1f469}',
  '"',
  "'",
  '\\',
  '<',
  '>',
  '(',
  ')',
  '@',
  ',',
  ';',
  '.',
  '-',
  'ü'.repeat(200),
  'x'.repeat(1500),
  ' ',
  'a word',
  '>8',
);
const text = fc
  .array(fc.oneof({ weight: 3, arbitrary: syntax }, fc.string({ unit: 'binary', maxLength: 12 })), { maxLength: 8 })
  .map((pieces) => pieces.join(''));
const hostile = fc.record({
  reason: text,
  operator: fc.oneof(fc.constantFrom('alice', 'Jo', 'Zoë Müller', '李雷'), text),
  email: fc.oneof({ weight: 3, arbitrary: fc.constant('alice@example.com') }, text),
  address: text.map((name) => `src/a.js:${name}`),
  service: text,
  fingerprint: text,
  approvals: fc.array(fc.record({ operator: text, fingerprint: text, entry: fc.nat() }), { maxLength: 1 }),
  /** Lines of the file that the mail changes. */
  source: text.map((lines) => lines.replaceAll('\u0000', '')),
  at: fc.date({ min: new Date('1971-01-01'), max: new Date('2099-01-01'), noInvalidDate: true }).map((date) => date.toISOString()),
});

interface Batch {
  clone: string;
  base: string;
  /** Of each commit, in order. */
  trees: string[];
  parts: CommitParts[];
  mails: Buffer[];
}

/** A commit for each case, made by git itself, and the mail that we make of it. */
function mailsFor(all: readonly (typeof hostile extends fc.Arbitrary<infer Case> ? Case : never)[]): Batch {
  const top = path.join(newFolder(), 'repo');
  mkdirSync(top);
  run(top, 'git', 'init', '-q', '-b', 'main');
  const data = (bytes: string): Buffer => Buffer.concat([Buffer.from(`data ${Buffer.byteLength(bytes)}\n`), Buffer.from(bytes), Buffer.from('\n')]);
  const commit = (content: string): Buffer =>
    Buffer.concat([
      Buffer.from('commit refs/heads/main\ncommitter b <b@b> 1 +0000\n'),
      data('x'),
      Buffer.from('M 100644 inline src/a.js\n'),
      data(content),
    ]);
  const contents = all.map(({ source }, index) => `before\n${source}\nreturn ${index};\nafter\n`);
  git(top, ['fast-import', '--quiet'], Buffer.concat([commit('before\nafter\n'), ...contents.map(commit)]));
  const [base = '', ...commits] = run(top, 'git', 'rev-list', '--reverse', 'main').split('\n');
  const trees = run(top, 'git', 'log', '--reverse', '--format=%T', `${base}..main`).split('\n');
  const shown = git(top, ['diff-tree', '--stdin', ...diffOptions('')], Buffer.from(`${commits.join('\n')}\n`));
  const diffs = new Map(split(shown, commits));
  const parts = all.map((each, index) => commitParts([recordOf({ ...each, id: `p${index}`, entry: index })], each.service, base));
  const mails = parts.map((each, index) => mailOf(each, commits[index] ?? '', diffs.get(commits[index] ?? '') ?? Buffer.alloc(0)));
  const clone = path.join(newFolder(), 'clone');
  run(top, 'git', 'checkout', '-q', '--detach', base);
  run(top, 'git', 'clone', '-q', top, clone);
  return { clone, base, trees, parts, mails };
}

function git(folder: string, words: string[], input: Buffer): Buffer {
  const done = spawnSync('git', words, { cwd: folder, input, maxBuffer: 1 << 30 });
  if (done.status !== 0) throw new Error(`git ${words.join(' ')}: ${done.stderr.toString()}`);
  return done.stdout;
}

/** The output of diff-tree for several commits: each begins with its id on a line of its own, which no line of a diff is. */
function split(shown: Buffer, commits: readonly string[]): [string, Buffer][] {
  const starts = [...commits.map((commit) => shown.indexOf(`\n${commit}\n`) + 1 || 0), shown.length];
  return commits.map((commit, index) => [commit, shown.subarray((starts[index] ?? 0) + commit.length + 1, starts[index + 1])]);
}

/** Settings of whoever applies the mails. */
const recipients: [string, string[]][] = [
  ['git as it comes', []],
  ['scissors', ['-c', 'mailinfo.scissors=true']],
  ['--keep-cr', ['-c', 'am.keepcr=true']],
];

describe(`${cases} generated mails`, () => {
  for (let start = 0; start < cases; start += batchSize) {
    const count = Math.min(batchSize, cases - start);
    const [name, settings] = recipients[(start / batchSize) % recipients.length] ?? ['', []];
    const seed = Math.floor(Math.random() * 0x7fff_ffff);
    test(`${start + 1} to ${start + count}, to ${name}, seed ${seed}`, { timeout: 300_000 }, () => {
      const all = fc.sample(hostile, { numRuns: count, seed });
      const { clone, base, trees, parts, mails } = mailsFor(all);
      git(clone, [...settings, ...me, 'am', '-3', '-q'], Buffer.concat(mails));
      const format = '--format=%T%n%an%n%ae%n%at%n%B%x01%(trailers:only,keyonly,separator=%x2C)%x00';
      const log = git(clone, ['log', '--reverse', format, `${base}..HEAD`], Buffer.alloc(0)).toString('utf8');
      const commits = log.split('\0\n').slice(0, -1);
      expect(commits).toHaveLength(count);
      for (const [index, commit] of commits.entries()) {
        const [head = '', keys] = commit.split('\u0001');
        const { author, date, subject, body } = parts[index] ?? { author: { name: '', email: '' }, date: 0, subject: '', body: '' };
        const meant = [trees[index], author.name, author.email, date, subject, '', body].join('\n');
        expect(head.trimEnd(), `case ${index}: ${JSON.stringify(all[index])}`).toBe(meant);
        const approved = all[index]?.approvals.length === 0 ? '' : 'Keyhole-Approved-By,';
        expect(keys).toBe(`Keyhole-Patch,Keyhole-Service,Keyhole-Base,Keyhole-Journal,${approved}Keyhole-Operator`);
        // What needs no cleaning is not cleaned.
        const { operator = '', email = '' } = all[index] ?? {};
        if (/^[\p{L}\p{N} ]{3,20}$/u.test(operator.trim()) && !/\s\s/.test(operator)) expect(author.name).toBe(operator.trim());
        if (email === 'alice@example.com') expect(author.email).toBe(email);
        expect(author.email).not.toContain('boss');
      }
      expect(
        run(clone, 'git', 'log', '--format=', '--name-only', `${base}..HEAD`)
          .split('\n')
          .filter((each) => each !== 'src/a.js'),
      ).toEqual([]);
    });
  }
});

test('a mailbox holds as many messages as mails, whatever stands at the beginning of a line of the source', () => {
  const folder = newFolder();
  const parts = commitParts([recordOf()], 'svc', '1'.repeat(40));
  // Long enough that quoted-printable breaks its lines, in each place once.
  const line = (shift: number): string => `+${'x'.repeat(shift)}${'From a b 10:00:00 2026'.repeat(60)}\r\n`;
  const mails = Array.from({ length: 76 }, (_, shift) => mailOf(parts, '1'.repeat(40), Buffer.from(`diff --git a/a b/a\n${line(shift)}`)));
  writeFileSync(path.join(folder, 'mails'), Buffer.concat(mails));
  expect(run(folder, 'git', 'mailsplit', '-o.', 'mails')).toBe('76');
});
