/** Patching a real service through the real console: what is live, what is refused, and what the journal and git make of it. */
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import ts from 'typescript';
import { describe, expect, test, vi } from 'vitest';
import { runConsole } from '../helpers/console-process.ts';
import { agentUrl, answering, editFile, newFolder, run, startService, type Service } from '../helpers/service.ts';

interface Pushed {
  ok: boolean;
  patches: { id: string; address: string; strategy: string; verified: boolean }[];
  refused: { address: string; why: string }[];
  error?: { code: string; message: string };
}

const shop = `
import { rate } from './rate.js';
let total = 0;
export function makeTill(name) {
  let sum = 0;
  const unused = 1;
  function take(amount) {
    sum += amount;
    return name + ':' + sum;
  }
  return { take, sum: () => sum };
}
export class Cart {
  #items = [];
  add(item) {
    this.#items.push(item);
    return this.#items.length;
  }
}
export const price = (net) => net * rate;
`;
const main = `
import { EventEmitter } from 'node:events';
import { makeTill, Cart, price } from './shop.js';
const a = makeTill('a');
const b = makeTill('b');
const cart = new Cart();
const events = new EventEmitter();
const seen = [];
const listener = (value) => seen.push(value);
events.on('sale', listener);
const answer = (line) => ({
  a: () => a.take(1), b: () => b.take(10), add: () => cart.add('x'), price: () => price(100), new: () => makeTill('n').take(5),
  sale: () => { events.emit('sale', 1); return seen; }, off: () => { events.off('sale', listener); return events.listenerCount('sale'); },
})[line]();
${answering}`;
const files = { 'src/shop.js': shop, 'src/rate.js': 'export const rate = 2;\n', 'src/main.js': main };

const start = (): Promise<Service> => startService({ files, main: 'src/main.js', git: true });
const edited = (service: Service, from: string, to: string): void => editFile(service, 'src/shop.js', from, to);
const push = async (service: Service, ...words: string[]): Promise<Pushed & { code: number | null }> => {
  const done = await service.keyhole('push', 'svc', 'src/shop.js', '--reason', 'because', '--json', ...words);
  return { ...(done.json() as Pushed), code: done.code };
};

