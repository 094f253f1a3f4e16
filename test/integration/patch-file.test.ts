/** Patch files with real git: whatever stands in one, nothing outside the scratch place is touched, and what it changes stays inside the repository. */
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { ChangeSet } from '../../packages/console/dist/git/change-set.js';
import { withPatchFile } from '../../packages/console/dist/git/patch-file.js';
import { commitAll, newFolder, run } from '../helpers/service.ts';

vi.setConfig({ testTimeout: 120_000 });

const home = newFolder();
const repo = path.join(home, 'around', 'repo');
mkdirSync(path.join(repo, 'src'), { recursive: true });
writeFileSync(path.join(repo, 'src/a.js'), 'export function f() {\n  return 1;\n}\n');
writeFileSync(path.join(repo, 'src/b.js'), 'export const b = 1;\n');
const base = commitAll(repo, 'base');
const patchFolder = newFolder();

/** Everything of the repository and around it: names, sizes, times. */
function picture(): string {
  const lines: string[] = [];
  for (const entry of readdirSync(home, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    const { size, mtimeMs, ctimeMs } = statSync(file);
    // Git renews the date of an object that it finds there already.
    const times = file.includes('.git/objects/') ? '' : `${mtimeMs} ${ctimeMs}`;
    lines.push(`${file} ${entry.isDirectory() ? 'folder' : `${size} ${times}`}`);
  }
  return lines.sort().join('\n');
}

async function filesOf(text: string | Buffer): Promise<ChangeSet['files']> {
  const file = path.join(patchFolder, 'change.patch');
  writeFileSync(file, text);
  return withPatchFile({ repo, file, base }, ({ files }) => Promise.resolve(files));
}

const added = (name: string, mode = '100644', line = '1'): string =>
  `diff --git ${name} ${name.replace('a/', 'b/')}\nnew file mode ${mode}\nindex 0000000..d00491f\n--- /dev/null\n+++ ${name.replace('a/', 'b/')}\n@@ -0,0 +1 @@\n+${line}\n`;
const changed =
  'diff --git a/src/a.js b/src/a.js\n--- a/src/a.js\n+++ b/src/a.js\n@@ -1,3 +1,3 @@\n export function f() {\n-  return 1;\n+  return 2;\n }\n';

test('a diff with words before it, and a file that is renamed', async () => {
  expect(await filesOf(`I think\n\n${changed}`)).toMatchObject([{ kind: 'modified', before: { path: 'src/a.js', mode: '100644' } }]);
  const renamed = 'diff --git a/src/b.js b/src/c.js\nsimilarity index 100%\nrename from src/b.js\nrename to src/c.js\n';
  expect(await filesOf(renamed)).toMatchObject([{ kind: 'renamed', before: { path: 'src/b.js' }, after: { path: 'src/c.js' } }]);
});

describe('a mail is read as git am reads it', () => {
  const head = `From ${'1'.repeat(40)} Mon Sep 17 00:00:00 2001\nFrom: A <a@b>\nDate: Thu, 1 Jan 2026 00:00:00 +0000\nSubject: [PATCH] x\n`;
  test('quoted-printable and base64', async () => {
    const quoted = changed.replaceAll('=', '=3D').replace('return 2;', 'return=202;');
    expect(
      await filesOf(`${head}Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: quoted-printable\n\n---\n\n${quoted}`),
    ).toHaveLength(1);
    const encoded = Buffer.from(`text\n---\n\n${changed}`).toString('base64');
    expect(
      await filesOf(`${head}MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: base64\n\n${encoded}\n`),
    ).toHaveLength(1);
  });
  test('the second mail stands on the first', async () => {
    const second = changed.replace('-  return 1;\n+  return 2;', '-  return 2;\n+  return 1;');
    expect(await filesOf(`${head}\n---\n\n${changed}-- \n2\n\n${head}\n---\n\n${second}-- \n2\n\n`)).toEqual([]);
    await expect(filesOf(`${head}\n---\n\n${second}-- \n2\n\n`)).rejects.toMatchObject({
      code: 'GIT',
      message: expect.stringContaining('patch does not apply') as string,
    });
  });
});

describe('refused, and nothing is touched', () => {
  const link = added('a/src/link', '120000', '/tmp').replace('+/tmp\n', '+/tmp\n\\ No newline at end of file\n');
  const table: [string, string][] = [
    ['no patch', 'hello\n'],
    ['nothing', ''],
    ['a mail without a patch', 'From: A <a@b>\nSubject: x\n\nhello\n'],
    ['another text', changed.replace('return 1', 'return 7')],
    ['a file that is not there', changed.replaceAll('a.js', 'none.js')],
    ...[
      'a/../outside.js',
      'a//etc/keyhole',
      'a/.git/config',
      'a/.GIT/config',
      'a/GIT~1/config',
      'a/src/../../x.js',
      '"a/src/a\\nb.js"',
      '"a/\\056git/hooks/x"',
      'a/src/./x.js',
      'a/src\\x.js',
    ].map((name): [string, string] => [name, added(name)]),
    ['through a link', link + added('a/src/link/x.js')],
    ['a rename to the outside', 'diff --git a/src/b.js b/../b.js\nsimilarity index 100%\nrename from src/b.js\nrename to ../b.js\n'],
    [
      'a huge literal',
      'diff --git a/src/x.bin b/src/x.bin\nnew file mode 100644\nindex 0000000000000000000000000000000000000000..d00491fd7e5bb6fa28c517a0bb32b8b506539d4d\nGIT binary patch\nliteral 99999999999\nzcmZ?w\n\nliteral 0\nHcmV?d00001\n',
    ],
  ];
  test.each(table)('%s', async (_, text) => {
    const before = picture();
    await expect(filesOf(text)).rejects.toMatchObject({ code: 'GIT' });
    expect(picture()).toBe(before);
  });

  test('a patch that is too large, and one that is not there', async () => {
    await expect(filesOf(Buffer.alloc(17 * 1024 * 1024, 'x'))).rejects.toMatchObject({ code: 'USAGE' });
    const missing = { repo, file: path.join(home, 'none'), base };
    await expect(withPatchFile(missing, () => Promise.resolve())).rejects.toMatchObject({ code: 'USAGE' });
    await expect(withPatchFile({ ...missing, file: path.join(repo, 'src/a.js'), base: '--help' }, () => Promise.resolve())).rejects.toMatchObject({
      code: 'GIT',
    });
  });
});

test('configuration, attributes and hooks of the repository take no part', async () => {
  const proof = path.join(newFolder(), 'ran');
  const other = path.join(newFolder(), 'repo');
  run(home, 'git', 'clone', '-q', repo, other);
  writeFileSync(path.join(other, '.gitattributes'), '* filter=x merge=x diff=x\n');
  for (const key of ['filter.x.clean', 'filter.x.smudge', 'merge.x.driver', 'diff.x.command', 'diff.x.textconv', 'core.fsmonitor'])
    run(other, 'git', 'config', key, `touch ${proof}`);
  writeFileSync(path.join(other, '.git/hooks/post-index-change'), `#!/bin/sh\ntouch ${proof}\n`, { mode: 0o755 });
  const file = path.join(patchFolder, 'change.patch');
  writeFileSync(file, changed);
  expect(await withPatchFile({ repo: other, file, base }, ({ files }) => Promise.resolve(files))).toHaveLength(1);
  expect(() => statSync(proof)).toThrow();
});

test('no name and no text of a patch leads out of the repository', async () => {
  const before = picture();
  const part = fc.constantFrom(
    '..',
    '.',
    '.git',
    '.GIT',
    'git~1',
    '.g\u200cit',
    'src',
    'a.js',
    '',
    '/',
    '\\',
    'con',
    ' ',
    '"',
    '\\n',
    '\\056',
    'é',
    '/etc',
    '~',
    '$HOME',
    '-rf',
    ':(top)',
    'a b',
    '\t',
  );
  const name = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));
  const quoted = fc.tuple(name, fc.boolean()).map(([text, quote]) => (quote ? `"a/${text}"` : `a/${text}`));
  const piece = fc.oneof(
    fc.tuple(quoted, fc.constantFrom('100644', '100755', '120000', '160000', '040000')).map(([text, mode]) => added(text, mode)),
    fc.tuple(name, name).map(([from, to]) => `diff --git a/${from} b/${to}\nsimilarity index 100%\nrename from ${from}\nrename to ${to}\n`),
    fc.constantFrom(changed, 'From: x\n\n', '---\n', 'GIT binary patch\nliteral 3\n', '\0'),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 3 }), async (pieces) => {
      const files = await filesOf(pieces.join('')).catch((error: { code?: string }) => {
        expect(error.code).toBe('GIT');
        return [];
      });
      for (const side of files.flatMap((each) => [each.before, each.after])) {
        if (side === null) continue;
        expect(path.relative(repo, path.resolve(repo, side.path))).not.toMatch(/^\.\.|^\.git/i);
        expect(side.path).not.toMatch(/[\n\0]/);
      }
    }),
    { numRuns: Number(process.env['KEYHOLE_PATCH_FILE_RUNS'] ?? 25) },
  );
  expect(picture()).toBe(before);
});
