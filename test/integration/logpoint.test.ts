/** Logpoints in real services, instrumented or not: the expression gives what the line sees, and afterwards nothing is left. */
import { readFileSync, writeFileSync } from 'node:fs';
import { buildSync } from 'esbuild';
import { expect, test, vi } from 'vitest';
import type { LogpointHit, LogpointResult, LogpointStarted, Params } from '../../packages/agent/dist/protocol/index.js';
import type { Connection } from '../../packages/console/dist/index.js';
import { startConsole } from '../helpers/console-process.ts';
import { pushEdits, withConnection } from '../helpers/operator.ts';
import { agentUrl, answering, journalOf, registerUrl, startService, type Service } from '../helpers/service.ts';
import { openWatch } from '../helpers/watching.ts';

const files = {
  'src/shop.js': `
const limits = { most: 10 };
let ran = 0;
export const trap = { get boom() { ran += 1; return 1; } };
export function total(lines) {
  let sum = 0;
  for (const { net, count } of lines) {
    sum += net * count;
  }
  return sum > limits.most ? limits.most : sum;
}
export const double = (n) => n * 2; export const triple = (n) => n * 3;
export class Till { #sum = 1; take(amount) {
    this.#sum += amount;
    return this.#sum;
} }
export const counted = () => ran;
// nothing stands here
export function hot(n) {
  return n + 1;
}
`,
  'main.js': `
import { Till, counted, double, hot, total, triple } from './src/shop.js';
const lines = [{ net: 2, count: 3 }, { net: 1, count: 1 }];
const till = new Till();
const optimized = (fn) => (new Function('fn', '%PrepareFunctionForOptimization(fn); fn(1); fn(2); %OptimizeFunctionOnNextCall(fn); fn(3); return %GetOptimizationStatus(fn)'))(fn);
const answer = (line) => line.startsWith('hot ') ? Array.from({ length: Number(line.slice(4)) }, (_, n) => hot(n)).length : ({
  total: () => total(lines), both: () => double(1) + triple(1), take: () => till.take(2), counted,
  // Where a breakpoint is in it, V8 compiles it no further; what its words for that are differs, so it is held against another function.
  optimized: () => optimized(hot) === optimized((n) => n + 1),
  text: () => String(hot),
  left: () => Object.keys(globalThis['keyhole.agent'].hits).length,
})[line]();
${answering}`,
};

interface Logpoint {
  started: LogpointStarted;
  hits: LogpointHit[];
  stop(): Promise<LogpointResult>;
  ended: Promise<LogpointResult>;
}

async function open(connection: Connection, params: Omit<Params<'logpoint'>, 'file'> & { file?: string }): Promise<Logpoint> {
  const hits: LogpointHit[] = [];
  const abort = new AbortController();
  let begin: (started: LogpointStarted) => void = () => undefined;
  const begun = new Promise<LogpointStarted>((resolve) => {
    begin = resolve;
  });
  const ended = connection.call(
    'logpoint',
    { file: 'src/shop.js', maxPauseMs: 2_000, budgetPercent: 50, ...params },
    {
      timeoutMs: 60_000,
      signal: abort.signal,
      onEvent: (_, items) => {
        for (const item of items as (LogpointHit | LogpointStarted)[]) {
          if (item.t === 'started') begin(item);
          else hits.push(item);
        }
      },
    },
  );
  const started = await Promise.race([begun, ended.then(() => begun)]);
  return {
    started,
    hits,
    ended,
    stop() {
      abort.abort();
      return ended;
    },
  };
}

/** One logpoint, some lines for the service, and what was shown. */
async function shown(
  connection: Connection,
  service: Service,
  params: Omit<Params<'logpoint'>, 'file'> & { file?: string },
  lines: string[],
): Promise<{ logpoint: Logpoint; values: unknown[] }> {
  const logpoint = await open(connection, params);
  for (const line of lines) await service.ask(line);
  await logpoint.stop();
  const values = logpoint.hits.map(({ value, error }) => value?.value ?? value?.unserializable ?? value?.description ?? error);
  return { logpoint, values };
}

/** The agent is there, and the code is as it was written. */
const bare = `import { startAgent } from '${agentUrl}';
await startAgent({ service: 'svc', operators: process.env.KEYHOLE_OPERATORS, journal: { dir: process.env.KEYHOLE_JOURNAL_DIR } });
await import('./main.js');
`;
const services: [string, () => Promise<Service>][] = [
  ['instrumented', () => startService({ files, main: 'main.js' })],
  ['not instrumented', () => startService({ files: { ...files, 'bare.js': bare }, main: 'bare.js', nodeArguments: [] })],
];