describe('push', () => {
  test('a nested function: every living closure keeps its own variables, and revert puts the loaded code back', async () => {
    const service = await start();
    expect(await service.ask('a')).toBe('"a:1"');
    expect(await service.ask('b')).toBe('"b:10"');
    edited(service, 'sum += amount;', 'sum += amount * 2;');
    const dry = await push(service, '--dry-run');
    expect(dry).toMatchObject({ ok: true, code: 0, patches: [{ address: 'src/shop.js:makeTill.take' }] });
    expect(await service.ask('a')).toBe('"a:2"');
    const pushed = await push(service);
    expect(pushed).toMatchObject({ ok: true, patches: [{ address: 'src/shop.js:makeTill.take', strategy: 'slots', verified: true }], refused: [] });
    expect(await service.ask('a')).toBe('"a:4"');
    expect(await service.ask('b')).toBe('"b:30"');
    expect(await service.ask('new')).toBe('"n:10"');

    const again = await service.keyhole('push', 'svc', 'src/shop.js', '--reason', 'x');
    expect(again.stdout + again.stderr).toContain('nothing to push');
    const diff = ((await service.keyhole('diff', 'svc', '--json')).json() as { diff: string }).diff;
    expect(diff).toContain('-    sum += amount;\n+    sum += amount * 2;');
    expect((await service.keyhole('ps', '--json')).json()).toMatchObject([{ patches: 1 }]);

    const reverted = await service.keyhole('revert', 'svc', pushed.patches[0]?.id ?? '', '--reason', 'enough', '--json');
    expect(reverted.json()).toMatchObject({ ok: true, patches: [{ verified: true }] });
    expect(await service.ask('a')).toBe('"a:5"');
    expect((await service.keyhole('ps', '--json')).json()).toMatchObject([{ patches: 0 }]);
    expect((await service.keyhole('revert', 'svc', 'p999', '--reason', 'x', '--json')).json()).toMatchObject({ error: { code: 'NOT_FOUND' } });
  });

  test('private names, arrows and imports, several in one turn', async () => {
    const service = await start();
    edited(service, 'return this.#items.length;', 'return this.#items.join();');
    edited(service, '(net) => net * rate', '(net) => net * rate + 1');
    expect(await push(service)).toMatchObject({ ok: true, patches: [{ address: 'src/shop.js:Cart.add' }, { address: 'src/shop.js:price' }] });
    expect(await service.ask('add')).toBe('"x"');
    expect(await service.ask('price')).toBe('201');
  });

  test('a function handed out long ago takes the patch, and can still be taken off', async () => {
    const service = await start();
    const text = path.join(service.folder, 'new.txt');
    writeFileSync(text, "(value) => seen.push('patched ' + value)");
    const done = await service.keyhole('edit', 'svc', 'src/main.js:listener', '--from', text, '--reason', 'x', '--json');
    expect(done.json()).toMatchObject({ ok: true });
    expect(await service.ask('sale')).toBe('["patched 1"]');
    expect(await service.ask('off')).toBe('0');
  });

  test('all or none: what can not be done is named, and then nothing is applied unless --partial', async () => {
    const service = await start();
    edited(service, 'return name', 'return unused + name');
    edited(service, 'net * rate', 'net * 3');
    const refused = await push(service);
    expect(refused).toMatchObject({ ok: false, code: 1, patches: [], refused: [{ address: 'src/shop.js:makeTill.take' }] });
    expect(refused.refused[0]?.why).toContain('unused belongs to an enclosing function');
    expect(await service.ask('price')).toBe('200');
    expect(await push(service, '--partial')).toMatchObject({ ok: true, patches: [{ address: 'src/shop.js:price' }] });
    expect(await service.ask('price')).toBe('300');
    expect(await service.ask('a')).toBe('"a:1"');
  });

  test('what is not a function takes a restart, and says so by line', async () => {
    const service = await start();
    edited(service, 'let total = 0;', 'let total = 1;');
    edited(service, "import { rate } from './rate.js';", "import { rate, more } from './rate.js';");
    const { ok, refused } = await push(service);
    expect(ok).toBe(false);
    expect(refused.map((each) => each.why).join()).toMatch(/a top-level value changed.*an import is new/);
    expect(refused.map((each) => each.address)).toEqual(['src/shop.js:3', 'src/shop.js:2']);
  });

  test('a name the module never brought in is refused by name', async () => {
    const service = await start();
    edited(service, 'net * rate', 'net * rat');
    expect((await push(service)).refused[0]?.why).toContain('rat is not defined in src/shop.js');
  });

  test('a syntax error: file, line, caret, and nothing applied or journaled as applied', async () => {
    const service = await start();
    edited(service, 'sum += amount;', 'sum += ;');
    const done = await service.keyhole('push', 'svc', 'src/shop.js', '--reason', 'x');
    expect(done.code).toBe(1);
    expect(done.stderr).toMatch(/SYNTAX: Unexpected token \(src\/shop\.js:8:12\)\n {4}sum \+= ;\n {11}\^/);
    const text = path.join(service.folder, 'new.txt');
    writeFileSync(text, 'function take(amount) {\n  return amount +;\n}');
    const fromFile = await service.keyhole('edit', 'svc', 'src/shop.js:makeTill.take', '--from', text, '--reason', 'x', '--json');
    expect(fromFile.json()).toMatchObject({ ok: false, error: { code: 'SYNTAX' } });
    const log = (await service.keyhole('log', 'svc', '--json')).json() as { kind: string; status?: string }[];
    expect(log.filter((entry) => entry.kind === 'patch' && entry.status === 'done')).toEqual([]);
  });

  test('two operators edit one function: the second is refused with both texts', async () => {
    const service = await start();
    const text = path.join(service.folder, 'new.txt');
    const editor = path.join(service.folder, 'editor.sh');
    // While the first one's editor is open, the second one's change goes in.
    const cli = path.resolve(import.meta.dirname, '../../packages/console/dist/cli.js');
    writeFileSync(text, '(net) => 7');
    const second = `'${process.execPath}' '${cli}' edit svc src/shop.js:price --from '${text}' --reason second --json > '${service.folder}/second.json'`;
    writeFileSync(editor, `#!/bin/sh\n${second}\necho '(net) => 8' > "$1"\n`);
    chmodSync(editor, 0o755);
    const env = { ...service.env, VISUAL: editor };
    const first = await runConsole(['edit', 'svc', 'src/shop.js:price', '--reason', 'first'], { env, cwd: service.folder });
    expect(readFileSync(path.join(service.folder, 'second.json'), 'utf8')).toContain('"ok":true');
    expect(first.code).toBe(1);
    expect(first.stdout + first.stderr).toMatch(/STALE_BASE[^]*net \* rate[^]*7/);
    expect(await service.ask('price')).toBe('7');
  });

  test('a base that is not what runs is refused with both texts', async () => {
    const service = await start();
    const patch = {
      address: 'src/shop.js:price',
      code: '(net) => 1',
      baseCode: '(net) => net * 99',
      source: '(net) => 1',
      baseSource: '(net) => net * 99',
    };
    const { connect } = await import('../../packages/console/dist/index.js');
    vi.stubEnv('XDG_RUNTIME_DIR', service.env.XDG_RUNTIME_DIR);
    vi.stubEnv('KEYHOLE_IDENTITY', service.env.KEYHOLE_IDENTITY);
    const connection = await connect({ target: 'svc' });
    vi.unstubAllEnvs();
    await expect(connection.call('patch.apply', { patches: [patch], reason: 'x' })).rejects.toMatchObject({
      code: 'STALE_BASE',
      details: { expected: '(net) => net * 99', actual: '(net) => net * rate' },
    });
    connection.close();
  });
});

