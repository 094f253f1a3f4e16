/** A commit, a range, a patch file into a running process: exactly what it changes, or a refusal that says what and where. Real git, a real service. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { push as pushCommand } from '../../packages/console/dist/commands/push.js';
import { attached } from '../helpers/command.ts';
import { answering, commitAll, journalOf, newFolder, run, startService, type Service } from '../helpers/service.ts';

// A service, several consoles, and git.
vi.setConfig({ testTimeout: 60_000 });

interface Pushed {
  ok: boolean;
  patches: { id: string; address: string }[];
  refused: { address: string; why: string; diff?: string }[];
  unchanged: string[];
  apart: { file: string; why: string }[];
  commit?: string;
  error?: { code: string; message: string; hint?: string };
  code: number | null;
}

const price = `import { rate } from './rate.js';

export function net(gross) {
  return gross / rate;
}

export function price(amount) {
  const round = (value) => Math.round(value);
  return round(amount * rate);
}

export class Cart {
  total(items) {
    return items.length;
  }
}
`;
const files = {
  'src/price.js': price,
  'src/rate.js': 'export const rate = 2;\nexport function taxed(value) {\n  return value + 1;\n}\n',
  'src/lazy.js': 'export function lazy() {\n  return 1;\n}\n',
  'src/main.js': `
import { net, price, Cart } from './price.js';
import { taxed } from './rate.js';
const cart = new Cart();
const answer = (line) => ({ net: () => net(10), price: () => price(10), cart: () => cart.total([1, 2]), taxed: () => taxed(1) })[line]();
${answering}`,
  'package.json': '{"name":"svc","type":"module","version":"1.0.0","dependencies":{}}',
  'README.md': 'one\n',
  'config.json': '{}\n',
};

const start = (more: Partial<Parameters<typeof startService>[0]> = {}): Promise<Service> =>
  startService({ files, main: 'src/main.js', git: true, ...more });

/** Writes files (null deletes) and commits; the process goes on with what it was started from. */
function commit(service: Service, changes: Record<string, string | null>, message = 'change'): string {
  for (const [name, text] of Object.entries(changes)) {
    const file = path.join(service.folder, name);
    if (text === null) rmSync(file);
    else {
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
  }
  return commitAll(service.folder, message);
}

const consoles = new WeakMap<Service, ReturnType<typeof attached>>();
async function push(service: Service, ...words: string[]): Promise<Pushed> {
  const console = consoles.get(service) ?? attached(service, pushCommand);
  consoles.set(service, console);
  const done = await (await console)('--json', ...words);
  const pushed = done.json() as Pushed;
  if (pushed.error?.code === 'INTERNAL') throw new Error(done.stdout);
  return { ...pushed, code: done.code };
}

const state = (service: Service): string =>
  run(service.folder, 'git', 'status', '--porcelain') +
  run(service.folder, 'git', 'for-each-ref') +
  run(service.folder, 'git', 'count-objects', '-v');

describe('--commit', () => {
  test('exactly the functions that changed, in one push; its subject is the reason; what is beside is said', async () => {
    const service = await start();
    const id = commit(
      service,
      {
        'src/price.js': price.replace('amount * rate', 'amount * rate + 1').replace('items.length', 'items.length * 10'),
        'README.md': 'two\n',
        'test/price.test.js': 'console.log(1);\n',
        'src/lazy.js': 'export function lazy() {\n  return 2;\n}\n',
        'package.json': files['package.json'].replace('1.0.0', '1.0.1'),
      },
      'fix the total\n\nbecause',
    );
    const before = state(service);
    const dry = await push(service, '--commit', 'HEAD', '--dry-run');
    expect(dry).toMatchObject({ ok: true, commit: id });
    expect(await service.ask('price')).toBe('20');
    const pushed = await push(service, '--commit', id);
    expect(pushed).toMatchObject({
      ok: true,
      code: 0,
      refused: [],
      patches: [{ address: 'src/price.js:price' }, { address: 'src/price.js:Cart.total' }],
    });
    expect(pushed.apart).toEqual([
      { file: 'README.md', why: 'a document' },
      { file: 'package.json', why: 'only version changed' },
      { file: 'src/lazy.js', why: expect.stringContaining('not loaded') as string },
      { file: 'test/price.test.js', why: 'a test' },
    ]);
    expect(await service.ask('price')).toBe('21');
    expect(await service.ask('cart')).toBe('20');
    expect(await service.ask('net')).toBe('5');
    expect(state(service)).toBe(before);
    const intent = journalOf(service).find(
      (entry) => entry['kind'] === 'patch' && entry['phase'] === 'intent' && (entry['request'] as { dryRun?: boolean }).dryRun !== true,
    );
    expect((intent as { request: object }).request).toMatchObject({ reason: `fix the total (${id.slice(0, 12)})`, commits: [id] });
    expect((await service.keyhole('log', 'svc')).stdout).toContain(`Commit:   ${id}\n`);
    expect((await service.keyhole('log', 'svc', '--oneline')).stdout).toContain(`commit ${id.slice(0, 12)}`);
    const exported = await service.keyhole('export', 'svc', '--include-landed', '--repo', service.folder);
    expect(exported.stdout.match(new RegExp(`^Keyhole-Commit: ${id}$`, 'gm'))).toHaveLength(2);
    // What was signed before there were commits in it is proven as it was.
    writeFileSync(path.join(service.folder, 'src/rate.js'), files['src/rate.js'].replace('value + 1', 'value + 3'));
    expect(await push(service, 'src/rate.js', '--reason', 'by hand')).toMatchObject({ ok: true });
    expect((await service.keyhole('journal', 'verify', service.journal)).code).toBe(0);
    expect(journalOf(service).findLast((entry) => entry['kind'] === 'patch' && entry['phase'] === 'intent')?.['request']).not.toHaveProperty(
      'commits',
    );
    run(service.folder, 'git', 'checkout', '-q', 'src/rate.js');
    // As a program of its own, for people.
    const again = await service.keyhole('push', 'svc', '--commit', id);
    expect(again.stderr).toContain(
      `as in commit ${id.slice(0, 12)} fix the total already\nunchanged: src/price.js:price, src/price.js:Cart.total\nnot in the process: README.md`,
    );
    expect(again).toMatchObject({ code: 0, stdout: '' });
  });

  test('the net change of a range; a later commit finds the live patch as its base, and a reverting one takes it back', async () => {
    const service = await start();
    const one = commit(service, { 'src/price.js': price.replace('amount * rate', 'amount * rate + 1') }, 'one');
    const two = commit(service, { 'src/price.js': price.replace('amount * rate', 'amount * rate + 2') }, 'two');
    const back = commit(service, { 'src/price.js': price }, 'back');
    // The second commit alone: its old side does not run.
    const early = await push(service, '--commit', two);
    expect(early).toMatchObject({
      ok: false,
      code: 1,
      patches: [],
      refused: [{ address: 'src/price.js:price', why: 'what runs is not the old side of this change' }],
    });
    expect(early.refused[0]?.diff).toContain('-  return round(amount * rate);\n+  return round(amount * rate + 1);');
    const shown = await service.keyhole('push', 'svc', '--commit', two, '--repo', service.folder);
    expect(shown.code).toBe(1);
    expect(shown.stdout + shown.stderr).toContain('-  return round(amount * rate);\n+  return round(amount * rate + 1);');
    expect(await service.ask('price')).toBe('20');
    expect(await push(service, '--commit', one)).toMatchObject({ ok: true, patches: [{}] });
    expect(await push(service, '--commit', two)).toMatchObject({ ok: true, patches: [{ address: 'src/price.js:price' }] });
    expect(await service.ask('price')).toBe('22');
    expect(await push(service, '--commit', one)).toMatchObject({
      ok: false,
      refused: [{ why: expect.stringMatching(/^the live patch p\d+ is not the old side/) as string }],
    });
    expect(await push(service, '--commit', back)).toMatchObject({ ok: true, patches: [{ address: 'src/price.js:price' }] });
    expect(await service.ask('price')).toBe('20');
    expect(await push(service, '--range', `${one}..${two}`, '--reason', 'x')).toMatchObject({ ok: false });
    expect(await push(service, '--range', `${one}^..${two}`, '--reason', 'x')).toMatchObject({
      ok: true,
      patches: [{ address: 'src/price.js:price' }],
    });
    expect(await service.ask('price')).toBe('22');
    // What came to nothing is no change.
    expect(await push(service, '--range', `${one}^..${back}`, '--reason', 'x')).toMatchObject({ ok: true, patches: [] });
  });

  test('types and comments count as in; code that is no function is refused with its line, and nothing is applied', async () => {
    const service = await start();
    commit(service, { 'src/price.js': price.replace('export class', '// a cart\nexport class') }, 'comment');
    expect(await push(service, '--commit', 'HEAD')).toMatchObject({ ok: true, patches: [], unchanged: ['src/price.js'] });
    const id = commit(
      service,
      {
        'src/price.js': price.replace('amount * rate', 'amount * rate + 1').replace('class Cart {', 'class Cart {\n  size = 1;'),
        'src/rate.js': files['src/rate.js'].replace('= 2', '= 3'),
      },
      'shape',
    );
    const refused = await push(service, '--commit', id);
    expect(refused).toMatchObject({
      ok: false,
      patches: [],
      refused: [
        { address: 'src/price.js:12', why: expect.stringContaining('class Cart') as string },
        { address: 'src/rate.js:1', why: expect.stringContaining('top-level value') as string },
      ],
    });
    expect(await service.ask('price')).toBe('20');
    expect(await push(service, '--commit', id, '--partial')).toMatchObject({ ok: true, patches: [{ address: 'src/price.js:price' }] });
    expect(await service.ask('price')).toBe('21');
  });

  test('what a function needs and the process does not have is refused by name, also with --partial', async () => {
    const service = await start();
    const base = commit(service, { 'src/price.js': `${price}function more(value) {\n  return value + 5;\n}\n` }, 'a helper');
    const helped = price.replace('round(amount * rate)', 'more(amount)');
    commit(service, { 'src/price.js': `${helped}function more(value) {\n  return value + 5;\n}\n` }, 'which is used');
    const pushed = await push(service, '--commit', 'HEAD', '--partial');
    expect(pushed).toMatchObject({ patches: [], refused: [{ address: 'src/price.js:price', why: expect.stringContaining('uses more') as string }] });
    expect(await push(service, '--range', `${base}^..HEAD`, '--partial', '--reason', 'x')).toMatchObject({
      patches: [],
      refused: [{ address: 'src/price.js:17' }, { address: 'src/price.js:price' }],
    });
    expect(await service.ask('price')).toBe('20');
    // The same from the working tree.
    expect(await push(service, 'src/price.js', '--partial', '--reason', 'x')).toMatchObject({ patches: [] });
  });

  test('an object whose functions a commit changes is the same object to them', async () => {
    const tools = 'export const tools = {\n  twice: (n) => n * 2,\n  both(n) {\n    return n;\n  },\n};\n';
    const main = `import { tools } from './tools.js';\nconst answer = () => tools.both(5);\n${answering}`;
    const service = await start({ files: { ...files, 'src/tools.js': tools, 'src/main.js': main } });
    commit(service, { 'src/tools.js': tools.replace('return n;', 'return tools.twice(n);').replace('n * 2', 'n * 3') });
    expect(await push(service, '--commit', 'HEAD')).toMatchObject({ ok: true, refused: [], patches: [{}, {}] });
    expect(await service.ask('x')).toBe('15');
    // What is in it besides functions still counts.
    commit(service, { 'src/tools.js': tools.replace('= {', '= {\n  rate: 4,').replace('return n;', 'return n * tools.rate;') });
    const refused = await push(service, '--commit', 'HEAD', '--partial');
    expect(refused.refused.find(({ address }) => address === 'src/tools.js:tools.both')?.why).toMatch(
      /not the old side|something else in the module that runs/,
    );
  });

  test('a new import goes in where its module is in the process, and is refused by name where it is not', async () => {
    const service = await start();
    const imports =
      "import { basename } from 'node:path';\nimport { lazy } from './lazy.js';\nimport { taxed } from './rate.js';\nimport pad from 'left-pad';\n";
    const used = price.replace('round(amount * rate)', 'pad(basename(String(lazy() + taxed(round(amount * rate)))))');
    commit(service, { 'src/price.js': imports + used });
    const pushed = await push(service, '--commit', 'HEAD', '--partial');
    expect(pushed.patches).toEqual([]);
    const { why = '' } = pushed.refused.find(({ address }) => address === 'src/price.js:price') ?? {};
    expect(why).toContain('the running code never brought in lazy of ./lazy.js: the process has not loaded that module, so it takes a restart');
    const without = imports.replace(/.*lazy.*\n/, '') + used.replace('lazy() + ', '');
    commit(service, { 'src/price.js': without });
    const packaged = await push(service, '--range', 'HEAD~2..HEAD', '--reason', 'x', '--with-imports');
    expect(packaged.refused).toEqual([
      { address: 'src/price.js:price', why: expect.stringContaining("left-pad can not be looked up: Cannot find package 'left-pad'") as string },
    ]);
    const there = without.replace(/.*left-pad.*\n/, '').replace('pad(basename', '(basename');
    commit(service, { 'src/price.js': there });
    expect((await push(service, '--range', 'HEAD~3..HEAD', '--reason', 'x')).refused[0]?.why).toContain('--with-imports uses that');
    expect(await service.ask('price')).toBe('20');
    expect(await push(service, '--range', 'HEAD~3..HEAD', '--reason', 'x', '--with-imports')).toMatchObject({ ok: true, refused: [] });
    expect(await service.ask('price')).toBe('"21"');
  });

  const elsewhere: [string, Record<string, string | null>, string][] = [
    ['a new module', { 'src/new.js': 'export const x = 1;\n' }, 'it is a new module: it takes a restart'],
    ['a module that was deleted', { 'src/rate.js': null }, 'it was deleted, and the process runs it: it takes a restart'],
    [
      'a module that was renamed',
      { 'src/rate.js': null, 'src/rates.js': files['src/rate.js'] },
      'it was renamed to src/rates.js, and the process runs it: it takes a restart',
    ],
    [
      'a dependency',
      { 'package.json': files['package.json'].replace('{}', '{"left-pad":"1.0.0"}') },
      'dependencies changed: it takes an install and a restart',
    ],
    ['a lock file', { 'yarn.lock': 'x\n' }, 'the file was added: it takes an install and a restart'],
    ['data', { 'config.json': '{"a":1}\n' }, 'it is no code, and nobody can tell whether the process has read it: it takes a restart to be sure'],
    ['bytes', { 'src/rate.bin': 'a\0b' }, 'it is no code, and nobody can tell whether the process has read it: it takes a restart to be sure'],
  ];
  test('refused with its reason, and nothing is applied', async () => {
    const service = await start();
    const base = run(service.folder, 'git', 'rev-parse', 'HEAD');
    for (const [name, changes, why] of elsewhere) {
      commit(service, { ...changes, 'src/price.js': price.replace('amount * rate', '7') });
      const pushed = await push(service, '--commit', 'HEAD');
      expect({ name, pushed }).toMatchObject({ pushed: { ok: false, code: 1, patches: [] } });
      expect(pushed.refused, name).toEqual([expect.objectContaining({ why })]);
      run(service.folder, 'git', 'reset', '-q', '--hard', base);
    }
    expect(await service.ask('price')).toBe('20');
    commit(service, { 'config.json': '1', 'src/price.js': price.replace('amount * rate', '7') });
    expect(await push(service, '--commit', 'HEAD', '--partial')).toMatchObject({ ok: true, patches: [{ address: 'src/price.js:price' }] });
    expect(await service.ask('price')).toBe('7');
  });

  test('links, submodules and modes', async () => {
    const service = await start();
    run(service.folder, 'git', 'update-index', '--chmod=+x', 'src/price.js');
    run(service.folder, 'git', '-c', 'user.name=B', '-c', 'user.email=b@b', 'commit', '-qm', 'mode');
    expect(await push(service, '--commit', 'HEAD')).toMatchObject({
      ok: true,
      patches: [],
      apart: [{ file: 'src/price.js', why: 'only its mode changed' }],
    });
    run(service.folder, 'git', 'update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},vendor`);
    run(service.folder, 'git', '-c', 'user.name=B', '-c', 'user.email=b@b', 'commit', '-qm', 'submodule');
    expect(await push(service, '--commit', 'HEAD')).toMatchObject({
      ok: false,
      refused: [{ address: 'vendor', why: expect.stringContaining('submodule') as string }],
    });
    run(service.folder, 'git', 'reset', '-q', '--hard', 'HEAD^');
    rmSync(path.join(service.folder, 'src/rate.js'));
    symlinkSync('/etc/hostname', path.join(service.folder, 'src/rate.js'));
    commit(service, {}, 'link');
    expect(await push(service, '--commit', 'HEAD')).toMatchObject({
      ok: false,
      refused: [{ address: 'src/rate.js', why: expect.stringContaining('a link') as string }],
    });
  });

  test('a live patch that the working tree does not have stays, and is said', async () => {
    const service = await start();
    writeFileSync(path.join(service.folder, 'src/price.js'), price.replace('amount * rate', 'amount * rate + 1'));
    const [patch] = (await push(service, 'src/price.js', '--reason', 'x')).patches;
    writeFileSync(path.join(service.folder, 'src/price.js'), price);
    const back = await push(service, 'src/price.js', '--reason', 'x');
    expect(back).toMatchObject({ ok: true, patches: [], unchanged: [], stays: [{ address: 'src/price.js:price', patch: patch?.id }] });
    expect(await service.ask('price')).toBe('21');
    writeFileSync(path.join(service.folder, 'src/price.js'), price.replace('items.length', 'items.length + 1'));
    const other = await push(service, 'src/price.js', '--reason', 'x');
    expect(other).toMatchObject({ ok: true, patches: [{ address: 'src/price.js:Cart.total' }], stays: [{ address: 'src/price.js:price' }] });
    expect(await service.ask('price')).toBe('21');
  });

  test('merges, first commits, names that are none, and two kinds at once', async () => {
    const service = await start();
    const root = run(service.folder, 'git', 'rev-parse', 'HEAD');
    run(service.folder, 'git', 'checkout', '-qb', 'side');
    commit(service, { 'src/price.js': price.replace('amount * rate', 'amount * 9') }, 'side');
    run(service.folder, 'git', 'checkout', '-q', 'main');
    commit(service, { 'src/rate.js': files['src/rate.js'].replace('value + 1', 'value + 2') }, 'main');
    run(service.folder, 'git', '-c', 'user.name=B', '-c', 'user.email=b@b', 'merge', '-q', '--no-ff', '-m', 'merge', 'side');
    const id = run(service.folder, 'git', 'rev-parse', 'HEAD');
    const merge = await push(service, '--commit', 'HEAD');
    expect(merge.error).toMatchObject({ code: 'GIT', hint: `Say which side runs: --range ${id.slice(0, 12)}^1..${id.slice(0, 12)}` });
    expect(await push(service, '--range', 'HEAD^1..HEAD', '--reason', 'x')).toMatchObject({ ok: true, patches: [{ address: 'src/price.js:price' }] });
    expect((await push(service, '--commit', root)).error?.message).toContain('has no parent: everything in it is new');
    for (const name of ['nowhere', '--help', '-x', '']) {
      expect((await push(service, `--commit=${name}`)).error, name).toMatchObject({ code: 'GIT' });
    }
    expect((await push(service, '--range', 'HEAD')).error).toMatchObject({ code: 'USAGE' });
    expect((await push(service, '--range', 'HEAD^...HEAD')).error).toMatchObject({ code: 'USAGE' });
    expect((await push(service, '--range', 'HEAD^..HEAD', '--commit', 'HEAD')).error).toMatchObject({ code: 'USAGE' });
    expect(await push(service, '--commit', 'HEAD^', 'src/rate.js')).toMatchObject({ ok: true, patches: [{ address: 'src/rate.js:taxed' }] });
    expect((await push(service, '--commit', 'HEAD^', 'src/price.js')).error).toMatchObject({ code: 'USAGE' });
  });

  test('from another checkout, for a service that is a folder of the repository', async () => {
    const home = newFolder();
    const service = await startService({ files, main: 'src/main.js' });
    const repo = path.join(home, 'repo');
    for (const [name, text] of Object.entries(files)) {
      const file = path.join(repo, 'services/shop', name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    writeFileSync(path.join(repo, 'package.json'), '{"private":true}');
    mkdirSync(path.join(repo, 'services/other/src'), { recursive: true });
    writeFileSync(path.join(repo, 'services/other/package.json'), '{"name":"other"}');
    writeFileSync(path.join(repo, 'services/other/src/x.js'), 'export function x() {\n  return 1;\n}\n');
    commitAll(repo, 'base');
    writeFileSync(path.join(repo, 'services/shop/src/price.js'), price.replace('amount * rate', 'amount * rate + 1'));
    writeFileSync(path.join(repo, 'services/other/src/x.js'), 'export function x() {\n  return 2;\n}\n');
    commitAll(repo, 'both');
    expect(await push(service, '--commit', 'HEAD', '--repo', repo)).toMatchObject({
      ok: true,
      patches: [{ address: 'src/price.js:price' }],
      apart: [{ file: 'services/other/src/x.js' }],
    });
    expect(await service.ask('price')).toBe('21');
    writeFileSync(path.join(repo, 'services/other/src/x.js'), 'export function x() {\n  return 3;\n}\n');
    commitAll(repo, 'another service alone');
    expect(await push(service, '--commit', 'HEAD', '--repo', repo)).toMatchObject({
      ok: false,
      refused: [{ why: 'none of its files is loaded in this process' }],
    });
  });
});

describe('--patch', () => {
  const mailOf = (service: Service, ...words: string[]): string => {
    const file = path.join(newFolder(), 'change.patch');
    writeFileSync(file, run(service.folder, 'git', ...words) + '\n');
    return file;
  };

  test('a diff, and mails, applied to the commit that runs; three-way where that has moved on', async () => {
    const service = await start();
    const base = run(service.folder, 'git', 'rev-parse', 'HEAD');
    commit(service, { 'src/price.js': price.replace('amount * rate', 'amount * rate + 1') }, 'one');
    commit(
      service,
      { 'src/price.js': price.replace('amount * rate', 'amount * rate + 1').replace('items.length', 'items.length + 1') },
      'zwei, größer',
    );
    const mails = mailOf(service, 'format-patch', '--stdout', `${base}..HEAD`);
    const diff = mailOf(service, 'diff', `${base}..HEAD^`);
    run(service.folder, 'git', 'reset', '-q', '--hard', base);
    const before = state(service);
    expect(await push(service, '--patch', diff, '--reason', 'x')).toMatchObject({ ok: true, patches: [{ address: 'src/price.js:price' }] });
    expect(await service.ask('price')).toBe('21');
    expect(await push(service, '--patch', mails, '--reason', 'x')).toMatchObject({
      ok: true,
      unchanged: ['src/price.js:price'],
      patches: [{ address: 'src/price.js:Cart.total' }],
    });
    expect(await service.ask('cart')).toBe('3');
    expect(state(service)).toBe(before);
    expect(await push(service, '--patch', diff)).toMatchObject({ ok: true, patches: [], unchanged: ['src/price.js:price'] });
    expect((await push(service, '--patch', path.join(service.folder, 'none.patch'))).error).toMatchObject({ code: 'USAGE' });
  });

  test('a patch of another state that runs: git merges where the blobs are known', async () => {
    const head = price
      .replace('export function net', '// the first line that differs\nexport function net')
      .replace('const round', 'const rounded')
      .replace('return round', 'return rounded');
    const service = await start();
    const base = run(service.folder, 'git', 'rev-parse', 'HEAD');
    commit(service, { 'src/price.js': head }, 'elsewhere');
    commit(service, { 'src/price.js': head.replace('items.length', 'items.length + 1') }, 'fix');
    const file = mailOf(service, 'format-patch', '--stdout', '--full-index', '-U12', '-1');
    run(service.folder, 'git', 'checkout', '-q', base);
    const pushed = await push(service, '--patch', file, '--reason', 'x');
    expect(pushed).toMatchObject({ ok: true, patches: [{ address: 'src/price.js:Cart.total' }] });
  });
});
