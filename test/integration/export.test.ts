/** Exports with real git: whatever state the repository is in, the mail gives one commit, by the operator, with the tree that is meant. */
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { exportPatches } from '../../packages/console/dist/git/export.js';
import {
  agent,
  applied,
  commitChange,
  me,
  old,
  plainText,
  renewed,
  repository,
  request,
  type AgentSays,
  type Place,
  type Setup,
} from '../helpers/export.ts';
import { newFolder, run } from '../helpers/service.ts';

const filler = (from: number): string => Array.from({ length: 40 }, (_, index) => `export const v${from + index} = ${index};\n`).join('');
const read = (folder: string, file = 'src/a.js'): string => readFileSync(path.join(folder, file), 'utf8');
const edit = (folder: string, from: string, to: string, file = 'src/a.js'): void =>
  writeFileSync(path.join(folder, file), read(folder, file).replace(from, to));
const status = (place: Place): string => run(place.top, 'git', 'status', '--porcelain');

async function mailsOf(at: Place, says: AgentSays = {}): Promise<string[]> {
  const { mails } = await exportPatches(agent(at, says), request(at.top));
  return mails;
}

describe('the file stays what it was, but for the function', () => {
  const crlf = plainText.replaceAll('\n', '\r\n');
  const table: [string, Setup, AgentSays][] = [
    ['plain', {}, {}],
    ['CRLF', { text: crlf }, { loaded: crlf }],
    ['CRLF, and the patch was written with LF', { text: crlf }, {}],
    ['a byte order mark', { text: `\uFEFF${plainText}` }, {}],
    ['no newline at the end', { text: plainText.trimEnd() }, {}],
    ['a name that is not ASCII', { file: 'src/größe 1.js' }, {}],
    ['a name that is a pattern', { file: 'src/[a]*?.js' }, {}],
    ['a service in a folder of a monorepo', { subfolder: 'services/rooms' }, {}],
    ['a repository of SHA-256', { prepare: (top) => run(top, 'git', 'init', '-q', '--object-format=sha256') }, {}],
    ['a file that .gitattributes calls binary', { files: { '.gitattributes': '*.js -diff\n' } }, {}],
    ['lines longer than mail servers take', { text: `${plainText}// ${'x'.repeat(3000)}\n` }, {}],
    [
      'lines that mail gives a meaning to',
      { text: `From me 10:00:00 2026\`;\n${plainText}`.replace(/^/, 'export const t = `\nFrom a b 10:00:00 2026\n') },
      {},
    ],
  ];
  for (const [name, setup, says] of table) {
    test(name, async () => {
      const at = repository(setup);
      const file = setup.file ?? 'src/a.js';
      const text = setup.text ?? plainText;
      const mails = await mailsOf(at, { loaded: text, ...says, change: { file } });
      const clone = applied(at.top, mails);
      expect(read(path.join(clone, setup.subfolder ?? ''), file)).toBe(text.replace('return 1', 'return 2'));
      expect(run(clone, 'git', 'log', '-1', '--format=%an <%ae> %aI|%s')).toBe('alice <alice@example.com> 2026-01-02T03:04:05+00:00|because');
      expect(run(clone, 'git', 'diff', '--name-only', '-z', at.commit, 'HEAD')).toBe(`${path.posix.join(setup.subfolder ?? '', file)}\0`);
      expect(status(at)).toBe('');
    });
  }

  test('a file beside the folder of the service, which the process names by its whole path', async () => {
    const at = repository({ subfolder: 'services/rooms', files: { 'packages/lib/b.js': plainText } });
    const mails = await mailsOf(at, { change: { file: path.join(at.top, 'packages/lib/b.js') } });
    expect(read(applied(at.top, mails), 'packages/lib/b.js')).toBe(plainText.replace('return 1', 'return 2'));
  });

  test('a file that may be executed may still be', async () => {
    const at = repository({ prepare: (top) => chmodSync(path.join(top, 'src/a.js'), 0o755) });
    expect(run(applied(at.top, await mailsOf(at)), 'git', 'ls-tree', 'HEAD', 'src/a.js')).toMatch(/^100755 /);
  });

  test('the disk has CRLF, git has LF: the patch is in LF', async () => {
    const at = repository({ files: { '.gitattributes': '*.js text eol=crlf\n' } });
    const says: AgentSays = {
      loaded: plainText.replaceAll('\n', '\r\n'),
      change: { source: renewed.replaceAll('\n', '\r\n'), baseSource: old.replaceAll('\n', '\r\n') },
    };
    const clone = applied(at.top, await mailsOf(at, says));
    expect(run(clone, 'git', 'cat-file', 'blob', 'HEAD:src/a.js')).toBe(plainText.replace('return 1', 'return 2').trim());
    expect(read(clone)).toContain('return 2;\r\n');
  });

  test('both line ends in one function: each line keeps its own', async () => {
    const text = plainText.replace('return 1;\n', 'return 1;\r\n');
    const at = repository({ text });
    const source = 'function f() {\n  check();\n  return 1;\n}';
    const clone = applied(at.top, await mailsOf(at, { loaded: text, change: { source, baseSource: old } }));
    expect(read(clone)).toBe(text.replace('{\n', '{\n  check();\n'));
  });

  test('a linked worktree, a submodule, a shallow clone', async () => {
    const at = repository();
    const folder = newFolder();
    run(at.top, 'git', 'worktree', 'add', '-q', '--detach', path.join(folder, 'linked'));
    const outer = repository({ text: 'other' });
    run(outer.top, 'git', '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', at.top, 'inner');
    run(folder, 'git', 'clone', '-q', '--depth', '1', `file://${at.top}`, 'shallow');
    for (const top of [path.join(folder, 'linked'), path.join(outer.top, 'inner'), path.join(folder, 'shallow')]) {
      const mails = await mailsOf({ top, root: top, commit: at.commit });
      expect(read(applied(at.top, mails))).toContain('return 2');
      expect(run(top, 'git', 'status', '--porcelain')).toBe('');
    }
  });

  test('the service runs elsewhere: the file is found by the end of its path, and two of them are told apart by --repo', async () => {
    const one = repository({ subfolder: 'services/rooms' });
    expect(await mailsOf(one, { root: '/srv/app' })).toHaveLength(1);
    const two = repository({ subfolder: 'services/rooms', files: { 'services/halls/src/a.js': plainText } });
    await expect(mailsOf(two, { root: '/srv/app' })).rejects.toThrow('src/a.js may be any of services/halls/src/a.js, services/rooms/src/a.js');
    const { mails } = await exportPatches(agent(two, { root: '/srv/app' }), request(path.join(two.top, 'services/halls')));
    expect(mails.join('')).toContain('a/services/halls/src/a.js');
  });
});

