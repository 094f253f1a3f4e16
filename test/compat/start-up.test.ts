/** What an agent that nobody attaches to makes Node load (what the service did not ask for costs its start and its memory), and a start with what the one before has kept. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { agentUrl } from '../helpers/service.ts';

const agentFolder = fileURLToPath(new URL('.', agentUrl));
/** Whether this Node removes types unless it is told not to. */
const typescript = 'typescript' in process.features && process.features.typescript !== false;

test('no undici, no http, no child processes', () => {
  const program = `import(${JSON.stringify(agentUrl)}).then(() => process.stdout.write(process.moduleLoadList.join('\\n')));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' });
  expect(stderr).toBe('');
  const loaded = stdout.split('\n').map((name) => name.replace(/^NativeModule /, ''));
  expect(loaded).toContain('worker_threads');
  const dear = [
    'internal/deps/undici/undici',
    'http',
    'http2',
    'tls',
    'child_process',
    'cluster',
    'perf_hooks',
    'timers/promises',
    'internal/webstreams/readablestream',
  ];
  expect(loaded.filter((name) => dear.includes(name))).toEqual([]);
});

test('the second start takes from the disk what the first one made, and runs the same', () => {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'kh-start-')));
  try {
    const files: Record<string, string> = {
      'main.mjs': `import { twice } from './part.mjs';
        import plain from './plain.cjs';
        import bom from './bom.cjs';
        ${typescript ? "import { typed } from './typed.mts';" : 'const typed = () => 3;'}
        const texts = [twice, plain, bom, typed].map((each) => [each(1), String(each)]);
        process.stdout.write(JSON.stringify([texts, globalThis.texts]));`,
      'part.mjs': '// “”\nexport const twice = (n) => n * 2;\n',
      'plain.cjs': "globalThis.texts = [require('./plain.cjs') === module.exports];\nmodule.exports = function half(n) { return n / 2 };\n",
      'bom.cjs': "\uFEFF'use strict';\nmodule.exports = function bom(n) { return 'é' };\n",
      'typed.mts': 'export function typed(n: number): number { return n + 1 }\n',
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
    const env = { ...process.env, KEYHOLE_TEST_DIST: agentFolder, KEYHOLE_TEST_ROOT: folder, KEYHOLE_TEST_CACHE: path.join(folder, 'cache') };
    const hooks = pathToFileURL(path.resolve(import.meta.dirname, '../packages/instrument.mjs')).href;
    const start = (): { said: unknown; kept: Buffer[] } => {
      const { stdout, stderr } = spawnSync(process.execPath, ['--import', hooks, path.join(folder, 'main.mjs')], { encoding: 'utf8', env });
      expect(stderr).not.toContain('Error');
      const packs = readdirSync(path.join(folder, 'cache')).map((name) => readFileSync(path.join(folder, 'cache', name)));
      return { said: JSON.parse(stdout), kept: packs };
    };
    const first = start();
    expect(first.said).toEqual([
      [
        [2, expect.stringContaining('typeof $k')],
        [0.5, expect.stringContaining('typeof $k')],
        ['é', expect.stringContaining('typeof $k')],
        typescript ? [2, expect.stringContaining('typeof $k')] : [3, expect.anything()],
      ],
      [true],
    ]);
    // What it did not find there it would have added.
    expect(start()).toEqual(first);
    expect(first.kept.map((pack) => pack.includes('export const twice'))).toEqual([true]);
    writeFileSync(path.join(folder, 'part.mjs'), 'export const twice = (n) => n * 3;\n');
    expect(JSON.stringify(start().said)).toContain('n * 3');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