test.each(services)('%s: the values of a line, of several functions on one line, and of this', async (_, start) => {
  const service = await start();
  await withConnection(service, async (connection) => {
    const sums = await shown(connection, service, { line: 8, expression: 'sum + net * count' }, ['total']);
    expect(sums.values).toEqual([6, 7]);
    expect(sums.logpoint.started).toMatchObject({ places: [{ address: 'src/shop.js:total', file: 'src/shop.js', line: 8 }], otherThreads: [] });
    expect(sums.logpoint.started.pauseMs).toBeGreaterThan(0);
    const both = await shown(connection, service, { line: 12, expression: 'n' }, ['both']);
    expect(both.logpoint.hits.map(({ address, value }) => [address, value?.value])).toEqual([
      ['src/shop.js:double', 1],
      ['src/shop.js:triple', 1],
    ]);
    expect((await shown(connection, service, { line: 14, expression: '`${amount} of ${typeof this}`' }, ['take'])).values).toEqual(['2 of object']);
    // Whoever may evaluate may say anything, private names too.
    expect((await shown(connection, service, { line: 15, expression: '[this.#sum].concat(limits.most).join()' }, ['take'])).values).toEqual(['5,10']);
    expect((await shown(connection, service, { line: 20, expression: 'nothing.like.it' }, ['hot 1'])).values).toEqual([
      'ReferenceError: nothing is not defined',
    ]);
    expect((await shown(connection, service, { line: 20, expression: 'trap.boom' }, ['hot 1'])).values).toEqual([
      'Error: boom is a getter, which is not run',
    ]);
    expect([await service.ask('counted'), await service.ask('left'), await service.ask('total')]).toEqual(['0', '0', '7']);
    await expect(open(connection, { line: 18, expression: 'n' })).rejects.toMatchObject({ code: 'NOT_FOUND', message: /18 has no place/ });
    await expect(open(connection, { line: 20, expression: 'n)(' })).rejects.toMatchObject({ code: 'SYNTAX' });
    await expect(open(connection, { line: 20, expression: 'n', maxPauseMs: 0 })).rejects.toMatchObject({ code: 'PAUSE_BUDGET' });
  });
});

test('it ends at its limit, in the middle of a loop that would be held up, and when the function is replaced; it refuses what is not reached', async () => {
  const service = await startService({ files, main: 'main.js' });
  await withConnection(service, async (connection) => {
    const limited = await open(connection, { line: 20, expression: 'n', limit: 2 });
    await service.ask('hot 50000');
    expect(await limited.ended).toMatchObject({ ended: 'limit', seen: 2, shown: 2 });

    const costly = await open(connection, { line: 20, expression: 'n', limit: 100_000, rate: 1, budgetPercent: 1 });
    await service.ask('hot 50000');
    const { ended, seen } = await costly.ended;
    expect(ended).toBe('budget');
    // 100 ms are saved up; a hit counts as 0.15 ms at least.
    expect(seen).toBeLessThan(2_000);

    const replaced = await open(connection, { line: 20, expression: 'n' });
    const [id] = await pushEdits(service, 'src/shop.js', [['return n + 1;', 'return n + 2;']]);
    expect(await replaced.ended).toMatchObject({ ended: 'replaced' });
    await expect(open(connection, { line: 20, expression: 'n' })).rejects.toMatchObject({
      code: 'NOT_PATCHABLE',
      message: new RegExp(`src/shop.js:hot runs as patch ${id}`),
    });
    await connection.call('patch.revert', { ids: [id ?? ''], reason: 'enough' });
    const watch = await openWatch(connection, { addresses: ['src/shop.js:hot'] });
    await expect(open(connection, { line: 20, expression: 'n' })).rejects.toMatchObject({ message: /while its calls are watched/ });
    await watch.stop();
    expect(await service.ask('left')).toBe('0');
  });
});

/** The ways in which one ends; each is told what is open. Looking whether V8 optimizes the function is three calls of it. */
const ends: [
  how: string,
  end: (of: { service: Service; connection: Connection; logpoint: Logpoint }) => Promise<unknown>,
  params?: Partial<Params<'logpoint'>>,
][] = [
  ['limit', ({ service }) => service.ask('hot 3'), { limit: 5 }],
  ['time', () => Promise.resolve(), { forMs: 100 }],
  ['budget', ({ service }) => service.ask('hot 50000'), { limit: 100_000, rate: 1, budgetPercent: 1 }],
  ['stopped', ({ logpoint }) => logpoint.stop()],
  ['gone', ({ connection }) => Promise.resolve(connection.close())],
  [
    'not allowed',
    ({ service }) => {
      writeFileSync(service.operators, readFileSync(service.operators, 'utf8').replace('roles="patch"', 'roles="inspect"'));
      return Promise.resolve();
    },
  ],
];