describe('a repository that has moved on', () => {
  const text = filler(0) + plainText + filler(100);
  test('edits around it are kept', async () => {
    const at = repository({ text });
    edit(at.top, filler(0), `${filler(200)}${filler(0)}`);
    edit(at.top, "'ü'", "'changed'");
    commitChange(at.top, 'moved on');
    const clone = applied(at.top, await mailsOf(at, { loaded: text }));
    expect(read(clone)).toBe(read(at.top).replace('return 1', 'return 2'));
  });

  test('an edit right beside it needs the blobs that the mail names', async () => {
    const at = repository({ text });
    edit(at.top, `export ${old}`, `// counted\nexport ${old}`);
    edit(at.top, "rest = 'ü'", "rest = 'changed'");
    commitChange(at.top, 'moved on');
    const clone = applied(at.top, await mailsOf(at, { loaded: text }));
    expect(read(clone)).toBe(read(at.top).replace('return 1', 'return 2'));
  });

  test('a source that was renamed since', async () => {
    const at = repository({ text });
    mkdirSync(path.join(at.top, 'lib'));
    renameSync(path.join(at.top, 'src/a.js'), path.join(at.top, 'lib/renamed.js'));
    commitChange(at.top, 'renamed');
    const clone = applied(at.top, await mailsOf(at, { loaded: text }));
    expect(read(clone, 'lib/renamed.js')).toBe(text.replace('return 1', 'return 2'));
  });

  test('several patches of one file: each mail merges by itself', async () => {
    const g = (value: number): string => `function g() {\n  return ${value};\n}`;
    const two = `${text}${g(1)}\nlast();\n`;
    const at = repository({ text: two });
    edit(at.top, 'last();', 'otherwise();');
    commitChange(at.top, 'moved on');
    const others = [{ id: 'p8', entry: 8, address: 'src/a.js:g', source: g(2), baseSource: g(1), reason: 'second' }];
    // Applied without a merge, the first mail makes no blob that the second one could be merged from.
    const clone = applied(at.top, await mailsOf(at, { loaded: two, others }));
    expect(read(clone)).toBe(read(at.top).replace(old, renewed).replace(g(1), g(2)));
  });

  test('changes side by side are made one on top of the other', async () => {
    const line = (name: string, value: number): string => `function ${name}() { return ${value}; }`;
    const two = `${line('f', 1)}\n${line('g', 1)}\n`;
    const at = repository({ text: two });
    const mails = await mailsOf(at, {
      loaded: two,
      change: { source: line('f', 2), baseSource: line('f', 1) },
      others: [{ id: 'p8', entry: 8, address: 'src/a.js:g', source: line('g', 2), baseSource: line('g', 1) }],
    });
    expect(read(applied(at.top, mails))).toBe(two.replaceAll('1', '2'));
    expect(mails[1]).toContain(`\n ${line('f', 2)}\n-${line('g', 1)}\n`);
  });

  test('the same line changed: git am -3 conflicts as git does', async () => {
    const at = repository({ text });
    edit(at.top, 'return 1', 'return 3');
    commitChange(at.top, 'otherwise');
    const mails = await mailsOf(at, { loaded: text });
    let clone = '';
    expect(() => applied(at.top, mails, (folder) => (clone = folder))).toThrow('Failed to merge in the changes');
    expect(read(clone)).toMatch(/<<<<<<< HEAD\n  return 3;\n=======\n  return 2;\n>>>>>>> because\n/);
  });

  test('what HEAD has already is left out, unless it is asked for', async () => {
    const at = repository();
    edit(at.top, 'return 1;', 'return 2; // landed');
    run(at.top, 'git', ...me, 'commit', '-qam', 'landed');
    expect((await exportPatches(agent(at), request(at.top))).patches).toEqual([]);
    expect((await exportPatches(agent(at), request(at.top, { includeLanded: true }))).patches).toEqual(['p7']);
  });
});

