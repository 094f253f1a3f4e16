/** A service of several processes: each has an agent of its own, and a change by the service's name is made in all of them or in none. */
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { Finished } from '../helpers/console-process.ts';
import { keyFile } from '../helpers/keys.ts';
import { clusterMain, journalFolderOf, startCluster, type Cluster } from '../helpers/cluster.ts';
import { commitAll, newFolder, startService, type Service } from '../helpers/service.ts';

// Several processes, and a console for each question.
vi.setConfig({ testTimeout: 60_000 });

interface Changed {
  ok: boolean;
  patches: { id: string; address: string; pid: number }[];
  refused: { address: string; why: string; pid: number }[];
  processes: { pid: number; ok: boolean; patches: unknown[]; error?: { code: string }; undone?: boolean }[];
  error?: { code: string; message: string };
}
interface Agent {
  pid: number;
  address: string;
  role: string | null;
  worker: number | null;
  parentPid: number | null;
  patches: number;
}

const files = {
  'src/price.js': 'export function price(net) {\n  return net * 2;\n}\nexport function tax(net) {\n  return net;\n}\n',
  'src/child.js': `
import { price, tax } from './price.js';
process.on('message', ({ verb, n }) => {
  if (verb === 'price') process.send({ n, value: price(10) });
});
setInterval(() => tax(1), 60_000).unref();
process.send('up');
`,
  'src/main.js': clusterMain,
};

const json = async <T>(service: Service, ...words: string[]): Promise<T> => (await service.keyhole(...words, '--json')).json() as T;
const agents = (service: Service): Promise<Agent[]> => json(service, 'ps');
const edit = (service: Service, from: string, to: string): void => {
  const file = path.join(service.folder, 'src/price.js');
  writeFileSync(file, readFileSync(file, 'utf8').replace(from, to));
};
const push = (service: Service, target: string, ...words: string[]): Promise<Changed> =>
  json(service, 'push', target, 'src/price.js', '--reason', 'because', ...words);

const begin = (environment: Record<string, string> = {}, more: Record<string, string> = {}): Promise<Cluster> =>
  startCluster({ files: { ...files, ...more }, main: 'src/main.js', git: true, environment });

