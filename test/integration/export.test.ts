/** Exports with real git: whatever a reason or a file holds, the mail gives one commit, by the operator, with the tree that is meant. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PatchRecord } from '../../packages/agent/dist/protocol/index.js';
import { exportPatches } from '../../packages/console/dist/git/export.js';
import { commitAll, newFolder, run } from '../helpers/service.ts';

type Connection = Parameters<typeof exportPatches>[0];

interface Setup {
  text?: string;
  file?: string;
  subfolder?: string;
}

const old = 'function f() {\n  return 1;\n}';
const renewed = 'function f() {\n  return 2;\n}';
const plainText = `export ${old}\nexport const rest = 'ü';\n`;

function repository({ text = plainText, file = 'src/a.js', subfolder = '' }: Setup): { top: string; root: string; commit: string } {
  const top = path.join(newFolder(), 'repo');
  const root = path.join(top, subfolder);
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  writeFileSync(path.join(root, file), text);
  writeFileSync(path.join(top, 'other.txt'), 'other\n');
  return { top, root, commit: commitAll(top, 'base') };
}

function agent(at: { root: string; commit: string }, change: Partial<PatchRecord> = {}): Connection {
  const file = change.file ?? 'src/a.js';
  const record: PatchRecord = {
    id: 'p7',
    address: `${file}:f`,
    file,
    code: renewed,
    baseCode: old,
    source: renewed,
    baseSource: old,
    strategy: 'slots',
    operator: 'alice',
    email: 'alice@example.com',
    fingerprint: 'SHA256:abc',
    reason: 'because',
    at: '2026-01-02T03:04:05.678Z',
    entry: 7,
    entryHash: 'f'.repeat(64),
    ...change,
  };
  const answer = { service: 'svc', root: at.root, commit: at.commit, patches: [record] };
  return { call: () => Promise.resolve(answer as never) };
}

/** Applies a mail in a clone of its own, as a stranger would. */
function applied(top: string, mail: string, ...words: string[]): string {
  const folder = newFolder();
  run(folder, 'git', 'clone', '-q', top, 'clone');
  const clone = path.join(folder, 'clone');
  const file = path.join(folder, 'mail');
  writeFileSync(file, mail);
  run(clone, 'git', '-c', 'core.autocrlf=false', '-c', 'user.name=Me', '-c', 'user.email=me@example.com', 'am', '-q', ...words, file);
  return clone;
}

const request = (top: string): Parameters<typeof exportPatches>[1] => ({ ids: [], repo: top, output: null, includeLanded: false });

describe('the file stays what it was, but for the function', () => {
  const table: [string, Setup, string[]][] = [
    ['plain', {}, []],
    ['CRLF', { text: plainText.replaceAll('\n', '\r\n') }, ['--keep-cr']],
    ['a byte order mark', { text: `\uFEFF${plainText}` }, []],
    ['no newline at the end', { text: plainText.trimEnd() }, []],
    ['a name that is not ASCII', { file: 'src/größe.js' }, []],
    ['a service in a folder of a monorepo', { subfolder: 'services/rooms' }, []],
  ];
  for (const [name, setup, words] of table) {
    test(name, async () => {
      const at = repository(setup);
      const file = setup.file ?? 'src/a.js';
      const { mails, keepCarriageReturns } = await exportPatches(agent(at, { file }), request(at.top));
      expect(keepCarriageReturns).toBe(words.length > 0);
      const clone = applied(at.top, mails.join(''), ...words);
      const text = setup.text ?? plainText;
      expect(readFileSync(path.join(clone, setup.subfolder ?? '', file), 'utf8')).toBe(text.replace('return 1', 'return 2'));
      expect(run(clone, 'git', 'log', '-1', '--format=%an <%ae> %aI|%s')).toBe('alice <alice@example.com> 2026-01-02T03:04:05+00:00|because');
      expect(run(at.top, 'git', 'status', '--porcelain')).toBe('');
    });
  }

  test('what HEAD has already is left out, unless it is asked for', async () => {
    const at = repository({});
    writeFileSync(path.join(at.root, 'src/a.js'), plainText.replace('return 1;', 'return 2; // landed'));
    run(at.top, 'git', '-c', 'user.name=B', '-c', 'user.email=b@b', 'commit', '-qam', 'landed');
    expect((await exportPatches(agent(at), request(at.top))).patches).toEqual([]);
    expect((await exportPatches(agent(at), { ...request(at.top), includeLanded: true })).patches).toEqual(['p7']);
  });

  test('a text that is not the one that was patched is refused', async () => {
    const at = repository({ text: plainText.replace('return 1', 'return 9') });
    await expect(exportPatches(agent(at), request(at.top))).rejects.toMatchObject({ code: 'GIT' });
  });
});