describe('what is exported is what runs, or it is refused', () => {
  const lies: [string, Setup, AgentSays, string][] = [
    ['the commit has another text of the function', { text: plainText.replace('return 1', 'return 9') }, {}, 'is not the text that was patched'],
    [
      'the source is not what the code was made of',
      {},
      { change: { source: renewed, code: renewed.replace('2', '3') } },
      'does not give the code that was applied',
    ],
    ['the process runs another code than it says', {}, { running: renewed.replace('2', '3') }, 'runs another code than the one of the patch'],
    ['the source holds more than the function', {}, { change: { source: `${renewed}\nevil();` } }, 'not exactly the function'],
    ['the source breaks out of the function', {}, { change: { source: 'function f() {}\nfunction g() {}' } }, 'not exactly the function'],
    ['the source is another function', {}, { change: { source: 'function g() {\n  return 2;\n}' } }, 'not exactly the function'],
    ['the source does not parse', {}, { change: { source: 'function f() {' } }, 'src/a.js:'],
    [
      'the process was started with a name that the commit does not have',
      { text: plainText },
      { loaded: `const two = 2;\n${plainText}`, change: { source: renewed.replace('2', 'two') } },
      'two is global in the new text, and belongs to the module that runs',
    ],
    [
      'a name is something else in the commit',
      { text: `import { two } from './a.js';\n${plainText}` },
      { loaded: `import { two } from './b.js';\n${plainText}`, change: { source: renewed.replace('2', 'two') } },
      'it uses two (line 1), which is something else in the module that runs',
    ],
    ['the file is kept by Git LFS', { text: 'version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 1\n' }, {}, 'is kept by Git LFS'],
    [
      'a clean filter changed the function',
      { text: plainText.replace('return', 'RETURN(1);return'), files: { '.gitattributes': '*.js filter=crypt\n' } },
      {},
      'is not the text that was patched',
    ],
    [
      'the file is not UTF-8',
      { prepare: (top) => writeFileSync(path.join(top, 'src/a.js'), Buffer.from(`${plainText}// \xff`, 'latin1')) },
      {},
      'is not UTF-8',
    ],
    ['the repository does not have the commit', {}, { commit: '1'.repeat(40) }, 'does not have the commit'],
  ];
  for (const [name, setup, says, message] of lies) {
    test(name, async () => {
      const at = repository(setup);
      await expect(exportPatches(agent(at, says), request(at.top, { branch: 'hotfix' }))).rejects.toThrow(message);
      expect(run(at.top, 'git', 'branch', '--list', 'hotfix')).toBe('');
      expect(status(at)).toBe('');
    });
  }
});