/** Pushed by alice, and approved by bob in every process that runs the code, with one command. */
async function approvedPush(service: Service, workers: number[]): Promise<Changed> {
  const bob = keyFile(newFolder(), 'bob', 'ed25519');
  const operators = path.join(path.dirname(service.folder), 'operators');
  writeFileSync(operators, `${readFileSync(operators, 'utf8').trim()}\nname="bob",roles="view,approve" ${bob.publicKey}\n`);
  const asBob = (...words: string[]): Promise<Finished> => service.keyhole('approve', 'svc', ...words, '--identity', bob.file);
  const pushed = push(service, 'svc');
  const id = await vi.waitFor(async () => {
    const waiting = (await asBob('--json')).json() as { id: string; pid: number; operator: string }[];
    expect(new Set(waiting.map(({ pid }) => pid))).toEqual(new Set(workers));
    expect(new Set(waiting.map((each) => each.id)).size).toBe(1);
    return waiting[0]?.id ?? '';
  }, 20_000);
  expect(await service.ask('price')).toBe('[20,20]');
  expect((await asBob(id, '--yes', '--json')).json()).toEqual({ ok: true, id, missing: 0 });
  const done = await pushed;
  expect(done).toMatchObject({ ok: true });
  expect(new Set(done.patches.map(({ pid }) => pid))).toEqual(new Set(workers));
  expect(await service.ask('price')).toBe('[30,30]');
  return done;
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('cluster', () => {
  test('each process announces itself, and a change by name reaches all that run the code', async () => {
    const { service, workers } = await begin();
    const all = await agents(service);
    expect(all.find((each) => each.pid === service.pid)).toMatchObject({ role: 'primary', worker: null, parentPid: null });
    for (const [index, pid] of workers.entries()) {
      expect(all.find((each) => each.pid === pid)).toMatchObject({ role: 'worker', worker: index + 1, parentPid: service.pid });
    }
    expect(await json(service, 'eval', 'svc', '1')).toMatchObject({ error: { code: 'AMBIGUOUS' } });

    edit(service, 'net * 2', 'net * 3');
    const dry = await push(service, 'svc', '--dry-run');
    expect(dry).toMatchObject({ ok: true, dryRun: true });
    expect(await service.ask('price')).toBe('[20,20]');
    const pushed = await push(service, 'svc');
    expect(pushed).toMatchObject({ ok: true, refused: [] });
    expect(new Set(pushed.patches.map((each) => each.pid))).toEqual(new Set(workers));
    expect(pushed.processes).toHaveLength(3);
    expect(await service.ask('price')).toBe('[30,30]');
    // Each process has a journal of its own.
    expect(new Set(workers.map((pid) => journalFolderOf(service, pid))).size).toBe(2);
  });

  test('NAME#PID means one process; an undo by name finds the same change in each', async () => {
    const { service, workers } = await begin();
    edit(service, 'net * 2', 'net * 3');
    const pushed = await push(service, 'svc');
    edit(service, 'net * 3', 'net * 4');
    expect(await push(service, `svc#${workers[1]}`)).toMatchObject({ ok: true, patches: [{ address: 'src/price.js:price' }] });
    expect(await service.ask('price')).toBe('[30,40]');
    const [first] = pushed.patches.filter((each) => each.pid === workers[0]);
    expect(await json(service, 'revert', 'svc', first?.id ?? '', '--reason', 'x')).toMatchObject({ ok: true, patches: [{ pid: workers[0] }] });
    expect(await service.ask('price')).toBe('[20,40]');
    expect(await json(service, 'revert', 'svc', '--all', '--reason', 'x')).toMatchObject({ ok: true, patches: [{ pid: workers[1] }] });
    expect(await service.ask('price')).toBe('[20,20]');
  });

  test('a commit goes into each process, whose journals name it; after a restart each replays its own', async () => {
    const { service, workers } = await begin({ KEYHOLE_REPLAY: 'pending' });
    edit(service, 'net * 2', 'net * 3');
    const id = commitAll(service.folder, 'thrice');
    const words = ['--commit', 'HEAD', '--repo', service.folder];
    const pushed = await json<Changed & { commit: string; apart: unknown }>(service, 'push', 'svc', ...words);
    expect(pushed).toMatchObject({ ok: true, refused: [], commit: id });
    expect(pushed.patches).toHaveLength(2);
    // The primary has not loaded it.
    expect(pushed.apart).toEqual([{ file: 'src/price.js', why: expect.stringMatching(`^process ${service.pid}: not loaded`) as string }]);
    expect(await service.ask('price')).toBe('[30,30]');
    const again = await json<Changed>(service, 'push', 'svc', ...words);
    expect(again).toMatchObject({ ok: true, patches: [], refused: [] });
    const named = readdirSync(service.journal, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ndjson'))
      .filter((name) => readFileSync(path.join(service.journal, name), 'utf8').includes(`"commits":["${id}"]`));
    expect(named).toHaveLength(2);
    edit(service, 'net * 3', 'net * 2');
    service.kill();
    await service.ended;
    // A worker that has not noticed yet holds its journal, and the next one would begin another.
    await vi.waitFor(() => expect(workers.filter(lives)).toEqual([]), { timeout: 20_000 });
    const next = await startService({ files: {}, main: 'src/main.js', environment: { KEYHOLE_REPLAY: 'pending' }, again: service });
    for (const _ of ['one', 'two', 'one more']) await next.ask('start');
    // One has no journal to replay: which of them is nobody's to say, since they begin side by side.
    expect((JSON.parse(await next.ask('price')) as number[]).sort((a, b) => a - b)).toEqual([20, 30, 30]);
  });

  test('a probation holds in each process, and is confirmed in all; what looks at calls of one process is refused', async () => {
    const { service, workers } = await begin();
    edit(service, 'net * 2', 'net * 3');
    for (const words of [
      ['--shadow', '1', '--yes'],
      ['--if-errors', '1'],
    ]) {
      const refused = await push(service, 'svc', ...words);
      expect(refused.error).toMatchObject({ code: 'USAGE', message: expect.stringContaining('this is a cluster of 3') as string });
    }
    const { patches } = await push(service, 'svc', '--confirm', '20m');
    const confirmed = await json<{ ok: boolean; processes: { pid: number }[] }>(service, 'confirm', 'svc', patches[0]?.id ?? '');
    expect(confirmed.ok).toBe(true);
    expect(new Set(confirmed.processes.map(({ pid }) => pid))).toEqual(new Set(workers));
    edit(service, 'net * 3', 'net * 4');
    expect(await push(service, 'svc', '--confirm', '1s')).toMatchObject({ ok: true });
    await vi.waitFor(async () => expect(await service.ask('price')).toBe('[30,30]'), { timeout: 20_000 });
  });

  test('what can not be done is named for each process, and nothing is changed in any', async () => {
    const { service, workers } = await begin();
    edit(service, 'net * 2', 'net * unknown');
    const refused = await push(service, 'svc');
    expect(refused).toMatchObject({ ok: false, patches: [] });
    expect(new Set(refused.refused.map((each) => each.pid))).toEqual(new Set(workers));
    expect(await service.ask('price')).toBe('[20,20]');
  });

  test('an approval holds in all processes; where it fails in one it is taken back in the others, the patch that was live before included; that waits for no approval', async () => {
    const { service, workers } = await begin({}, { 'keyhole.config.json': '{"approvals":{"patch":1}}' });
    edit(service, 'net * 2', 'net * 3');
    const before = await approvedPush(service, workers);
    edit(service, 'net * 3', 'net * 4');
    // The second process can not journal any more, so it refuses what it has judged possible.
    const dir = journalFolderOf(service, workers[1]);
    rmSync(dir, { recursive: true });
    writeFileSync(dir, 'in the way');
    const pushed = await push(service, 'svc', '--break-glass');
    expect(pushed.ok).toBe(false);
    expect(pushed.processes.find((each) => each.pid === workers[1])?.error?.code).toBe('JOURNAL');
    expect(pushed.processes.find((each) => each.pid === workers[0])).toMatchObject({ ok: false, undone: true });
    expect(await service.ask('price')).toBe('[30,30]');
    // It is the very patch of before.
    const { id = '' } = before.patches.find(({ pid }) => pid === workers[0]) ?? {};
    expect(await json(service, 'revert', `svc#${workers[0]}`, id, '--reason', 'x')).toMatchObject({ ok: true, patches: [{ id }] });
    expect(await service.ask('price')).toBe('[20,30]');
  });

  test('workers that are told one path listen each on their own', async () => {
    const { service, workers } = await begin({ KEYHOLE_LISTEN: './k.sock' });
    const addresses = (await agents(service)).map((each) => each.address.replace(/^unix:/, ''));
    expect(addresses.map((each) => path.basename(each)).sort()).toEqual(['k.sock', ...workers.map((pid) => `k.sock.${pid}`)].sort());
    for (const address of addresses) expect(existsSync(address)).toBe(true);
    expect(service.stderr()).toBe('');
  });
});
