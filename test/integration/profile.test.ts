/** Profiles of a real service that was bundled and minified: the names are those that its author wrote. */
import { existsSync, readFileSync } from 'node:fs';
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

test('there is one at a time', async () => {
  const first = service.keyhole('profile', 'svc', '--seconds', '3', '-o', 'first.cpuprofile', '--json');
  await vi.waitFor(
    async () => {
      const second = await service.keyhole('profile', 'svc', '--seconds', '0.1', '-o', 'second.cpuprofile', '--json');
      expect(second.json()).toMatchObject({ ok: false, error: { code: 'BUSY' } });
    },
    { timeout: 20_000 },
  );
  expect((await first).code).toBe(0);
  expect(existsSync(path.join(service.folder, 'first.cpuprofile'))).toBe(true);
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
