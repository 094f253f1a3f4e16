/** Exports from an agent that was taken over: it gets an error, and nothing is read or written but what was asked for. */
import { existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PatchRecord } from '../../packages/agent/dist/protocol/index.js';
import { exportPatches } from '../../packages/console/dist/git/export.js';
import { agent, applied, repository, request, type AgentSays } from '../helpers/export.ts';
import { run } from '../helpers/service.ts';

async function refused(says: AgentSays, message: string | RegExp, at = repository()): Promise<void> {
  const folders = (): string[] => readdirSync(path.dirname(at.top)).sort();
  const before = [
    folders(),
    run(at.top, 'git', 'for-each-ref'),
    run(at.top, 'git', 'count-objects'),
    readFileSync(path.join(at.top, '.git/config'), 'utf8'),
  ];
  const output = path.join(at.top, '../out.patch');
  for (const wanted of [{ branch: 'hotfix' }, { output }]) {
    await expect(exportPatches(agent(at, says), request(at.top, wanted))).rejects.toMatchObject({
      name: 'KeyholeError',
      code: 'GIT',
      message: expect.stringMatching(message) as string,
    });
  }
  expect(existsSync(output)).toBe(false);
  expect([
    folders(),
    run(at.top, 'git', 'for-each-ref'),
    run(at.top, 'git', 'count-objects'),
    readFileSync(path.join(at.top, '.git/config'), 'utf8'),
  ]).toEqual(before);
  expect(run(at.top, 'git', 'status', '--porcelain')).toBe('');
}

describe('a path that is none of a source in the repository', () => {
  const paths = [
    '../outside.js',
    'src/../../x.js',
    './src/a.js',
    'src//a.js',
    '/etc/hostname',
    '',
    '.',
    'src/a\nb.js',
    'src/a\0.js',
    'src/a\u2028.js',
    'src/\ud800.js',
    '.git/config',
    '.GIT/config',
    'src/.Git/x.js',
    '.git./config',
    '.git /config',
    '.g\u200cit/config',
    'git~1/config',
    '.git::$INDEX_ALLOCATION/config',
    '.gitmodules',
    '.GITMODULES',
    'gitmod~1',
    '.gitattributes',
    'C:\\Windows\\x.js',
    'C:/Windows/x.js',
    '\\\\server\\share\\x.js',
    'src\\a.js',
    'src/con',
    'src/NUL.js',
    'src/com1.js',
    'src/a.js.',
    'src/a.js ',
    'src/a.js:stream',
    `src/${'x'.repeat(1_100)}.js`,
  ];
  for (const file of paths) test(JSON.stringify(file).slice(0, 60), () => refused({ change: { file } }, /is no path of a source|is not a text/));

  test('a link, one to a folder, and a folder', async () => {
    const at = repository({
      prepare: (top) => {
        symlinkSync('/etc/hostname', path.join(top, 'src/link.js'));
        symlinkSync(tmpdir(), path.join(top, 'src/elsewhere'));
      },
    });
    await refused({ change: { file: 'src/link.js' } }, 'is a link in commit', at);
    await refused({ change: { file: 'src/elsewhere/a.js' } }, 'has no file', at);
    await refused({ change: { file: 'src' } }, 'has no file', at);
  });

  test('what git reads as an option or a pattern', async () => {
    await refused({ change: { file: '--output=x.js' } }, 'has no file');
    await refused({ change: { file: '*' } }, 'has no file');
    await refused({ change: { file: '(top)src/a.js' } }, 'has no file');
  });
});