test('without instrumentation: live edit where Node has it, with the pause stated; else a refusal that says what would help', async () => {
  const main = `import { startAgent } from '${agentUrl}';
export function f() { return 1; }
await startAgent({ service: 'svc', operators: process.env.KEYHOLE_OPERATORS, journal: { dir: process.env.KEYHOLE_JOURNAL_DIR } });
const answer = () => f();
${answering}`;
  const service = await startService({ files: { 'main.js': main }, main: 'main.js', nodeArguments: [] });
  const text = path.join(service.folder, 'new.txt');
  writeFileSync(text, 'function f() { return 2; }');
  const edit = async (...words: string[]): Promise<Pushed> =>
    (await service.keyhole('edit', 'svc', 'main.js:f', '--from', text, '--reason', 'x', '--json', ...words)).json() as Pushed;
  expect((await service.keyhole('eval', 'svc', '1', '--in', 'main.js', '--json')).json()).toMatchObject({ error: { code: 'NOT_FOUND' } });
  expect(service.stderr()).toBe('');
  if (Number(process.versions.node.split('.')[0]) > 25) {
    const { ok, refused } = await edit('--max-pause', '400', '--timeout', '1s');
    expect(ok).toBe(false);
    expect(refused[0]?.why).toBe('no call showed its scope within 1000 ms: waited for f, answer, line 7');
    return;
  }
  expect(await edit('--max-pause', '0')).toMatchObject({ ok: false, error: { code: 'PAUSE_BUDGET' } });
  expect(await service.ask('f')).toBe('1');
  expect(await edit('--max-pause', '10000')).toMatchObject({ ok: true, patches: [{ strategy: 'live-edit', verified: true }] });
  expect(await service.ask('f')).toBe('2');
  await service.keyhole('revert', 'svc', '--all', '--reason', 'x');
  expect(await service.ask('f')).toBe('1');
});

test('a journal that can not be written: the service starts, inspection works, every change ends with 5', async () => {
  const folder = newFolder();
  writeFileSync(path.join(folder, 'file'), 'not a directory');
  const service = await startService({
    files,
    main: 'src/main.js',
    git: true,
    environment: { KEYHOLE_JOURNAL_DIR: path.join(folder, 'file', 'journal') },
  });
  expect(service.stderr()).toContain('the journal can not be written');
  expect((await service.keyhole('inspect', 'svc', 'process.version')).code).toBe(0);
  expect((await service.keyhole('fn', 'svc', 'src/shop.js')).code).toBe(0);
  edited(service, 'net * rate', 'net * 3');
  expect(await push(service)).toMatchObject({ ok: false, code: 5, error: { code: 'JOURNAL' } });
  expect((await service.keyhole('eval', 'svc', '1')).code).toBe(5);
  expect(await service.ask('price')).toBe('200');
});