describe('a path that leads elsewhere is refused, and nothing is touched', () => {
  for (const file of ['../outside.js', '/etc/hostname', '.git/config', 'src/../../x.js', 'src/a\nb.js', 'src/.GIT/x.js']) {
    test(JSON.stringify(file), async () => {
      const at = repository({});
      await expect(exportPatches(agent(at, { file }), { ...request(at.top), branch: 'hotfix' })).rejects.toMatchObject({ code: 'GIT' });
      expect(run(at.top, 'git', 'branch', '--list', 'hotfix')).toBe('');
    });
  }
  test('a link', async () => {
    const at = repository({});
    symlinkSync('/etc/hostname', path.join(at.root, 'src/link.js'));
    run(at.top, 'git', 'add', '-A');
    run(at.top, 'git', '-c', 'user.name=B', '-c', 'user.email=b@b', 'commit', '-qm', 'link');
    const commit = run(at.top, 'git', 'rev-parse', 'HEAD');
    await expect(exportPatches(agent({ ...at, commit }, { file: 'src/link.js' }), request(at.top))).rejects.toMatchObject({ code: 'GIT' });
  });
});

test('no reason and no name changes author, tree, subject or number of commits', async () => {
  const at = repository({});
  const tree = (clone: string): string => run(clone, 'git', 'rev-parse', 'HEAD^{tree}');
  const expected = tree(applied(at.top, (await exportPatches(agent(at), request(at.top))).mails.join('')));
  const piece = fc.constantFrom(
    'diff --git a/evil.js b/evil.js\nnew file mode 100644\n--- /dev/null\n+++ b/evil.js\n@@ -0,0 +1 @@\n+evil\n',
    '\nFrom: Boss <boss@example.com>\n',
    'From: Boss <boss@example.com>',
    '\nFrom 1234567890123456789012345678901234567890 Mon Sep 17 00:00:00 2001\n',
    '\n---\n',
    '\n-- \n',
    '\n-- >8 --\n',
    '\nSigned-off-by: Boss <boss@example.com>\n',
    '[PATCH 1/2] ',
    'Re: ',
    '\r',
    '\u0000',
    '\u202e',
    '\u2028',
    '\ud800',
    '=?UTF-8?Q?x?=',
    'Index: evil.js\n',
    'ü'.repeat(200),
    ' ',
    '\n\n',
    'a word',
  );
  const reason = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''));
  await fc.assert(
    fc.asyncProperty(reason, fc.constantFrom('alice', 'Zoë "Z" Müller', '=?x?=', 'a, b; c'), async (why, operator) => {
      const { mails } = await exportPatches(agent(at, { reason: why, operator }), request(at.top));
      const clone = applied(at.top, mails.join(''));
      expect(run(clone, 'git', 'rev-list', '--count', `${at.commit}..HEAD`)).toBe('1');
      expect(tree(clone)).toBe(expected);
      expect(existsSync(path.join(clone, 'evil.js'))).toBe(false);
      expect(run(clone, 'git', 'log', '-1', '--format=%an|%ae')).toBe(`${operator.replaceAll('"', ' ').replace(/\s+/g, ' ')}|alice@example.com`);
      expect(run(clone, 'git', 'log', '-1', '--format=%(trailers:key=Keyhole-Patch,valueonly)')).toBe('p7');
      expect(run(clone, 'git', 'log', '-1', '--format=%(trailers:key=Signed-off-by,valueonly)')).toBe('');
    }),
    { numRuns: 40 },
  );
}, 120_000);