test('a function and one in it, patched in any order: the text is what runs', async () => {
  const inner = (value: number): string => `function inner() {\n    return ${value};\n  }`;
  const outer = (value: number, sum: number): string => `function f() {\n  ${inner(value)}\n  return inner() + ${sum};\n}`;
  const text = `export ${outer(1, 0)}\n`;
  const at = repository({ text });
  const says: AgentSays = {
    loaded: text,
    // The inner one was patched first; whoever edited the outer one saw the old inner one.
    change: { id: 'p9', entry: 9, source: outer(1, 5), baseSource: outer(1, 0) },
    others: [{ id: 'p8', entry: 8, address: 'src/a.js:f.inner', source: inner(2), baseSource: inner(1), reason: 'inner' }],
  };
  const clone = applied(at.top, await mailsOf(at, says));
  expect(read(clone)).toBe(`export ${outer(2, 5)}\n`);
  expect(run(clone, 'git', 'log', '--reverse', '--format=%s', `${at.commit}..`)).toBe('because\ninner');
});

describe('commits on a branch', () => {
  test('checkout, index and HEAD stay; who exports is the committer', async () => {
    const at = repository();
    run(at.top, 'git', 'config', 'user.name', 'Zoë');
    run(at.top, 'git', 'config', 'user.email', 'zoe@example.com');
    writeFileSync(path.join(at.top, 'other.txt'), 'half a thought\n');
    writeFileSync(path.join(at.top, 'staged.txt'), 'staged\n');
    run(at.top, 'git', 'add', 'staged.txt');
    const before = status(at);
    const { commits } = await exportPatches(agent(at), request(at.top, { branch: 'hotfix' }));
    expect(commits).toEqual([run(at.top, 'git', 'rev-parse', 'hotfix')]);
    expect(run(at.top, 'git', 'log', '--format=%an|%cn <%ce>|%P', '-1', 'hotfix')).toBe(`alice|Zoë <zoe@example.com>|${at.commit}`);
    expect(run(at.top, 'git', 'rev-parse', 'HEAD')).toBe(at.commit);
    expect(status(at)).toBe(before);
    expect(run(at.top, 'git', 'fsck', '--strict', '--no-dangling')).toBe('');
    await expect(exportPatches(agent(at), request(at.top, { branch: 'hotfix' }))).rejects.toThrow('there is a branch hotfix already');
  });

  test('the message says why, by whom, and where it stands in the journal', async () => {
    const at = repository();
    const reason = 'Totals were wrong\n\nSee #12: the discount\nwas taken twice.';
    await exportPatches(agent(at, { change: { reason } }), request(at.top, { branch: 'hotfix' }));
    expect(run(at.top, 'git', 'log', '-1', '--format=%B', 'hotfix').split('\n')).toEqual([
      'Totals were wrong',
      '',
      'Keyhole replaced src/a.js:f in the running service svc.',
      '',
      'The reason:',
      '',
      '    Totals were wrong',
      '',
      '    See #12: the discount',
      '    was taken twice.',
      '',
      'Keyhole-Patch: p7',
      'Keyhole-Service: svc',
      `Keyhole-Base: ${at.commit}`,
      `Keyhole-Journal: 7 ${'f'.repeat(64)}`,
      'Keyhole-Operator: alice SHA256:abc',
    ]);
  });
});

test('git has CRLF where .gitattributes says that it has not', async () => {
  const crlf = plainText.replaceAll('\n', '\r\n');
  const at = repository({ text: crlf });
  writeFileSync(path.join(at.top, '.gitattributes'), '*.js text\n');
  run(at.top, 'git', 'add', '.gitattributes');
  run(at.top, 'git', ...me, 'commit', '-qm', 'attributes');
  const commit = run(at.top, 'git', 'rev-parse', 'HEAD');
  const says = agent({ ...at, commit }, { loaded: crlf });
  // To git such a file is changed in every checkout, so git am takes no mail for it.
  await expect(exportPatches(says, request(at.top))).rejects.toThrow('the mail was tried and is not handed out: git am does not take it');
  await exportPatches(says, request(at.top, { branch: 'hotfix' }));
  expect(run(at.top, 'git', 'show', 'hotfix:src/a.js')).toBe(crlf.replace('return 1', 'return 2').trim());
});
