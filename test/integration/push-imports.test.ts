/** A push whose new text imports what the running file does not: the module that is in the process, live, and on its way through the journal, replay and git. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import ts from 'typescript';
import { describe, expect, test, vi } from 'vitest';
import { push as pushCommand } from '../../packages/console/dist/commands/push.js';
import { attached } from '../helpers/command.ts';
import { answering, commitAll, journalOf, newFolder, run, startService, type Service } from '../helpers/service.ts';

vi.setConfig({ testTimeout: 60_000 });

interface Pushed {
  ok: boolean;
  patches: { id: string; address: string }[];
  refused: { address: string; why: string }[];
}

const price = `import { rate } from './rate.js';

export function price(amount) {
  return amount * rate;
}
`;
const files = {
  'package.json': '{"name":"svc","type":"module"}',
  'src/price.js': price,
  'src/rate.js': 'export const rate = 2;\n',
  'src/limits.js': `export let most = 15;
export let evaluated = (globalThis.evaluations = (globalThis.evaluations ?? 0) + 1);
export function setMost(value) {
  most = value;
}
export default class Limits {
  static name = 'limits';
}
`,
  'src/lazy.js': 'export const lazy = 1;\n',
  'src/twice.js': 'export const twice = 1;\n',
  'src/main.js': `import { price } from './price.js';
import { setMost } from './limits.js';
await import('./twice.js?a');
await import('./twice.js');
const answer = (line) => {
  const [word, value] = line.split(' ');
  if (word === 'most') return setMost(Number(value));
  return word === 'evaluations' ? globalThis.evaluations : price(Number(value));
};
${answering}`,
};
const imports =
  "import Limits, { most as highest } from './limits.js';\nimport * as limits from './limits.js';\nimport { basename } from 'node:path';\n";
const bounded =
  imports + price.replace('return amount * rate;', 'return [Math.min(amount * rate, highest), limits.most, Limits.name, basename("/a/b")].join();');
const write = (service: Service, text: string): void => writeFileSync(path.join(service.folder, 'src/price.js'), text);
const push = async (service: Service, ...words: string[]): Promise<Pushed> =>
  (await service.keyhole('push', 'svc', 'src/price.js', '--reason', 'bounded', '--json', ...words)).json() as Pushed;
const start = (more: Partial<Parameters<typeof startService>[0]> = {}): Promise<Service> =>
  startService({ files, main: 'src/main.js', git: true, ...more });

describe('ES modules', () => {
  test('names mean what the module in the process exports, now and later; nothing is evaluated for it', async () => {
    const service = await start();
    write(service, bounded);
    const asked = await push(service);
    expect(asked).toMatchObject({ ok: false, patches: [] });
    expect(asked.refused).toEqual(
      [
        {
          address: 'src/price.js:price',
          why: 'it imports Limits from ./limits.js, highest from ./limits.js, limits from ./limits.js, basename from node:path, which the running file does not; the process has it: --with-imports uses that',
        },
      ].map((each) => ({ ...each, why: expect.stringContaining('--with-imports uses that') as string })),
    );
    expect(await service.ask('price 10')).toBe('20');
    expect(await push(service, '--with-imports')).toMatchObject({
      ok: true,
      refused: [],
      patches: [{ address: 'src/price.js:price', verified: true }],
    });
    expect(await service.ask('price 10')).toBe('"15,15,limits,b"');
    await service.ask('most 4');
    expect(await service.ask('price 10')).toBe('"4,4,limits,b"');
    expect(await service.ask('evaluations')).toBe('1');
    // As any other patch: in the journal, in diff and log, and taken back.
    const [entry] = journalOf(service)
      .filter(({ kind, phase }) => kind === 'patch' && phase === 'intent')
      .slice(-1);
    expect(JSON.stringify(entry)).toContain('"imported":"most"');
    expect((await service.keyhole('diff', 'svc')).stdout).toContain("+import { most as highest } from './limits.js';");
    expect((await service.keyhole('log', 'svc', '-p')).stdout).toContain("+import { most as highest } from './limits.js'");
    expect((await service.keyhole('journal', 'verify', 'svc', '--json')).json()).toMatchObject({ ok: true });
    expect((await service.keyhole('push', 'svc', 'src/price.js', '--with-imports', '--reason', 'x')).stderr).toContain(
      'unchanged: src/price.js:price',
    );
    expect((await service.keyhole('revert', 'svc', '--all', '--reason', 'x', '--json')).json()).toMatchObject({ ok: true });
    expect(await service.ask('price 10')).toBe('20');
  });

  test('at a terminal it is offered, after it was made sure that it can be had', async () => {
    const service = await start();
    write(service, bounded);
    const questions: string[] = [];
    const push = await attached(service, pushCommand, (question) => {
      questions.push(question);
      return questions.length === 1 ? 'n' : 'y';
    });
    await push('src/price.js', '--reason', 'bounded');
    expect(await service.ask('price 10')).toBe('20');
    await push('src/price.js', '--reason', 'bounded');
    expect(questions).toEqual(['Use the modules that are in the process already? [y/N] ', 'Use the modules that are in the process already? [y/N] ']);
    expect(await service.ask('price 10')).toBe('"15,15,limits,b"');
  });

  const refusals: [string, string, string, string][] = [
    [
      'a module that is not in the process',
      "import { lazy } from './lazy.js';\n",
      'lazy',
      'the process has not loaded that module, so it takes a restart',
    ],
    ['one that is there twice', "import { twice } from './twice.js';\n", 'twice', './twice.js is in the process more than once'],
    [
      'a name that it does not export',
      "import { least } from './limits.js';\n",
      'least',
      './limits.js, as it is in the process, does not export least',
    ],
    ['a package that is not there', "import pad from 'left-pad';\n", 'pad(1)', "left-pad can not be looked up: Cannot find package 'left-pad'"],
    ['a file that is not there', "import { a } from './nowhere.js';\n", 'a', 'the repository has no such file'],
    ['an import that no function uses', "import { most } from './limits.js';\n", '1', 'src/price.js:1: an import is new: it takes a restart'],
    ['an import for its effect', "import './limits.js';\n", '1', 'src/price.js:1: an import is new: it takes a restart'],
    ['another module for a name', "import { rate } from './limits.js';\n", 'rate', 'an import changed: it takes a restart'],
  ];
  test('what is not certain is refused by name', async () => {
    const service = await start();
    for (const [what, line, expression, why] of refusals) {
      const text = line.includes('{ rate }') ? price.replace("import { rate } from './rate.js';\n", line) : line + price;
      write(service, text.replace('amount * rate', expression === 'rate' ? 'rate * amount' : `${expression} + amount * rate`));
      const { ok, refused, patches } = await push(service, '--with-imports');
      const said = refused.map((each) => `${each.address}: ${each.why}`).join('\n');
      expect({ what, ok, patches, said }).toEqual({ what, ok: false, patches: [], said: expect.stringContaining(why) as string });
    }
    expect(await service.ask('price 10')).toBe('20');
  });

  test('it goes home with its import line, and HEAD has the patch only with that', async () => {
    const service = await start();
    const without = price.replace('amount * rate', 'Math.min(amount * rate, most)');
    write(
      service,
      price
        .replace('import { rate }', "import { most } from './limits.js';\nimport { rate }")
        .replace('amount * rate', 'Math.min(amount * rate, most)'),
    );
    await push(service, '--with-imports');
    write(service, price);
    const mails = path.join(newFolder(), 'out.mbox');
    const exported = await service.keyhole('export', 'svc', '--repo', service.folder, '-o', mails, '--json');
    expect(exported.json(), exported.stderr).toMatchObject({ patches: [expect.stringMatching(/^p\d+$/)] });
    const state = async (): Promise<unknown> =>
      ((await service.keyhole('status', 'svc', '--repo', service.folder, '--json')).json() as { functions: unknown[] }).functions;
    expect(await state()).toMatchObject([{ state: 'live-only' }]);
    write(service, without);
    commitAll(service.folder, 'without its import');
    expect(await state()).toMatchObject([{ state: 'diverged', why: 'HEAD has the function, and does not import most from ./limits.js' }]);
    run(service.folder, 'git', 'reset', '-q', '--hard', 'HEAD~1');
    run(service.folder, 'git', '-c', 'user.name=t', '-c', 'user.email=t@example.org', 'am', '-q', mails);
    expect(readFileSync(path.join(service.folder, 'src/price.js'), 'utf8')).toBe(
      without.replace("import { rate } from './rate.js';", "import { rate } from './rate.js';\nimport { most } from './limits.js';"),
    );
    expect(await state()).toMatchObject([{ state: 'landed' }]);
    // The commit itself is what runs.
    expect((await service.keyhole('push', 'svc', '--commit', 'HEAD', '--repo', service.folder, '--with-imports')).stderr).toContain('unchanged');
  });

  test('it comes back after a restart, when what it imports is there', async () => {
    const pending = { KEYHOLE_REPLAY: 'pending' };
    let service = await start();
    write(service, bounded);
    const [patch] = (await push(service, '--with-imports')).patches;
    write(service, price);
    service.kill();
    await service.ended;
    service = await startService({ files: {}, main: 'src/main.js', environment: pending, again: service });
    await vi.waitFor(async () => expect(await service.ask('price 10')).toBe('"15,15,limits,b"'), { timeout: 10_000 });
    await service.ask('most 3');
    expect(await service.ask('price 10')).toBe('"3,3,limits,b"');
    expect(await service.ask('evaluations')).toBe('1');
    expect((await service.keyhole('fn', 'svc', 'src/price.js:price', '--json')).json()).toMatchObject({ patches: [patch?.id] });
    // Where the new build loads it later, or not at all, the loaded code runs as long.
    service.kill();
    await service.ended;
    const later = files['src/main.js']
      .replace("import { setMost } from './limits.js';\n", 'let setMost;\n')
      .replace("if (word === 'most')", "if (word === 'load') return import('./limits.js').then(() => 1);\n  if (word === 'most')");
    service = await startService({ files: { 'src/main.js': later }, main: 'src/main.js', environment: pending, again: service });
    expect(await service.ask('price 10')).toBe('20');
    expect((await service.keyhole('doctor', 'svc')).stdout).toContain(patch?.id);
    await service.ask('load');
    await vi.waitFor(async () => expect(await service.ask('price 10')).toBe('"15,15,limits,b"'), { timeout: 10_000 });
  });
});

describe('CommonJS', () => {
  const main = `import { price } from './price';
import './limits';
const plain = require('./plain.cjs');
const answer = (line: string): unknown => (line === 'most' ? require('./limits').setMost(3) : price(Number(line)));
void plain;
`;
  const typed: Record<string, string> = {
    'src/rate.ts': 'export const rate: number = 2;\n',
    'src/limits.ts':
      'export let most = 15;\nexport function setMost(value: number): void {\n  most = value;\n}\nexport default class Limits {\n  static named = 7;\n}\n',
    'src/price.ts': "import { rate } from './rate';\n\nexport function price(amount: number): unknown {\n  return amount * rate;\n}\n",
    'src/main.ts':
      main +
      answering
        .replace("import { createInterface } from 'node:readline';", "const { createInterface } = require('node:readline');")
        .replace('(line) =>', '(line: string) =>'),
  };
  /** As tsc writes it. */
  const compile = (folder: string): void => {
    mkdirSync(path.join(folder, 'dist'));
    writeFileSync(path.join(folder, 'dist/plain.cjs'), 'exports.plain = 5;\n');
    for (const [file, text] of Object.entries(typed)) {
      const name = path.basename(file, '.ts');
      const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, sourceMap: true, esModuleInterop: true };
      const { outputText, sourceMapText = '' } = ts.transpileModule(text, { fileName: `${name}.ts`, compilerOptions });
      writeFileSync(path.join(folder, 'dist', `${name}.js`), outputText);
      const map = { ...(JSON.parse(sourceMapText) as object), sources: [`../src/${name}.ts`], sourcesContent: [text] };
      writeFileSync(path.join(folder, 'dist', `${name}.js.map`), JSON.stringify(map));
    }
  };
  const startCompiled = (): Promise<Service> =>
    startService({ files: { ...typed, 'package.json': '{"name":"svc"}' }, main: 'dist/main.js', git: true, prepare: compile });
  const pushed = async (service: Service, text: string): Promise<Pushed> => {
    writeFileSync(path.join(service.folder, 'src/price.ts'), text);
    return (await service.keyhole('push', 'svc', 'src/price.ts', '--reason', 'x', '--with-imports', '--json')).json() as Pushed;
  };

  test('what compilers agree on is taken from what require gave, and nothing else', async () => {
    const service = await startCompiled();
    const text = typed['src/price.ts'] ?? '';
    const imports =
      "import Limits, { most } from './limits';\nimport * as limits from './limits';\nimport { basename } from 'node:path';\nimport fs from 'node:fs';\n";
    const expression = '[Math.min(amount * rate, most), limits.most, Limits.named, basename("/a/b"), typeof fs.readFileSync].join()';
    expect(await pushed(service, imports + text.replace('amount * rate', expression))).toMatchObject({ ok: true, refused: [] });
    expect(await service.ask('10')).toBe('"15,15,7,b,function"');
    await service.ask('most');
    expect(await service.ask('10')).toBe('"3,3,7,b,function"');
    const exported = await service.keyhole('export', 'svc', '--repo', service.folder, '-o', 'out.mbox', '--json');
    expect(exported.json(), exported.stderr).toMatchObject({ patches: [expect.stringMatching(/^p\d+$/)] });
    const namespace = await pushed(service, `import * as plain from '../dist/plain.cjs';\n${text.replace('amount * rate', 'plain.plain')}`);
    expect(namespace.refused[0]?.why).toBe('./plain.cjs is CommonJS, and what its namespace is depends on the compiler');
  });
});
