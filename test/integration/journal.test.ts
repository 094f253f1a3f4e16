/** The journal of a real service: who signed what, who remembers, what happens to a full, cut, read-only or vanished disk, and where entries go besides. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import * as path from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { runHere, type Finished } from '../helpers/console-process.ts';
import { openPseudoTerminal } from '../helpers/pseudo-terminal.ts';
import { answering, newFolder, run, startService, type Service } from '../helpers/service.ts';

const main = `let calls = 0;
export function price() { calls += 1; return 1; }
const answer = () => price();
${answering}`;
const start = (more: Partial<Parameters<typeof startService>[0]> = {}): Promise<Service> =>
  startService({ files: { 'main.js': main }, main: 'main.js', git: true, ...more });
const secondVerifier = path.resolve(import.meta.dirname, '../../examples/verify-journal/verify-journal.mjs');
const consoleProgram = path.resolve(import.meta.dirname, '../../packages/console/bin/keyhole.js');

interface Entry {
  seq: number;
  kind: string;
  phase?: string;
  hash: string;
  status?: string;
  intent?: number;
  result?: Record<string, unknown>;
  request?: Record<string, unknown>;
}
const log = async (service: Service, ...words: string[]): Promise<Entry[]> =>
  (await service.keyhole('log', 'svc', '-n', '1000', '--json', ...words)).json() as Entry[];
const push = (service: Service, value: number): Promise<Finished> => {
  const file = path.join(service.folder, 'main.js');
  writeFileSync(file, readFileSync(file, 'utf8').replace(/return \d+; \}/, `return ${value}; }`));
  return service.keyhole('push', 'svc', 'main.js', '--reason', 'because', '--json');
};
const verified = (service: Service, ...words: string[]): Promise<Finished> =>
  service.keyhole('journal', 'verify', service.journal, '--json', ...words);

describe('signatures', () => {
  test('ssh-keygen and a verifier that knows nothing of us agree with ours', async () => {
    const service = await start();
    expect((await service.keyhole('eval', 'svc', '1 + 1')).code).toBe(0);
    expect((await push(service, 2)).code).toBe(0);
    const entries = await log(service);
    const evaluation = entries.find((entry) => entry.kind === 'eval' && entry.phase === 'intent')?.seq ?? 0;
    const patch = entries.find((entry) => entry.kind === 'patch' && entry.phase === 'intent')?.seq ?? 0;
    for (const [seq, offline] of [
      [evaluation, false],
      [patch, false],
      [evaluation, true],
    ] as const) {
      const out = path.join(newFolder(), 'sig');
      const shown = await service.keyhole('journal', 'show', offline ? service.journal : 'svc', String(seq), '--sig', '-o', out, '--json');
      const { verify, files } = shown.json() as { verify: string[]; files: string[] };
      expect(files.map((file) => path.basename(file)).slice(0, 3)).toEqual(['allowed_signers', 'request', 'request.sig']);
      // The operator's own key signs a patch; an evaluation is signed by the session's, which the operator's has named.
      expect(verify).toHaveLength(seq === patch ? 1 : 3);
      for (const command of verify) run(out, 'sh', '-c', command);
      expect(readFileSync(path.join(out, 'request'), 'utf8')).toContain(seq === patch ? '"reason":"because"' : '"expression":"1 + 1"');
      writeFileSync(path.join(out, 'request'), readFileSync(path.join(out, 'request'), 'utf8').replace('"v":1', '"v":2'));
      expect(() => run(out, 'sh', '-c', verify.at(-1) ?? '')).toThrow('Signature verification failed');
    }
    expect((await service.keyhole('journal', 'show', 'svc', String(patch), '--json')).json()).toMatchObject({
      seq: patch,
      op: 'patch.apply',
      operator: 'alice',
    });
    expect((await service.keyhole('journal', 'show', 'svc', '1', '--sig', '--json')).json()).toMatchObject({ error: { code: 'NOT_FOUND' } });
    expect((await service.keyhole('journal', 'show', 'svc', '99999', '--json')).json()).toMatchObject({ error: { code: 'NOT_FOUND' } });
    const report = (await service.keyhole('journal', 'verify', 'svc', '--json')).json();
    expect(report).toMatchObject({ ok: true, signatures: { unsigned: 0, redacted: 0, operators: [{ operator: 'alice' }] } });
    service.kill();
    await service.ended;
    const { entries: count, head } = (await verified(service)).json() as { entries: number; head: string };
    expect(execFileSync(process.execPath, [secondVerifier, service.journal, `${count}:${head}`], { encoding: 'utf8' })).toBe(
      `ok: ${count} entries, head ${count}:${head}\n`,
    );
    const file = path.join(service.journal, '00000001.ndjson');
    writeFileSync(file, readFileSync(file, 'utf8').replace('1 + 1', '1 + 2'));
    expect(spawnSync(process.execPath, [secondVerifier, service.journal], { encoding: 'utf8' })).toMatchObject({
      status: 1,
      stdout: expect.stringContaining('crc'),
    });
  });

  test('results are not stored, only their type and size', async () => {
    const service = await start();
    await service.keyhole('eval', 'svc', "'very' + 'secret'");
    const outcome = (await log(service)).find((entry) => entry.kind === 'eval' && entry.phase === 'outcome');
    expect(outcome?.result).toEqual({ ok: true, type: 'string', bytes: expect.any(Number) });
    expect(readFileSync(path.join(service.journal, '00000001.ndjson'), 'utf8')).not.toContain('verysecret');
  });
});

describe('log', () => {
  test('filters by operator, address, kind and time', async () => {
    const service = await start();
    await service.keyhole('eval', 'svc', '1');
    await push(service, 2);
    const kinds = async (...words: string[]): Promise<string[]> => [...new Set((await log(service, ...words)).map((entry) => entry.kind))];
    expect(await kinds('--kind', 'eval')).toEqual(['eval']);
    expect(await kinds('--address', 'main.js:price')).toEqual(['patch']);
    expect(await kinds('--address', 'other.js')).toEqual([]);
    expect(await kinds('--operator', 'alice')).toEqual(expect.arrayContaining(['session', 'patch', 'eval']));
    expect(await kinds('--operator', 'bob')).toEqual([]);
    expect(await kinds('--since', '1h', '--kind', 'start')).toEqual(['start']);
    expect(await kinds('--until', '1h')).toEqual([]);
    expect((await service.keyhole('log', 'svc', '--since', 'yesterday')).code).toBe(2);
  });
});

describe('the witness', () => {
  test('a journal that was cut while nobody looked is reported by the next console that knew better', async () => {
    const state = newFolder();
    const first = await start();
    const asked = (service: Service, ...words: string[]): Promise<Finished> =>
      runHere(words, { env: { ...service.env, XDG_STATE_HOME: state }, cwd: service.folder });
    for (let index = 0; index < 3; index += 1) expect((await asked(first, 'eval', 'svc', String(index))).code).toBe(0);
    first.kill();
    await first.ended;
    const { entries, head } = (await verified(first)).json() as { entries: number; head: string };
    const file = path.join(first.journal, '00000001.ndjson');
    const lines = readFileSync(file, 'utf8').split('\n');
    writeFileSync(file, `${lines.slice(0, 6).join('\n')}\n`);
    expect((await verified(first)).code).toBe(0);
    const against = (await verified(first, '--against', `${entries}:${head}`)) satisfies Finished;
    expect([against.code, against.json()]).toMatchObject([
      5,
      { ok: false, firstBroken: { why: expect.stringContaining('cut, rolled back or replaced') } },
    ]);
    expect((await verified(first, '--against', 'nothing')).code).toBe(2);

    const second = await start({ environment: { KEYHOLE_JOURNAL_DIR: first.journal } });
    const looked = await asked(second, 'actors', 'svc');
    expect([looked.code, looked.stderr]).toEqual([0, expect.stringContaining('WAS CUT, ROLLED BACK OR REPLACED: this console saw entry')]);
    expect((await asked(second, 'eval', 'svc', '1')).code).toBe(5);
    // Reverting goes on, and tells the service what the console knows: it is in the journal from now on.
    expect((await asked(second, 'revert', 'svc', '--all', '--reason', 'x')).code).toBe(0);
    await vi.waitFor(() => expect(second.stderr()).toContain('the journal was cut, rolled back or replaced: alice has seen entry'));
    expect((await asked(second, 'log', 'svc', '--kind', 'witness', '--json')).json()).toMatchObject([
      { operator: 'alice', known: { seq: expect.any(Number) } },
    ]);
    expect((await asked(second, 'journal', 'verify', 'svc')).code).toBe(5);
    expect((await asked(second, 'journal', 'trust', 'svc', '--json')).json()).toMatchObject({ ok: true, doubted: true });
    const after = await asked(second, 'eval', 'svc', '1');
    expect([after.code, after.stderr]).toEqual([0, '']);
    // Somebody who never saw the old journal has nothing to say.
    expect((await second.keyhole('eval', 'svc', '1')).code).toBe(0);
  });
});

/** What has to hold when the journal can not be written; then the cause is taken away. */
async function failsClosedAndHeals(service: Service, mendCause: () => void): Promise<void> {
  const asked = await service.keyhole('eval', 'svc', 'globalThis.ran = true');
  expect([asked.code, asked.stderr]).toEqual([5, expect.stringContaining('the journal can not be written')]);
  expect(await service.ask('x')).toBe('1');
  expect((await service.keyhole('inspect', 'svc', 'process.version')).code).toBe(0);
  expect((await push(service, 5)).json()).toMatchObject({ ok: false, error: { code: 'JOURNAL' } });
  expect(await service.ask('x')).toBe('1');
  expect(service.stderr()).toContain('the journal can not be written');
  mendCause();
  await vi.waitFor(
    async () =>
      expect((await service.keyhole('eval', 'svc', 'typeof ran', '--json')).json()).toMatchObject({ preview: expect.stringContaining('undefined') }),
    {
      timeout: 20_000,
    },
  );
  expect((await push(service, 6)).code).toBe(0);
  expect(await service.ask('x')).toBe('6');
  const report = await verified(service);
  expect([report.code, report.json()]).toMatchObject([0, { ok: true }]);
  const entries = await log(service);
  const intents = entries.filter((entry) => entry.phase === 'intent').map((entry) => entry.seq);
  const outcomes = entries.filter((entry) => entry.phase === 'outcome').map((entry) => entry.intent);
  expect(intents.filter((seq) => !outcomes.includes(seq))).toEqual([]);
  expect(entries.filter((entry) => entry.kind === 'patch' && entry.status === 'done')).toHaveLength(1);
}