test('nothing that was acknowledged is lost with the process', async () => {
  const service = await start();
  edited(service, 'net * rate', 'net * 3');
  await push(service);
  service.kill();
  await service.ended;
  const lines = readFileSync(path.join(service.journal, readdirSync(service.journal).find((name) => name.endsWith('.ndjson')) ?? ''), 'utf8');
  expect(lines).toMatch(/"kind":"patch","phase":"outcome"[^\n]*"status":"done"/);
  expect((await service.keyhole('journal', 'verify', service.journal, '--json')).json()).toMatchObject({ ok: true });
});

describe('export', () => {
  test('git am applies the hotfix to a clean checkout; author, date, message and trailers are right', async () => {
    const service = await start();
    edited(service, 'sum += amount;', 'sum += amount * 2;');
    const { patches } = await push(service);
    const mail = path.join(service.folder, '..', 'hotfix.patch');
    const done = await service.keyhole('export', 'svc', '-o', mail, '--json');
    expect(done.json()).toMatchObject({ files: [path.resolve(mail)], patches: [patches[0]?.id] });
    const clone = newFolder();
    run(clone, 'git', 'clone', '-q', service.folder, 'clone');
    const checkout = path.join(clone, 'clone');
    run(checkout, 'git', '-c', 'user.name=Me', '-c', 'user.email=me@example.com', 'am', '-q', mail);
    expect(readFileSync(path.join(checkout, 'src/shop.js'), 'utf8')).toBe(shop.replace('sum += amount;', 'sum += amount * 2;'));
    expect(run(checkout, 'git', 'log', '-1', '--format=%an <%ae>|%s')).toBe('alice <alice@example.com>|because');
    expect(run(checkout, 'git', 'log', '-1', '--format=%(trailers:key=Keyhole-Patch,valueonly)')).toBe(patches[0]?.id);
    const at = Number(run(checkout, 'git', 'log', '-1', '--format=%at')) * 1000;
    expect(Math.abs(Date.now() - at)).toBeLessThan(60_000);
    expect(run(service.folder, 'git', 'log', '--oneline').split('\n')).toHaveLength(1);
    const log = (await service.keyhole('log', 'svc', '--json')).json() as { kind: string }[];
    expect(log.some((entry) => entry.kind === 'export')).toBe(true);
  });

  test('--branch commits beside the checkout; nothing to export is no error', async () => {
    const service = await start();
    expect((await service.keyhole('export', 'svc', '--json')).json()).toMatchObject({ patches: [] });
    edited(service, 'net * rate', 'net * 3');
    await push(service);
    const status = run(service.folder, 'git', 'status', '--porcelain');
    const done = (await service.keyhole('export', 'svc', '--branch', 'hotfix', '--json')).json() as { commits: string[] };
    expect(run(service.folder, 'git', 'rev-parse', 'hotfix')).toBe(done.commits[0]);
    expect(run(service.folder, 'git', 'show', 'hotfix:src/shop.js')).toContain('net * 3');
    expect(run(service.folder, 'git', 'status', '--porcelain')).toBe(status);
    expect((await service.keyhole('export', 'svc', '--branch', 'hotfix', '--json')).json()).toMatchObject({ error: { code: 'GIT' } });
  });
});

