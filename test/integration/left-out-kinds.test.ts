/** Files without slots that are compiled, several of them at once, that could not be instrumented, and in the processes of a cluster. */
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { clusterMain, journalFolderOf, startCluster } from '../helpers/cluster.ts';
import { answering, editFile, startService, type Service } from '../helpers/service.ts';

const canLiveEdit = Number(process.versions.node.split('.')[0]) < 26;
const way = canLiveEdit ? 'live-edit' : 'rebind';
/** ES modules are instrumented on a thread of the loader's own, before the process can refuse the slots. */
const instrumentsElsewhere = process.versions.node.startsWith('20.');
const maxPause = canLiveEdit ? '60000' : '1000';

interface Done {
  ok: boolean;
  patches: { address: string; strategy: string; verified: boolean; pauseMs: number }[];
  refused: { address: string; why: string }[];
}

async function run(service: Service, ...words: string[]): Promise<Done> {
  return (await service.keyhole(...words, '--reason', 'because', '--json')).json() as Done;
}
const push = (service: Service, ...words: string[]): Promise<Done> => run(service, 'push', 'svc', ...words, '--max-pause', maxPause);
const revertAll = (service: Service): Promise<Done> => run(service, 'revert', 'svc', '--all');

/** As `tsc` does it: `src` to `dist`, with source maps. */
function compile(folder: string): void {
  mkdirSync(path.join(folder, 'dist'));
  for (const name of readdirSync(path.join(folder, 'src'))) {
    const text = readFileSync(path.join(folder, 'src', name), 'utf8');
    const compilerOptions: ts.CompilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, sourceMap: true };
    const { outputText, sourceMapText = '' } = ts.transpileModule(text, { compilerOptions, fileName: name });
    const output = path.join(folder, 'dist', name.replace(/ts$/, 'js'));
    writeFileSync(output, outputText);
    writeFileSync(`${output}.map`, sourceMapText.replace(`"${name}"`, `"../src/${name}"`));
  }
}

test('compiled files, of which a set is changed: the author edits TypeScript, the text that runs is patched, in one pause', async () => {
  const service = await startService({
    files: {
      'package.json': '{"name":"svc"}',
      'src/rate.ts':
        'interface Money {\n  amount: number;\n}\n\nlet calls = 0;\nexport function rate(of: Money): number {\n  calls += 1;\n  return of.amount * 2;\n}\n',
      'src/tax.ts':
        'type Percent = number;\nconst percent: Percent = 10;\nexport function tax(n: number): number {\n  return (n * percent) / 100;\n}\n',
      'src/main.ts': `import * as rates from './rate';
import * as taxes from './tax';
const all = () => [rates.rate({ amount: 10 }), taxes.tax(200)];
const answer = (line: string) => all();
setInterval(all, 20).unref();
${answering}`,
    },
    main: 'dist/main.js',
    git: true,
    prepare: compile,
    environment: { KEYHOLE_EXCLUDE: 'dist/rate.js,dist/tax.js' },
  });
  expect(await service.ask('all')).toBe('[20,20]');
  editFile(service, 'src/rate.ts', 'of.amount * 2', '(of.amount as number) * 3');
  editFile(service, 'src/tax.ts', '(n * percent) / 100', '(n * (percent satisfies Percent)) / 50');
  const done = await push(service, 'src/rate.ts', 'src/tax.ts');
  expect(done).toMatchObject({ ok: true, refused: [] });
  expect(done.patches.map(({ address, strategy, verified }) => [address, strategy, verified])).toEqual([
    ['src/rate.ts:rate', way, true],
    ['src/tax.ts:tax', way, true],
  ]);
  expect(new Set(done.patches.map(({ pauseMs }) => pauseMs)).size).toBe(1);
  expect(await service.ask('all')).toBe('[30,40]');
  const mails = path.join(service.folder, '..', 'mails');
  await service.keyhole('export', 'svc', '--output', mails);
  for (const line of ['+++ b/src/rate.ts', '+  return (of.amount as number) * 3;', '+++ b/src/tax.ts']) {
    expect(readFileSync(mails, 'utf8')).toContain(line);
  }

  // One of a set that can not be done: nothing is done.
  editFile(service, 'src/rate.ts', '* 3', '* 4');
  editFile(service, 'src/tax.ts', '/ 50', '/ nowhere');
  const refused = await push(service, 'src/rate.ts', 'src/tax.ts');
  expect(refused).toMatchObject({
    ok: false,
    patches: [],
    refused: [{ address: 'src/tax.ts:tax', why: expect.stringContaining('nowhere') as string }],
  });
  expect(await service.ask('all')).toBe('[30,40]');
  expect(await revertAll(service)).toMatchObject({ ok: true, patches: [{}, {}] });
  expect(await service.ask('all')).toBe('[20,20]');
});

