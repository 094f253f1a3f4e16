/** Profiles of a real service that was bundled and minified: the names are those that its author wrote. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { buildSync } from 'esbuild';
import { beforeAll, expect, test, vi } from 'vitest';
import { answering, startService, type Service } from '../helpers/service.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const pricing = `
const kept: unknown[] = [];
export class Cart {
  total(rounds: number): number { let sum = 0; for (let i = 0; i < rounds; i += 1) sum = (sum * 31 + i) % 1_000_003; return sum; }
  forever(): never { for (let i = 0; ; i += 1) if (i < 0) throw new Error(String(i)); }
}
export function remember(count: number): void { for (let i = 0; i < count; i += 1) kept.push({ number: i, text: 'kept ' + i }); if (kept.length > 50_000) kept.length = 0; }
`;
const main = `
import { createInterface } from 'node:readline';
import { Cart, remember } from './pricing.ts';
const cart = new Cart();
function busy(): void { cart.total(300_000); remember(500); }
setInterval(busy, 5);
const answer = (line: string): unknown => { if (line === 'hang') setImmediate(() => cart.forever()); return line; };
${answering.replace("import { createInterface } from 'node:readline';", '').replace('(line) =>', '(line: string) =>')}`;

let service: Service;

beforeAll(async () => {
  service = await startService({
    files: { 'src/main.ts': main, 'src/pricing.ts': pricing },
    main: 'dist/main.js',
    prepare: (folder) =>
      void buildSync({
        absWorkingDir: folder,
        entryPoints: ['src/main.ts'],
        outfile: 'dist/main.js',
        bundle: true,
        minify: true,
        sourcemap: true,
        platform: 'node',
        format: 'esm',
      }),
  });
});

interface Hot {
  function: string;
  address: string;
  self: number;
  bytes?: number;
}

test('CPU: hottest functions by their addresses, and a file for DevTools that says the same', async () => {
  const taken = await service.keyhole('profile', 'svc', '--seconds', '1', '--json');
  expect(taken.code).toBe(0);
  const { file, hottest } = taken.json() as { file: string; hottest: Hot[] };
  expect(file).toBe(path.join(service.folder, `svc.${service.pid}.cpuprofile`));
  const total = hottest.find(({ address }) => address === 'src/pricing.ts:Cart.total');
  expect(total).toMatchObject({ function: 'Cart.total', file: 'src/pricing.ts', line: 4 });
  expect(total?.self).toBeGreaterThan(0.05);
  const { nodes, samples } = JSON.parse(readFileSync(file, 'utf8')) as {
    nodes: { callFrame: { functionName: string; url: string; lineNumber: number } }[];
    samples: unknown[];
  };
  expect(nodes.map(({ callFrame }) => callFrame)).toContainEqual(
    expect.objectContaining({ functionName: 'Cart.total', url: 'src/pricing.ts', lineNumber: 3 }),
  );
  expect(samples.length).toBeGreaterThan(100);
});

test('a flame graph stands by itself, and holds no script', async () => {
  expect((await service.keyhole('profile', 'svc', '--seconds', '0.5', '-o', 'x.svg')).code).toBe(0);
  const svg = readFileSync(path.join(service.folder, 'x.svg'), 'utf8');
  expect(svg).toMatch(/^<svg xmlns=[^]*<\/svg>\n$/);
  expect(svg).toContain('<title>Cart.total (src/pricing.ts:4): ');
  expect(svg).not.toMatch(/<script|href=|<foreignObject/i);
});

test('allocations: who allocated, and how much', async () => {
  const { file, hottest } = (await service.keyhole('profile', 'svc', '--heap', '--seconds', '1', '--json')).json() as {
    file: string;
    hottest: Hot[];
  };
  expect(file).toMatch(/\.heapprofile$/);
  const remember = hottest.find(({ address }) => address === 'src/pricing.ts:remember');
  expect(remember?.bytes).toBeGreaterThan(100_000);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ head: { callFrame: { functionName: '(root)' } } });
});

interface Compared {
  function: string;
  file: string;
  samples: { before: number; after: number };
  self: { before: number; after: number; change: number; noise: number; withinNoise: boolean };
  total: { withinNoise: boolean };
}

interface Diff {
  before: { busy: number; samples: number; patches: unknown[] };
  after: { busy: number; patches: { address: string }[] };
  functions: Compared[];
}

test('--diff: what runs since a patch against before it, the patched function under its own name', async () => {
  const before = 'before.cpuprofile';
  expect((await service.keyhole('profile', 'svc', '--seconds', '2', '-o', before)).code).toBe(0);
  writeFileSync(
    path.join(service.folder, 'new.txt'),
    'total(rounds: number): number { let sum = 0; for (let i = 0; i < rounds / 3; i += 1) sum = (sum * 31 + i) % 1_000_003; return sum; }',
  );
  const edited = await service.keyhole('edit', 'svc', 'src/pricing.ts:Cart.total', '--from', 'new.txt', '--reason', 'fewer rounds', '--json');
  expect(edited.json()).toMatchObject({ ok: true });
  const taken = await service.keyhole('profile', 'svc', '--seconds', '2', '--diff', before, '--json');
  const { file, diff } = taken.json() as { file: string; diff: Diff };
  expect(file).toBe(path.join(service.folder, `svc.${service.pid}.after.cpuprofile`));
  expect(diff.functions[0]).toMatchObject({ function: 'Cart.total', file: 'src/pricing.ts', self: { withinNoise: false } });
  expect(diff.functions[0]?.self.before).toBeGreaterThan(0.05);
  expect(diff.functions[0]?.self.change).toBeLessThan(-0.05);
  expect(diff.functions.filter((each) => each.function.endsWith('total'))).toHaveLength(1);
  expect(diff.before).toMatchObject({ patches: [], service: 'svc', pid: service.pid });
  expect(diff.after.patches).toMatchObject([{ address: 'src/pricing.ts:Cart.total' }]);
  expect(diff.after.busy).toBeLessThan(diff.before.busy);
  // The same from the two files, for people and as a graph.
  const shown = await service.keyhole('profile', '--diff', before, '--after', file, '-o', 'both.svg');
  expect(shown.stdout).toMatch(/live since: p\d+ src\/pricing\.ts:Cart\.total\n/);
  expect(shown.stdout).toMatch(/ -\d+\.\d \+-\d+\.\d .* Cart\.total +src\/pricing\.ts:4\n/);
  expect(readFileSync(path.join(service.folder, 'both.svg'), 'utf8')).toMatch(/<title>busy \(src\/main\.ts:5\): [^<]*, -\d+\.\d points<\/title>/);
  // Against itself there is nothing.
  const same = (await service.keyhole('profile', '--diff', file, '--after', file, '--json')).json() as { diff: Diff };
  expect(same.diff.functions.every(({ self, total }) => self.withinNoise && total.withinNoise)).toBe(true);
  expect((await service.keyhole('revert', 'svc', '--all', '--reason', 'done')).code).toBe(0);
});

test('--diff: what it can not be is said before anything is taken, and what is compared with is not overwritten', async () => {
  const text = '{"nodes":[{"id":1,"callFrame":{"functionName":"(root)","url":"","lineNumber":-1}}],"samples":[1],"timeDeltas":[5]}';
  writeFileSync(path.join(service.folder, 'whole.cpuprofile'), text);
  writeFileSync(path.join(service.folder, 'heap.heapprofile'), '{"head":{}}');
  writeFileSync(path.join(service.folder, 'no.cpuprofile'), '{"nodes":[{"id":1}],"samples":[],"timeDeltas":[]}');
  for (const [words, why] of [
    [['--diff', 'missing.cpuprofile'], /missing\.cpuprofile can not be read/],
    [['--diff', 'heap.heapprofile'], /heap\.heapprofile is no CPU profile: it is a sample of allocations/],
    [['--diff', 'no.cpuprofile'], /no\.cpuprofile is no CPU profile: it has no nodes/],
    [['--diff', 'whole.cpuprofile', '-o', './whole.cpuprofile'], /whole\.cpuprofile is what is compared with/],
    [['--diff', 'whole.cpuprofile', '--heap'], /--diff compares CPU profiles/],
    [['--after', 'whole.cpuprofile'], /--after is for --diff/],
  ] as const) {
    const refused = await service.keyhole('profile', 'svc', '--seconds', '0.1', ...words);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(why);
  }
  expect(readFileSync(path.join(service.folder, 'whole.cpuprofile'), 'utf8')).toBe(text);
});

test('there is one at a time', async () => {
  const both = await Promise.all(
    ['first', 'second'].map((name) => service.keyhole('profile', 'svc', '--seconds', '3', '-o', `${name}.cpuprofile`, '--json')),
  );
  expect(both.map(({ code }) => code).toSorted((a, b) => (a ?? 0) - (b ?? 0))).toEqual([0, 1]);
  expect(both.find(({ code }) => code === 1)?.json()).toMatchObject({ ok: false, error: { code: 'BUSY' } });
  expect(['first', 'second'].filter((name) => existsSync(path.join(service.folder, `${name}.cpuprofile`)))).toHaveLength(1);
});

test('a hang in minified code is named as its author wrote it', async () => {
  await service.ask('hang');
  await vi.waitFor(
    async () => {
      const looked = (await service.keyhole('rescue', 'svc', '--json')).json() as { stack: unknown[] };
      expect(looked.stack[0]).toMatchObject({ function: 'Cart.forever', address: 'src/pricing.ts:Cart.forever', line: 5 });
    },
    { timeout: 20_000 },
  );
  expect((await service.keyhole('rescue', 'svc', '--terminate', '--reason', 'it hangs', '--json')).json()).toMatchObject({ terminated: true });
});