test('however it ends, the function is as it was: no breakpoint in it, nothing of ours on the global object, and the journal says why', async () => {
  const service = await startService({ files, main: 'main.js', nodeArguments: ['--allow-natives-syntax', '--import', registerUrl] });
  const text = await service.ask('text');
  expect(await service.ask('optimized')).toBe('true');
  const outcomes = (): unknown[] =>
    journalOf(service).flatMap(({ kind, phase, result }) => (kind === 'trace' && phase === 'outcome' ? [(result as { ended: string }).ended] : []));
  for (const [index, [how, end, params]] of ends.entries()) {
    await withConnection(service, async (connection) => {
      const logpoint = await open(connection, { line: 20, expression: 'n', ...params });
      expect([how, await service.ask('optimized'), await service.ask('left')]).toEqual([how, 'false', '1']);
      logpoint.ended.catch(() => undefined);
      await end({ service, connection, logpoint });
      await vi.waitFor(() => expect(outcomes()).toHaveLength(index + 1), 10_000);
    });
    expect(outcomes().at(-1)).toBe(how);
    expect([how, await service.ask('left'), await service.ask('text'), await service.ask('optimized')]).toEqual([how, '0', text, 'true']);
  }
});

test('a console that is killed takes its logpoint with it', async () => {
  const service = await startService({ files, main: 'main.js' });
  const console_ = startConsole(['logpoint', String(service.pid), 'src/shop.js:20', 'n', '--max-pause', '2000'], {
    env: service.env,
    cwd: service.folder,
  });
  await console_.until('stderr', 'each hit takes it');
  expect(await service.ask('left')).toBe('1');
  console_.child.kill('SIGKILL');
  await console_.ended;
  await vi.waitFor(async () => expect(await service.ask('left')).toBe('0'), 10_000);
});

test('an operator below eval says what is looking, and nothing that may be a global', async () => {
  const service = await startService({ files, main: 'main.js', roles: 'trace' });
  await withConnection(service, async (connection) => {
    expect((await shown(connection, service, { line: 8, expression: 'net' }, ['total'])).values).toEqual([2, 1]);
    await expect(open(connection, { line: 8, expression: 'String(net)' })).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    await expect(open(connection, { line: 8, expression: 'crypto.x' })).rejects.toMatchObject({
      code: 'NOT_ALLOWED',
      message: /crypto may be a property of the global object/,
    });
  });
  const console_ = startConsole(['logpoint', String(service.pid), 'src/shop.js:8', 'net', '--limit', '1', '--max-pause', '2000'], {
    env: service.env,
    cwd: service.folder,
  });
  await console_.until('stderr', 'each hit takes it');
  await service.ask('total');
  const { stdout, stderr, code } = await console_.ended;
  expect([code, stdout.replace(/^\S+ /, '')]).toEqual([0, 'src/shop.js:total 2\n']);
  expect(stderr).toContain('reached 1 times, 1 shown\n');
});

test('a line is the author’s: in a minified bundle of TypeScript too', async () => {
  const sources = {
    'src/shop.ts': `export interface Line { net: number }
export function total(lines: Line[]): number {
  let sum: number = 0;
  for (const line of lines) {
    sum += line.net;
  }
  return sum;
}
export const twice = (n: number): number => n * 2;
`,
    'main.ts': `import { total, twice } from './src/shop.ts';
const answer = (line: string): unknown => ({ total: () => total([{ net: 2 }, { net: 3 }]), twice: () => twice(4) })[line]?.();
${answering.replace("'line', (line)", "'line', (line: string)")}`,
  };
  const service = await startService({
    files: sources,
    main: 'dist/main.js',
    prepare: (folder) => {
      buildSync({
        absWorkingDir: folder,
        entryPoints: ['main.ts'],
        outfile: 'dist/main.js',
        bundle: true,
        minify: true,
        sourcemap: true,
        platform: 'node',
        format: 'esm',
      });
    },
  });
  await withConnection(service, async (connection) => {
    const { logpoint, values } = await shown(connection, service, { file: 'src/shop.ts', line: 5, expression: 'typeof arguments[0] === typeof []' }, [
      'total',
      'twice',
    ]);
    expect(logpoint.started.places).toMatchObject([
      { file: 'src/shop.ts', line: 5, address: 'src/shop.ts:total', running: /^dist\/main\.js:1:\d+$/ },
    ]);
    expect(values).toEqual([true, true]);
    const arrow = await shown(connection, service, { file: 'src/shop.ts', line: 9, expression: '2 + 2' }, ['total', 'twice']);
    expect([arrow.values, arrow.logpoint.started.places[0]?.address]).toEqual([[4], 'src/shop.ts:twice']);
  });
});
