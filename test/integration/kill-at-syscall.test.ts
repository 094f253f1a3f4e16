/**
 * A service that is killed at the system calls by which the door writes, syncs and answers, in the middle of one patch: what was acknowledged is in the journal, whose chain holds and which goes on.
 * `KEYHOLE_SYSCALLS=all` takes every system call of the door's thread.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { Journal, verifyJournal } from '../../packages/agent/dist/journal/index.js';
import type { Connection } from '../../packages/console/dist/index.js';
import { configFor, startEntry } from '../helpers/journal.ts';
import { withConnection } from '../helpers/operator.ts';
import { answering, journalOf, newFolder, startService, type Service } from '../helpers/service.ts';

const isAll = process.env['KEYHOLE_SYSCALLS'] === 'all';
const calls = isAll ? 'all' : 'openat,write,pwrite64,writev,sendmsg,sendto,fdatasync,fsync,ftruncate,renameat,rename';
const tried = spawnSync('strace', ['-qq', '-o', '/dev/null', '-e', 'inject=fsync:signal=SIGKILL:when=9', 'true'], { encoding: 'utf8' });
/** Yama lets others than root trace their own children only. */
const scope = '/proc/sys/kernel/yama/ptrace_scope';
const mayAttach = process.getuid?.() === 0 || !existsSync(scope) || readFileSync(scope, 'utf8').trim() === '0';
const missing =
  tried.error !== undefined ? 'there is no strace' : tried.status !== 0 ? 'strace may not trace here' : mayAttach ? null : `${scope} is not 0`;

const code = (text: number): string => `function price() { return ${text}; }`;
const main = `export ${code(1)}\nconst answer = () => price();${answering}`;

/** Attached to one thread of the service, until it ends. */
interface Traced {
  attached: Promise<void>;
  log: string;
}
function trace(thread: number, ...words: string[]): Traced {
  const log = path.join(newFolder(), 'log');
  const child = spawn('strace', ['-p', String(thread), '-o', log, '-e', `trace=${calls}`, ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
  const attached = new Promise<void>((resolve, reject) => {
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('attached')) resolve();
    });
    child.on('close', () => reject(new Error(said)));
  });
  return { attached, log };
}

const begin = (): Promise<Service> => startService({ files: { 'main.js': main }, main: 'main.js' });
const threadsOf = ({ pid }: Service): number[] =>
  readdirSync(`/proc/${pid}/task`)
    .map(Number)
    .sort((a, b) => a - b);

/** The id of a patch that was acknowledged; null where the line was cut before. */
async function patch(connection: Connection): Promise<string | null> {
  const request = { address: 'main.js:price', code: code(2), source: code(2), baseCode: code(1), baseSource: code(1) };
  try {
    const { ok, patches } = await connection.call('patch.apply', { patches: [request], reason: 'R' });
    expect(ok).toBe(true);
    return patches[0]?.id ?? '';
  } catch (thrown) {
    if ((thrown as { code?: string }).code === 'UNREACHABLE') return null;
    throw thrown;
  }
}

/** Which of the service's threads is the door, by what it syncs, and how many such calls a patch takes. */
async function measure(): Promise<{ door: number; count: number }> {
  const service = await begin();
  const threads = threadsOf(service);
  const traces = threads.map((thread) => trace(thread));
  await withConnection(service, async (connection) => {
    await Promise.all(traces.map(({ attached }) => attached));
    expect(await patch(connection)).not.toBeNull();
  });
  service.kill();
  await service.ended;
  const logs = traces.map(({ log }) => readFileSync(log, 'utf8').split('\n'));
  const door = logs.findIndex((lines) => lines.some((line) => line.startsWith('fdatasync(')));
  return { door, count: logs[door]?.filter((line) => /^\w+\(/.test(line)).length ?? 0 };
}

test.skipIf(missing !== null)(
  `a patch, killed at each system call of the door${missing === null ? '' : ` (skipped: ${missing})`}`,
  { timeout: 3_600_000 },
  async () => {
    const { door, count } = await measure();
    // Intent and outcome are written and synced, and the answer is sent.
    expect(count).toBeGreaterThanOrEqual(5);
    const seen = { acknowledged: 0, open: 0, done: 0 };
    // Each costs a service: every second one in one run, the others in another.
    for (let at = isAll ? 1 : 1 + Math.floor(Math.random() * 2); at <= count; at += isAll ? 1 : 2) {
      const service = await begin();
      const thread = threadsOf(service)[door] ?? 0;
      const acknowledged = await withConnection(service, async (connection) => {
        await trace(thread, '-e', `inject=${calls}:signal=SIGKILL:when=${at}`).attached;
        return patch(connection);
      });
      service.kill();
      await service.ended;
      const recovered = Journal.open(configFor(service.journal), startEntry);
      expect([at, recovered.state()]).toMatchObject([at, { writable: true }]);
      recovered.close();
      expect([at, await verifyJournal(service.journal)]).toMatchObject([at, { ok: true }]);
      const outcomes = journalOf(service).filter(({ kind, phase }) => kind === 'patch' && phase === 'outcome');
      expect(outcomes.length).toBeLessThanOrEqual(1);
      const [{ status, result } = { status: null, result: null }] = outcomes;
      if (acknowledged !== null) expect([at, status, result]).toMatchObject([at, 'done', { patches: [{ id: acknowledged }] }]);
      seen.acknowledged += acknowledged === null ? 0 : 1;
      seen.open += status === 'lost with the process' ? 1 : 0;
      seen.done += status === 'done' ? 1 : 0;
    }
    // It was killed before the outcome was there, and behind it.
    expect(seen.open).toBeGreaterThan(0);
    expect(seen.done).toBeGreaterThan(0);
  },
);