test('what could not be instrumented, since the service had closed the global object, is patched by the other ways', async () => {
  const service = await startService({
    files: {
      'price.js': 'export function price(n) { return n * 2; }\n',
      'late.js': 'export function late(n) { return n + 1; }\n',
      'late.cjs': 'exports.old = function old(n) { return n - 1; };\n',
      'main.js': `import { price } from './price.js';
Object.preventExtensions(globalThis);
const later = await import('./late.js');
const { default: common } = await import('./late.cjs');
const all = () => [price(10), later.late(10), common.old(10)];
const answer = () => all();
setInterval(all, 20).unref();
${answering}`,
    },
    main: 'main.js',
    git: true,
  });
  expect(await service.ask('all')).toBe('[20,11,9]');
  const checks = (await service.keyhole('doctor', 'svc', '--json')).stdout;
  for (const file of ['late.js', 'late.cjs']) expect(checks).toContain(file);
  const { strategies } = (await service.keyhole('fn', 'svc', 'late.cjs:old', '--json')).json() as {
    strategies: { name: string; why: string }[];
  };
  expect(strategies[0]).toMatchObject({ name: 'slots', why: expect.stringMatching(/could not be instrumented.*closed the global object/) as string });
  editFile(service, 'price.js', '* 2', '* 3');
  editFile(service, 'late.js', '+ 1', '+ 5');
  editFile(service, 'late.cjs', '- 1', '- 5');
  if (instrumentsElsewhere) {
    const refused = await service.keyhole('push', 'svc', 'late.js', '--reason', 'x', '--max-pause', maxPause);
    expect(refused.stdout + refused.stderr).toMatch(/late\.js can not be patched: .*closed the global object.*looked for them already/);
  }
  const named = ['price.js', 'late.cjs', ...(instrumentsElsewhere ? [] : ['late.js'])];
  const done = await push(service, ...named);
  expect(done).toMatchObject({ ok: true, refused: [] });
  expect(new Set(done.patches.map(({ address, strategy }) => `${address} ${strategy}`))).toEqual(
    new Set(['price.js:price slots', `late.cjs:old ${way}`, ...(instrumentsElsewhere ? [] : [`late.js:late ${way}`])]),
  );
  expect(await service.ask('all')).toBe(instrumentsElsewhere ? '[30,11,5]' : '[30,15,5]');
  expect(await revertAll(service)).toMatchObject({ ok: true });
  expect(await service.ask('all')).toBe('[20,11,9]');
});

test('in a cluster each process is changed; where one of them can not, the others are as before', async () => {
  const { service, workers } = await startCluster({
    files: {
      'legacy/rate.js': 'export function rate(n) { return n * 2; }\n',
      'price.js': "import { rate } from './legacy/rate.js';\nexport function price(n) { return rate(n) + 1; }\n",
      'child.js': `import { price } from './price.js';
process.on('message', ({ n }) => process.send({ n, value: price(10) }));
setInterval(() => price(1), 20).unref();
process.send('up');`,
      'main.js': clusterMain,
    },
    main: 'main.js',
    git: true,
    environment: { KEYHOLE_EXCLUDE: 'legacy/**' },
  });
  const both = ['price.js', 'legacy/rate.js'];
  editFile(service, 'price.js', '+ 1', '+ 3');
  editFile(service, 'legacy/rate.js', '* 2', '* 4');
  expect(await push(service, ...both)).toMatchObject({ ok: true, refused: [] });
  expect(await service.ask('all')).toBe('[43,43]');

  // The second process can not journal any more, so it refuses what it has judged possible: the first one takes its part back, to the patches before.
  const dir = journalFolderOf(service, workers[1]);
  rmSync(dir, { recursive: true });
  writeFileSync(dir, 'in the way');
  editFile(service, 'price.js', '+ 3', '+ 7');
  editFile(service, 'legacy/rate.js', '* 4', '* 5');
  const { ok, processes } = (await push(service, ...both)) as Done & { processes: { pid: number; undone?: boolean; error?: { code: string } }[] };
  expect(ok).toBe(false);
  expect(processes.find(({ pid }) => pid === workers[1])?.error?.code).toBe('JOURNAL');
  expect(processes.find(({ pid }) => pid === workers[0])).toMatchObject({ ok: false, undone: true });
  expect(await service.ask('all')).toBe('[43,43]');
  expect(await run(service, 'revert', `svc#${workers[0]}`, '--all')).toMatchObject({ ok: true });
  expect(await service.ask('all')).toBe('[21,43]');
}, 60_000);
