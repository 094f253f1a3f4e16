/** `keyhole status` with real services and real repositories: what each state is, and what it is judged by. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ServiceStatus } from '../../packages/console/dist/git/status.js';
import { statusOf } from '../../packages/console/dist/git/status.js';
import { pushEdits, withConnection } from '../helpers/operator.ts';
import { answering, commitAll, editFile, newFolder, run, startService, type Service } from '../helpers/service.ts';

const names = ['a', 'b', 'c', 'd', 'e'];
const lib = names.map((name) => `export function ${name}(n: number): number {\n  return n * 2;\n}\n`).join('\n');
const main = `import * as lib from './src/lib.ts';\nconst answer = () => lib.a(1);\n${answering}`;

const status = (service: Service, repo = service.folder): Promise<ServiceStatus> =>
  withConnection(service, (connection) => statusOf(connection, repo));
const states = ({ functions }: ServiceStatus): string[] =>
  functions.map(({ address, state, why }) => `${address} ${state}${why === undefined ? '' : `: ${why}`}`);
const bodyOf = (name: string, body: string): [string, string] => [
  `${name}(n: number): number {\n  return n * 2;`,
  `${name}(n: number): number {\n  ${body}`,
];
const commit = (service: Service, file: string, ...edits: [string, string][]): string => {
  for (const [from, to] of edits) editFile(service, file, from, to);
  return commitAll(service.folder, 'later');
};
const needsStripping = !('typescript' in process.features) || process.features.typescript === false ? 'this Node does not strip types' : null;
/** TypeScript where this Node takes the types off, else the same without them. */
const start = (more = {}): Promise<Service> => {
  const files: Record<string, string> = { 'main.js': main, 'src/lib.ts': lib };
  return startService({ files: needsStripping === null ? files : plain(files), main: 'main.js', git: true, ...more });
};
const plain = (files: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(files).map(([name, text]) => [name.replace('.ts', '.js'), text.replaceAll('.ts', '.js').replaceAll(': number', '')]),
  );
const typed = needsStripping === null;
const file = typed ? 'src/lib.ts' : 'src/lib.js';
const body = (name: string, text: string): [string, string] => {
  const [from, to] = bodyOf(name, text);
  return typed ? [from, to] : [from.replaceAll(': number', ''), to.replaceAll(': number', '')];
};
const at = (name: string): string => `${file}:${name}`;

test('live only, landed, diverged and lost, by the syntax of HEAD', async () => {
  let service = await start();
  const base = run(service.folder, 'git', 'rev-parse', 'HEAD');
  expect(await status(service)).toEqual({
    commit: base,
    head: base,
    build: {
      from: 'the repository, as it was when the process started',
      sources: { files: 2, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
    },
    functions: [],
  });
  await pushEdits(
    service,
    file,
    ['a', 'b', 'c', 'd'].map((name) => body(name, 'return n * 3;')),
  );
  expect(states(await status(service))).toEqual(['a', 'b', 'c', 'd'].map((name) => `${at(name)} live-only`));
  const head = commit(
    service,
    file,
    body('b', 'return n // as patched\n      * 3;'),
    body('c', 'return n * 4;'),
    body('a', 'return n * /* still */ 2;'),
    body('d', 'return n * 2; // gone soon'),
  );
  const shown = await status(service);
  expect(shown).toMatchObject({ commit: base, head });
  expect(states(shown)).toEqual([
    `${at('a')} live-only`,
    `${at('b')} landed`,
    `${at('c')} diverged: HEAD has changed the function otherwise`,
    `${at('d')} live-only`,
  ]);
  expect(shown.functions[0]).toMatchObject({
    patch: expect.stringMatching(/^p\d+-1$/) as string,
    operator: 'alice',
    at: expect.stringMatching(/^2\d{3}-/) as string,
  });
  const text = (await service.keyhole('status', 'svc')).stdout;
  expect(text).toContain(`runs ${base.slice(0, 12)}; HEAD is ${head.slice(0, 12)}`);
  expect(text).toMatch(/diverged +\S+:c +p\d+-3 +alice/);

  service.kill();
  await service.ended;
  service = await startService({ files: {}, main: 'main.js', again: service });
  await pushEdits(service, file, [body('e', 'return n * 5;')]);
  writeFileSync(path.join(service.folder, file), readFileSync(path.join(service.folder, file), 'utf8').replace(/export function d[^]*?\n\}\n/, ''));
  commitAll(service.folder, 'without d');
  expect(states(await status(service))).toEqual([
    `${at('a')} lost`,
    `${at('b')} landed`,
    `${at('c')} lost: HEAD has changed the function otherwise`,
    `${at('d')} lost: HEAD has no function d in ${file}`,
    `${at('e')} live-only`,
  ]);
});

describe('where the file is', () => {
  test('renamed, at once or step by step, and gone', async () => {
    const service = await start();
    await pushEdits(service, file, [body('a', 'return n * 3;')]);
    const moved = typed ? 'src/core/numbers.ts' : 'src/core/numbers.js';
    mkdirSync(path.join(service.folder, 'src/core'));
    renameSync(path.join(service.folder, file), path.join(service.folder, moved));
    commitAll(service.folder, 'moved');
    expect((await status(service)).functions).toMatchObject([{ address: at('a'), state: 'live-only', movedTo: moved }]);
    // Little of the old file is left, so only the history shows that it is the same.
    writeFileSync(
      path.join(service.folder, moved),
      `${lib.split('\n\n').slice(0, 1).join('')}\n${'// new\n'.repeat(100)}`.replaceAll(typed ? '\0' : ': number', ''),
    );
    editFile(service, moved, ...body('a', 'return n * 3;'));
    commitAll(service.folder, 'rewritten');
    expect((await status(service)).functions).toMatchObject([{ state: 'landed', movedTo: moved }]);
    run(service.folder, 'git', 'rm', '-q', moved);
    commitAll(service.folder, 'gone');
    expect(states(await status(service))).toEqual([`${at('a')} diverged: HEAD has no file ${file}`]);
  });

  test('in a folder of a monorepo, asked from anywhere in it; and in another checkout, whose HEAD does not hold the commit that runs', async () => {
    const service = await start({ git: false });
    const repo = path.dirname(service.folder);
    writeFileSync(path.join(repo, '.gitignore'), '/run\n/journal\n/alice*\n/operators\n/.cache\n');
    const other = newFolder();
    run(other, 'git', 'init', '-q', '-b', 'main');
    commitAll(repo, 'monorepo');
    const before = readFileSync(path.join(service.folder, file), 'utf8');
    await pushEdits(service, file, [body('a', 'return n * 3;')]);
    for (const from of ['.', 'src', '..']) {
      expect(states(await status(service, path.join(service.folder, from)))).toEqual([`${at('a')} live-only`]);
    }
    // Another repository, with a history of its own.
    mkdirSync(path.join(other, 'services/svc/src'), { recursive: true });
    writeFileSync(path.join(other, 'services/svc', file), before.replace(...body('a', 'return n * 3;')));
    commitAll(other, 'imported');
    expect(states(await status(service, other))).toEqual([`${at('a')} landed`]);
    const empty = newFolder();
    run(empty, 'git', 'init', '-q');
    await expect(status(service, empty)).rejects.toThrow('has no commit yet');
    const nowhere = await service.keyhole('status', 'svc', '--repo', newFolder(), '--json');
    expect(nowhere.code).toBe(1);
    expect(nowhere.json()).toMatchObject({
      error: {
        code: 'GIT',
        message: expect.stringContaining('is not in a git repository') as string,
        hint: expect.stringContaining('--repo') as string,
      },
    });
  });
});