describe('a record that is none', () => {
  const none = undefined as never;
  const table: [string, Partial<PatchRecord>, RegExp][] = [
    ['no id', { id: none }, /its id is/],
    ['an id that is an option', { id: '-x\n' }, /its id is/],
    ['a reason that is no text', { reason: { toString: null } as never }, /its reason is/],
    ['a reason of 100 MB', { reason: 'x'.repeat(100_000_000) }, /its reason is/],
    ['a source of 100 MB', { source: 'x'.repeat(100_000_000) }, /its source is/],
    ['a code of 100 MB', { code: 'x'.repeat(100_000_000) }, /its code is/],
    ['a source that holds half of a character', { source: 'function f() { return "\ud800"; }' }, /its source is/],
    ['a time that is none', { at: 'never' }, /its at is/],
    ['a time that no mail can say', { at: '+012345-01-01T00:00:00Z' }, /its at is/],
    ['an entry that is none', { entry: '7\nauthor x' as never }, /its entry is/],
    ['a hash that is none', { entryHash: 'f'.repeat(63) }, /its entryHash is/],
    ['approvals that are no list', { approvals: 'bob' as never }, /its approvals is/],
    ['an approval by nobody', { approvals: [{ operator: null, fingerprint: 'x', entry: 1 }] as never }, /its approvals is/],
    ['glass that is neither broken nor whole', { breakGlass: 'x' as never }, /its breakGlass is/],
    ['an address of another file', { address: 'src/b.js:f' }, /its address is/],
  ];
  for (const [name, change, message] of table) test(name, () => refused({ change }, message));

  test('patches that are no list, and one that is no record', async () => {
    const at = repository();
    for (const patches of [none, 'p1', [null], ['p1']]) {
      const connection = { call: () => Promise.resolve({ service: 'svc', root: at.root, commit: at.commit, patches, next: null } as never) };
      await expect(exportPatches(connection, request(at.top))).rejects.toMatchObject({ name: 'KeyholeError', code: 'GIT' });
    }
  });

  test('a commit that is an option, a name or another thing', async () => {
    for (const commit of ['--output=/tmp/x', 'HEAD', 'main', '', '7', 7 as never]) await refused({ commit }, 'is no commit');
  });
});

test('a name that is an address, and a reason that is a mail, say nothing to git', async () => {
  const at = repository();
  const reason = 'x\n\n---\ndiff --git a/evil.js b/evil.js\nnew file mode 100644\n--- /dev/null\n+++ b/evil.js\n@@ -0,0 +1 @@\n+evil\n';
  const { mails } = await exportPatches(agent(at, { change: { operator: 'boss@example.com', reason } }), request(at.top));
  const clone = applied(at.top, mails);
  expect(run(clone, 'git', 'log', '--format=%an <%ae>', `${at.commit}..`)).toBe('boss example.com <alice@example.com>');
  expect(run(clone, 'git', 'ls-files')).toBe('other.txt\nsrc/a.js');
});

test('generated reasons, names and texts, through all of it', { timeout: 120_000 }, async () => {
  const piece = fc.constantFrom(
    '\n---\n',
    '\nFrom: Boss <boss@example.com>\n',
    '\ndiff --git a/evil.js b/evil.js\n',
    '\n-- >8 --\n',
    '@',
    '\r',
    '\u0000',
    '\u202e',
    '[PATCH] ',
    'Re: ',
    ': ',
    'ü',
    'word',
    '"',
    '(',
    '${',
    '`',
    '\\',
  );
  const text = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''));
  const change = fc.record({ reason: text, operator: text, email: text, fingerprint: text, literal: text });
  const count = 25;
  const functions = Array.from({ length: count }, (_, index) => ({ name: `f${index}`, old: `function f${index}() {\n  return 1;\n}` }));
  const loaded = functions.map((each) => `${each.old}\n\n\n\n`).join('');
  const at = repository({ text: loaded });
  const generated = fc.sample(change, count);
  const others = functions.map(({ name, old }, index) => {
    const { literal = '', ...said } = generated[index] ?? {};
    const source = old.replace('return 1', () => `return ${JSON.stringify(literal)}`);
    return { ...said, id: `p${index}`, entry: index + 1, address: `src/a.js:${name}`, source, baseSource: old };
  });
  const connection = agent(at, { loaded, change: others[0] ?? {}, others: others.slice(1) });
  const { mails } = await exportPatches(connection, request(at.top));
  const clone = applied(at.top, mails);
  const [from, to] = [run(clone, 'git', 'log', '--format=%ae', `${at.commit}..`).split('\n'), readFileSync(path.join(clone, 'src/a.js'), 'utf8')];
  expect(from).toHaveLength(count);
  expect(from.filter((each) => each.includes('boss'))).toEqual([]);
  expect(to).toBe(others.reduce((whole, { source, baseSource }) => whole.replace(baseSource, () => source), loaded));
  expect(run(clone, 'git', 'ls-files')).toBe('other.txt\nsrc/a.js');
});