function mounted(size: string): string | null {
  const folder = newFolder();
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]).status === 0 ? folder : null;
}
const mounts: string[] = [];
afterAll(() => {
  for (const folder of mounts) spawnSync('umount', ['-l', folder]);
});

describe('a disk that fails', () => {
  const probe = mounted('64k');
  if (probe !== null) spawnSync('umount', [probe]);
  const canMount = probe !== null;

  test.skipIf(!canMount)('a tmpfs, filled to the last byte (skipped where nothing may be mounted)', async () => {
    const folder = mounted('256k') ?? '';
    mounts.push(folder);
    const service = await start({ environment: { KEYHOLE_JOURNAL_DIR: path.join(folder, 'journal') } });
    expect((await service.keyhole('eval', 'svc', '1')).code).toBe(0);
    const filler = path.join(folder, 'filler');
    spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1', 'count=1']);
    spawnSync('sh', ['-c', `cat /dev/zero >> '${filler}'`]);
    // The page that the segment has already still takes some lines.
    await vi.waitFor(async () => expect((await service.keyhole('eval', 'svc', `'${'x'.repeat(3_000)}'`)).code).toBe(5), { timeout: 20_000 });
    await failsClosedAndHeals({ ...service, journal: path.join(folder, 'journal') }, () => rmSync(filler));
    service.kill();
    await service.ended;
  });

  test.skipIf(!canMount)('a file system that becomes read-only (skipped where nothing may be mounted)', async () => {
    const folder = mounted('1m') ?? '';
    mounts.push(folder);
    const files = { 'main.js': main, 'keyhole.config.json': JSON.stringify({ journal: { maxSegmentBytes: 4_096 } }) };
    const service = await start({ files, environment: { KEYHOLE_JOURNAL_DIR: path.join(folder, 'journal') } });
    expect((await service.keyhole('eval', 'svc', '1')).code).toBe(0);
    // Linux does not remount what is open for writing. A bind mount over the place does not ask: the open segment goes on, and the next one meets it.
    run(folder, 'mount', '--bind', folder, folder);
    mounts.push(folder);
    run('/', 'mount', '-o', 'remount,ro,bind', folder);
    await vi.waitFor(async () => expect((await service.keyhole('eval', 'svc', '1')).code).toBe(5), { timeout: 20_000 });
    await failsClosedAndHeals({ ...service, journal: path.join(folder, 'journal') }, () => run('/', 'mount', '-o', 'remount,rw,bind', folder));
    service.kill();
    await service.ended;
  });

  const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0;
  test.skipIf(!hasPrlimit)('a limit on the size of files (RLIMIT_FSIZE; skipped without prlimit)', async () => {
    const service = await start();
    expect((await service.keyhole('eval', 'svc', '1')).code).toBe(0);
    const limit = (bytes: string): void => void execFileSync('prlimit', ['--pid', String(service.pid), `--fsize=${bytes}:`]);
    // Less than a line: a new segment has no more room than the old one.
    limit('100');
    await failsClosedAndHeals(service, () => limit('unlimited'));
  });

  test('the directory removed, and the directory moved away', async () => {
    const service = await start();
    expect((await service.keyhole('eval', 'svc', '1')).code).toBe(0);
    rmSync(service.journal, { recursive: true });
    const block = (): void => writeFileSync(service.journal, 'in the way');
    block();
    await failsClosedAndHeals(service, () => rmSync(service.journal));
    renameSync(service.journal, `${service.journal}.away`);
    writeFileSync(service.journal, 'in the way');
    expect((await service.keyhole('eval', 'svc', '1')).code).toBe(5);
    rmSync(service.journal);
    await vi.waitFor(async () => expect((await service.keyhole('eval', 'svc', '1')).code).toBe(0), { timeout: 20_000 });
  });

  test('reverting waits for no disk, and is written down when there is one again', async () => {
    const service = await start();
    expect((await push(service, 2)).code).toBe(0);
    expect(await service.ask('x')).toBe('2');
    rmSync(service.journal, { recursive: true });
    writeFileSync(service.journal, 'in the way');
    const reverted = await service.keyhole('revert', 'svc', '--all', '--reason', 'enough', '--json');
    expect([reverted.code, reverted.json()]).toMatchObject([0, { ok: true }]);
    expect(await service.ask('x')).toBe('1');
    rmSync(service.journal);
    await vi.waitFor(
      async () => expect(await log(service, '--kind', 'revert')).toMatchObject([{ phase: 'late', status: 'done', request: { reason: 'enough' } }]),
      {
        timeout: 20_000,
      },
    );
    expect((await verified(service)).code).toBe(0);
  });

  test('the prompt says so', async () => {
    const folder = newFolder();
    writeFileSync(path.join(folder, 'file'), '');
    const service = await start({ environment: { KEYHOLE_JOURNAL_DIR: path.join(folder, 'file', 'journal') } });
    const terminal = openPseudoTerminal([process.execPath, consoleProgram, 'attach', 'svc'], service.env, service.folder);
    try {
      await terminal.see(/\(journal not writable\)> /);
      rmSync(path.join(folder, 'file'));
      await vi.waitFor(async () => expect((await service.keyhole('eval', 'svc', '1')).code).toBe(0), { timeout: 20_000 });
      terminal.type('1+1\r');
      await terminal.see(/2[^]*svc#\d+> /);
      terminal.type('.exit\r');
      await terminal.ended;
    } finally {
      terminal.kill();
    }
  });
});

describe('sinks', () => {
  let server: Server | null = null;
  afterAll(() => server?.close());

  test('a file and an HTTP server get every entry, the output the head; one that is down delays nothing', async () => {
    const received: string[] = [];
    let status = 500;
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        if (status === 200) received.push(...body.trimEnd().split('\n'));
        response.writeHead(status).end();
      });
    });
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/journal`;
    const copy = path.join(newFolder(), 'copy.ndjson');
    const sinks = [{ type: 'stdout' }, { type: 'file', path: copy }, { type: 'http', url, headers: { authorization: 'Bearer x' } }];
    const service = await start({ files: { 'main.js': main, 'keyhole.config.json': JSON.stringify({ journal: { sinks } }) } });
    expect((await service.keyhole('eval', 'svc', '1')).code).toBe(0);
    const { connect } = await import('../../packages/console/dist/index.js');
    vi.stubEnv('XDG_RUNTIME_DIR', service.env.XDG_RUNTIME_DIR);
    const connection = await connect({ target: 'svc', env: service.env });
    vi.unstubAllEnvs();
    const state = async (): Promise<{ name: string; lag: number; why?: string }[]> => (await connection.call('info', {})).journal.sinks;
    await vi.waitFor(async () => {
      const [stdout, file, http] = await state();
      expect(stdout).toMatchObject({ name: 'stdout', lag: 0 });
      expect(file).toMatchObject({ lag: 0 });
      expect(http).toMatchObject({ why: 'it answers 500', lag: expect.any(Number) });
      expect(http?.lag).toBeGreaterThan(3);
    });
    status = 200;
    await vi.waitFor(async () => expect((await state()).map((sink) => sink.lag)).toEqual([0, 0, 0]), { timeout: 20_000 });
    connection.close();
    await vi.waitFor(() => expect(service.stdout()).toMatch(/keyhole: journal of svc: entry \d+ [0-9a-f]{64}\n/), 20_000);
    await vi.waitFor(() => {
      const journal = readFileSync(path.join(service.journal, '00000001.ndjson'), 'utf8');
      expect(readFileSync(copy, 'utf8')).toBe(journal);
      expect(received.join('\n')).toBe(journal.trimEnd());
    });
  });

  test('a file sink goes on after what it has, and one that can not be written only lags', async () => {
    const folder = newFolder();
    const copy = path.join(folder, 'copy.ndjson');
    const pipe = path.join(folder, 'pipe');
    run(folder, 'mkfifo', pipe);
    const sinks = [
      { type: 'file', path: copy },
      { type: 'file', path: pipe },
      { type: 'file', path: folder },
    ];
    const files = { 'main.js': main, 'keyhole.config.json': JSON.stringify({ journal: { sinks } }) };
    const first = await start({ files });
    expect((await first.keyhole('eval', 'svc', '1')).code).toBe(0);
    first.kill();
    await first.ended;
    const second = await start({ files, environment: { KEYHOLE_JOURNAL_DIR: first.journal } });
    expect((await second.keyhole('eval', 'svc', '1')).code).toBe(0);
    await vi.waitFor(() => expect(readFileSync(copy, 'utf8')).toBe(readFileSync(path.join(first.journal, '00000001.ndjson'), 'utf8')));
    expect(readdirSync(folder).sort()).toEqual(['copy.ndjson', 'pipe']);
  });
});

describe('redaction', () => {
  test('what is cut out is not in the journal, and the signature still counts', async () => {
    const files = {
      'main.js': main,
      'keyhole.config.json': JSON.stringify({ journal: { redact: { patterns: ['ticket-\\d+'] } } }),
    };
    const service = await start({ files });
    const file = path.join(service.folder, 'main.js');
    writeFileSync(file, readFileSync(file, 'utf8').replace('return 1;', 'return 2;'));
    expect((await service.keyhole('push', 'svc', 'main.js', '--reason', 'see ticket-47110815471108154711')).code).toBe(0);
    const journal = readFileSync(path.join(service.journal, '00000001.ndjson'), 'utf8');
    expect(journal).toContain('see [redacted]');
    expect(journal).not.toContain('47110815');
    expect((await verified(service)).json()).toMatchObject({ ok: true, signatures: { redacted: 1 } });
    expect(execFileSync(process.execPath, [secondVerifier, service.journal], { encoding: 'utf8' })).toMatch(/^ok: /);
    const patch = (await log(service)).find((entry) => entry.kind === 'patch' && entry.phase === 'intent')?.seq;
    expect((await service.keyhole('journal', 'show', 'svc', String(patch), '--sig')).stderr).toContain('was redacted');
  });

  test('a function that can not be loaded: every change is refused', async () => {
    const files = { 'main.js': main, 'keyhole.config.json': JSON.stringify({ journal: { redact: { module: './nowhere.mjs' } } }) };
    const service = await start({ files });
    expect(service.stderr()).toContain('what redacts it could not be loaded');
    expect((await service.keyhole('eval', 'svc', '1')).code).toBe(5);
    expect(await service.ask('x')).toBe('1');
  });
});

test('a second agent on the same directory writes to one of its own', async () => {
  const first = await start();
  const second = await start({ environment: { KEYHOLE_JOURNAL_DIR: first.journal } });
  await Promise.all([first.keyhole('eval', 'svc', '1'), second.keyhole('eval', 'svc', '2')]);
  mkdirSync(path.join(first.journal, 'looked'));
  for (const dir of [first.journal, path.join(first.journal, 'agent-2')]) {
    expect((await first.keyhole('journal', 'verify', dir, '--json')).json()).toMatchObject({ ok: true, signatures: { checked: 1 } });
  }
});