describe('TypeScript', () => {
  const source = (net: string): Record<string, string> => ({
    '.gitignore': 'dist\n',
    'package.json': '{"name":"svc"}',
    'src/pricing.ts': 'export default function base(): number { return 10; }\nexport const rate = (n: number): number => n * 2;\n',
    'src/shop.ts': `import base, { rate } from './pricing.js';
interface Item { net: number; label?: string }
export let sold = 0;
export class Shop<T extends Item> {
  private items: T[] = [];
  total(extra: number = 1): number {
    sold += 1;
    return ${net};
  }
}
export function used(): number { return base() + rate(1); }
`,
    'src/main.ts': `import { Shop, sold } from './shop.js';
const shop = new Shop();
const answer = (line: string) => (line === 'total' ? [shop.total(2), sold] : 0);
${answering}`,
  });

  const compile = (module: ts.ModuleKind) => (folder: string) => {
    mkdirSync(path.join(folder, 'dist'));
    for (const name of readdirSync(path.join(folder, 'src'))) {
      const text = readFileSync(path.join(folder, 'src', name), 'utf8');
      const compilerOptions: ts.CompilerOptions = { module, target: ts.ScriptTarget.ES2022, sourceMap: true, esModuleInterop: true };
      const { outputText, sourceMapText = '' } = ts.transpileModule(text, { compilerOptions, fileName: name });
      const output = path.join(folder, 'dist', name.replace(/ts$/, 'js'));
      writeFileSync(output, outputText);
      // The compiler names the source beside it; here it lies in src.
      writeFileSync(`${output}.map`, sourceMapText.replace(`"${name}"`, `"../src/${name}"`));
    }
  };
  const builds: [string, ts.ModuleKind, string][] = [
    ['CommonJS', ts.ModuleKind.CommonJS, '{"name":"svc"}'],
    ['ES modules', ts.ModuleKind.ESNext, '{"name":"svc","type":"module"}'],
  ];
  for (const [name, module, packageJson] of builds) {
    test(`compiled by tsc to ${name}: the author's file is edited, the running code is patched`, async () => {
      const service = await startService({
        files: { ...source('extra * rate(1)'), 'package.json': packageJson },
        main: 'dist/main.js',
        git: true,
        prepare: compile(module),
      });
      expect(await service.ask('total')).toBe('[4,1]');
      const fn = (await service.keyhole('fn', 'svc', 'src/shop.ts:Shop.total', '--json')).json() as { source: string; line: number };
      expect(fn).toMatchObject({ line: 6, source: expect.stringContaining('extra: number = 1') });
      const file = path.join(service.folder, 'src/shop.ts');
      writeFileSync(
        file,
        readFileSync(file, 'utf8').replace(
          'return extra * rate(1);',
          'const both: number = base() + rate(extra as number);\n    return both satisfies number;',
        ),
      );
      const done = await service.keyhole('push', 'svc', 'src/shop.ts', '--reason', 'typed', '--json');
      expect(done.json()).toMatchObject({ ok: true, patches: [{ address: 'src/shop.ts:Shop.total', verified: true }] });
      expect(await service.ask('total')).toBe('[14,2]');
      const mail = path.join(service.folder, '..', 'typed.patch');
      expect((await service.keyhole('export', 'svc', '-o', mail)).code).toBe(0);
      expect(readFileSync(mail, 'utf8')).toContain('+    return both satisfies number;');
    });
  }

  const stripsTypes = process.features as { typescript?: string | false };
  test.skipIf(stripsTypes.typescript === undefined || stripsTypes.typescript === false)(
    'run by Node itself (skipped where this Node runs no TypeScript)',
    async () => {
      const files = Object.fromEntries(
        Object.entries(source('extra * rate(1)')).map(([name, text]) => [name, text.replaceAll(/(from '\.\/\w+)\.js'/g, "$1.ts'")]),
      );
      const service = await startService({ files: { ...files, 'package.json': '{"name":"svc","type":"module"}' }, main: 'src/main.ts', git: true });
      const file = path.join(service.folder, 'src/shop.ts');
      writeFileSync(file, readFileSync(file, 'utf8').replace('extra * rate(1)', '(extra as number) + 100'));
      expect((await service.keyhole('push', 'svc', 'src/shop.ts', '--reason', 'typed', '--json')).json()).toMatchObject({ ok: true });
      expect(await service.ask('total')).toBe('[102,1]');
    },
  );
});

test('KEYHOLE_DISABLE=1 does nothing at all', async () => {
  const folder = newFolder();
  writeFileSync(path.join(folder, 'main.mjs'), 'console.log(Object.getOwnPropertySymbols(globalThis).map(String).join())');
  const { registerUrl } = await import('../helpers/service.ts');
  const env = `KEYHOLE_DISABLE=1 XDG_RUNTIME_DIR=${folder}`;
  const out = run(folder, 'sh', '-c', `${env} '${process.execPath}' --import '${registerUrl}' main.mjs`);
  expect(out).not.toContain('keyhole');
  expect(existsSync(path.join(folder, 'keyhole'))).toBe(false);
});
