/** The round trip on a small project that is made here: its commits are found, built, pushed and held against their own builds, and what is wrong is seen. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test, vi } from 'vitest';
import { commitAll, newFolder } from '../helpers/service.ts';

// Two builds and two processes for each commit.
vi.setConfig({ testTimeout: 400_000 });

interface Trip {
  commit: string;
  subject: string;
  result: string;
  why: string[];
  functions: number;
  called: Record<string, number>;
}

const esbuild = path.resolve(import.meta.dirname, '../../node_modules/.bin/esbuild');
const price = `import { rate } from './rate.js';
export interface Item {
  net: number;
}
const round = (value: number): number => Math.round(value * 100) / 100;
export function price(item: Item, count = 1): number {
  const taxed = item.net * rate;
  const times = (n: number): number => n * count;
  return round(times(taxed));
}
`;
const cart = `import { price, type Item } from './price.js';
export class Cart {
  #items: Item[] = [];
  add(item: Item): number {
    return this.#items.push(item);
  }
  total(): number {
    let sum = 0;
    for (const item of this.#items) sum += price(item);
    return sum;
  }
}
`;

function project(): { repo: string; commit(changes: Record<string, string>, subject: string): string } {
  const repo = path.join(newFolder(), 'repo');
  const commit = (changes: Record<string, string>, subject: string): string => {
    for (const [name, text] of Object.entries(changes)) {
      mkdirSync(path.dirname(path.join(repo, name)), { recursive: true });
      writeFileSync(path.join(repo, name), text);
    }
    return commitAll(repo, subject);
  };
  commit(
    {
      'package.json': '{"name":"shop","type":"module"}',
      'src/rate.ts': 'export const rate = 1.2;\n',
      'src/price.ts': price,
      'src/cart.ts': cart,
      'src/index.ts': "export * from './cart.js';\nexport * from './price.js';\n",
    },
    'base',
  );
  return { repo, commit };
}

function roundTrip(repo: string, build: string): Promise<{ code: number | null; trips: Trip[]; stdout: string }> {
  const json = path.join(newFolder(), 'trips.json');
  const words = ['--repo', repo, '--build', build, '--load', 'dist/index.js', '--json', json];
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'run.mjs'), ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once('close', (code) => {
      try {
        resolve({ code, trips: JSON.parse(readFileSync(json, 'utf8')) as Trip[], stdout });
      } catch (error) {
        reject(new Error(stdout, { cause: error }));
      }
    });
  });
}

test('commits that change function bodies alone are found, pushed, and held against their own builds', async () => {
  const { repo, commit } = project();
  commit({ 'src/rate.ts': 'export const rate = 1.3;\n' }, 'a value');
  const rounded = price.replace('Math.round(value * 100) / 100', 'Math.ceil(value * 100) / 100');
  commit({ 'src/price.ts': rounded }, 'round up');
  commit({ 'src/price.ts': `// A comment.\n${rounded}` }, 'a comment');
  const both = rounded.replace('return round(times(taxed));', 'if (taxed === 0) return 0;\n  return round(times(taxed));');
  commit({ 'src/price.ts': both, 'src/cart.ts': cart.replace('sum += price(item)', 'sum += price(item, 2)'), 'README.md': 'x\n' }, 'two files');
  const captured = both.replace('n * count', 'n * count * taxed');
  commit({ 'src/price.ts': captured }, 'a variable that nothing captured');
  const id = commit({ 'src/price.ts': captured.replace('return 0;', 'return 7;') }, 'what is built is something else');
  const build = `${esbuild} src/*.ts --outdir=dist --format=esm --sourcemap --log-level=error`;
  const tampering = `if [ $(git rev-parse HEAD) = ${id} ]; then sed -i 's/return 7/return 8/' dist/price.js; fi`;
  const { code, trips, stdout } = await roundTrip(repo, `${build} && ${tampering}`);
  expect(trips, stdout).toMatchObject([
    {
      commit: id,
      result: 'wrong',
      why: [
        expect.stringMatching(/^src\/price.ts:price runs as/) as string,
        expect.stringMatching(/^src\/price.ts:price gives\nprice \d+: returned 7/) as string,
      ],
    },
    {
      subject: 'a variable that nothing captured',
      result: 'refused',
      why: [expect.stringContaining('taxed belongs to an enclosing function') as string],
    },
    { subject: 'two files', result: 'whole', functions: 2, called: { itself: 2, around: 0, outside: 0, unsteady: 0, calls: 120 } },
    { subject: 'round up', result: 'whole', functions: 1 },
  ]);
  expect(code).toBe(1);
});
