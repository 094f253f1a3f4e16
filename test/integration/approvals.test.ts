/** Four eyes: a patch waits for a second operator, who sees what is signed and signs exactly that. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { consoleProgram, runHere, type Finished } from '../helpers/console-process.ts';
import { keyFile } from '../helpers/keys.ts';
import { agentUrl, answering, editFile, journalOf, newFolder, run, startService, type Service } from '../helpers/service.ts';

let service: Service;
const bob = keyFile(newFolder(), 'bob', 'ed25519');
const alias = keyFile(newFolder(), 'alias', 'ed25519');
const patcher = keyFile(newFolder(), 'patcher', 'ed25519');

const main = `
import { startAgent } from '${agentUrl}';
export const price = (n) => n + 1;
const room = { price: 10, got: [], paused: false };
const agent = await startAgent();
agent.actors.register('room/lobby', room, {
  suspend: (each) => { each.paused = true; },
  resume: (each) => { each.paused = false; },
  isSuspended: (each) => each.paused,
  send: (each, message) => { each.got.push(message); },
});
const answer = (line) => line === 'bid' ? room.price += 1 : line === 'unbid' ? room.price -= 1 : line === 'room' ? [room.price, room.got.length, room.paused] : price(Number(line));
${answering}`;

beforeAll(async () => {
  service = await startService({
    files: {
      'main.js': main,
      'keyhole.config.json': '{"approvals":{"patch":1}}',
    },
    main: 'main.js',
    git: true,
  });
  const operators = path.join(path.dirname(service.folder), 'operators');
  writeFileSync(
    operators,
    [
      readFileSync(operators, 'utf8').trim().replace('roles="patch"', 'roles="patch,approve"'),
      `name="bob",roles="view,approve" ${bob.publicKey}`,
      `name="alice",roles="patch,approve" ${alias.publicKey}`,
      `name="carol",roles="patch" ${patcher.publicKey}`,
      '',
    ].join('\n'),
  );
});

interface Push {
  /** The id under which it waits, as the console says it. */
  waits: Promise<string>;
  done: Promise<Finished>;
  kill(): void;
}

function push(...words: string[]): Push {
  const child = spawn(process.execPath, [consoleProgram, 'push', 'svc', 'main.js', '--json', '--reason', 'R', ...words], {
    env: service.env,
    cwd: service.folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  const done = new Promise<Finished>((resolve) =>
    child.on('close', (code) => resolve({ code, stdout, stderr, json: () => JSON.parse(stdout) as unknown })),
  );
  const waits = new Promise<string>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      const id = /keyhole approve T (w[0-9a-f]{8})/.exec(stderr)?.[1];
      if (id !== undefined) resolve(id);
    });
    void done.then(() => reject(new Error(`it did not wait: ${stdout}${stderr}`)));
  });
  waits.catch(() => undefined);
  return { waits, done, kill: () => void child.kill('SIGKILL') };
}

const as = ({ file }: { file: string }, ...words: string[]): Promise<Finished> =>
  runHere([...words, '--identity', file], { env: service.env, cwd: service.folder });

test('a patch waits until another operator has approved it, and says so in journal and export', async () => {
  editFile(service, 'main.js', 'n + 1', 'n + 2');
  const pushed = push();
  const id = await pushed.waits;
  expect(await service.ask('1')).toBe('2');
  const listed = (await as(bob, 'approve', 'svc', '--json')).json() as { id: string; operator: string; expected: { strategy: string }[] }[];
  expect(listed).toMatchObject([{ id, operator: 'alice', needed: 1, reason: 'R', expected: [{ strategy: 'slots' }] }]);
  const sessions = (await as(bob, 'who', 'svc', '--json')).json();
  expect(sessions).toMatchObject([
    { operator: 'alice', from: 'local', you: false },
    { operator: 'bob', you: true },
  ]);

  // Its author can not, neither with another key of his, nor can somebody without the role.
  expect(await service.keyhole('approve', 'svc', id, '--yes')).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('can not approve it too') as string,
  });
  expect(await as(alias, 'approve', 'svc', id, '--yes')).toMatchObject({ code: 4 });
  expect(await as(patcher, 'approve', 'svc', id, '--yes')).toMatchObject({ code: 4, stderr: expect.stringContaining('it needs approve') as string });
  // Nobody is asked where nobody sits.
  expect(await as(bob, 'approve', 'svc', id)).toMatchObject({ code: 2 });
  expect(await service.ask('1')).toBe('2');

  const approved = await as(bob, 'approve', 'svc', id, '--yes', '--json');
  expect(approved.json()).toEqual({ ok: true, id, missing: 0 });
  expect(approved.stderr).toMatch(/-.*n \+ 1[^]*\+.*n \+ 2/);
  const done = await pushed.done;
  expect(done.json()).toMatchObject({ ok: true, patches: [{ verified: true }] });
  expect(await service.ask('1')).toBe('3');

  const entries = journalOf(service);
  const approval = entries.find((each) => each['kind'] === 'approve' && each['phase'] === 'intent' && each['operator'] === 'bob');
  expect(approval).toMatchObject({ request: { id }, signed: { signature: expect.any(String) as string } });
  const exported = await service.keyhole('export', 'svc');
  expect(exported.stdout).toMatch(new RegExp(`Keyhole-Approved-By: bob SHA256:\\S+ ${String(approval?.['seq'])}\n`));
  expect((await service.keyhole('journal', 'verify', service.journal, '--json')).json()).toMatchObject({ ok: true });
  // Undoing waits for nobody.
  expect((await service.keyhole('revert', 'svc', '--all', '--reason', 'R')).code).toBe(0);
  expect(await service.ask('1')).toBe('2');
  run(service.folder, 'git', 'checkout', '-q', 'main.js');
});

test('a shadow run does run code, so it waits too, and then its patch does', async () => {
  editFile(service, 'main.js', 'n + 1', 'n + 4');
  const shadowed = push('--shadow', '1', '--yes');
  const first = await shadowed.waits;
  expect((await as(bob, 'approve', 'svc', '--json')).json()).toMatchObject([{ id: first, what: ['shadow main.js:price'] }]);
  expect((await as(bob, 'approve', 'svc', first, '--yes')).stderr).toMatch(/a shadow run: the new code on copies of the next 1 calls[^]*\+.*n \+ 4/);
  // Its one call: the results differ, so nothing is applied.
  await vi.waitFor(async () => {
    expect(await service.ask('1')).toBe('2');
    expect(journalOf(service)).toContainEqual(expect.objectContaining({ kind: 'shadow', phase: 'outcome', status: 'done' }));
  }, 20_000);
  expect((await shadowed.done).json()).toMatchObject({ ok: false, shadow: { functions: [{ calls: 1, different: 1 }] } });
  run(service.folder, 'git', 'checkout', '-q', 'main.js');
});

test('what its author leaves is withdrawn', async () => {
  editFile(service, 'main.js', 'n + 1', 'n + 5');
  const pushed = push();
  const id = await pushed.waits;
  pushed.kill();
  await pushed.done;
  // The agent hears of the cut line a little later.
  while (((await as(bob, 'approve', 'svc', '--json')).json() as unknown[]).length > 0);
  expect(await as(bob, 'approve', 'svc', id, '--yes')).toMatchObject({ code: 1, stderr: expect.stringContaining('NOT_FOUND') as string });
  expect(await service.ask('1')).toBe('2');
  expect(journalOf(service)).toContainEqual(
    expect.objectContaining({
      kind: 'patch',
      phase: 'outcome',
      status: 'refused',
      error: expect.objectContaining({ code: 'NOT_APPROVED' }) as object,
    }),
  );
  run(service.folder, 'git', 'checkout', '-q', 'main.js');
});

test('what can not be done is refused before anybody looks at it; a dry run waits for nobody', async () => {
  editFile(service, 'main.js', 'n + 1', 'n + nowhere');
  expect(await push().done).toMatchObject({ code: 1, stdout: expect.stringContaining('nowhere') as string });
  run(service.folder, 'git', 'checkout', '-q', 'main.js');
  editFile(service, 'main.js', 'n + 1', 'n + 6');
  expect((await push('--dry-run').done).json()).toMatchObject({ ok: true, dryRun: true, patches: [{}] });
});

describe('what changes an actor', () => {
  interface Waits {
    id: string;
    what: string[];
  }
  const list = async (): Promise<Waits[]> => (await as(bob, 'approve', 'svc', '--json')).json() as Waits[];
  /** Begun, and not done before bob has approved it. */
  const approved = async (what: string, shown: RegExp, command: string, ...words: string[]): Promise<Finished> => {
    const before = await service.ask('room');
    const asked = service.keyhole(command, 'svc', 'room/lobby', ...words, '--reason', 'R', '--json');
    const { id } = await vi.waitFor(async () => {
      const [waiting] = await list();
      expect(waiting).toMatchObject({ what: [what], operator: 'alice', reason: 'R' });
      return waiting as Waits;
    }, 20_000);
    expect(await service.ask('room')).toBe(before);
    // Its author can not, nor can who has not the role; neither learns more of it than that it waits.
    expect(await service.keyhole('approve', 'svc', id, '--yes')).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('can not approve it') as string,
    });
    const other = await as(patcher, 'approve', 'svc', id, '--yes');
    expect(other).toMatchObject({ code: 4, stderr: expect.stringContaining('it needs approve') as string });
    expect(other.stderr).not.toMatch(shown);
    expect((await as(bob, 'approve', 'svc', id, '--yes')).stderr).toMatch(shown);
    return asked;
  };

  test('waits as a patch does, and says what it would do; an undo waits for nobody', async () => {
    const set = await approved('set room/lobby price', /set room\/lobby price: 10 -> 12/, 'set', 'price', '12');
    expect(set.json()).toMatchObject({ ok: true, before: 10, after: 12 });
    expect(await service.ask('room')).toBe('[12,0,false]');
    expect((await service.keyhole('revert', 'svc', (set.json() as { id: string }).id, '--reason', 'R')).code).toBe(0);
    expect(await service.ask('room')).toBe('[10,0,false]');
    await approved('send room/lobby', /send to room\/lobby: \{"bid":5\}/, 'send', '{"bid":5}');
    expect(await service.ask('room')).toBe('[10,1,false]');
    const suspended = await approved('suspend room/lobby', /suspend room\/lobby for 1m at most/, 'suspend');
    expect(await service.ask('room')).toBe('[10,1,true]');
    await approved('resume room/lobby', /resume room\/lobby/, 'resume');
    expect(await service.ask('room')).toBe('[10,1,false]');
    expect(suspended.json()).toMatchObject({ ok: true });
    const outcomes = journalOf(service).filter(({ kind, phase }) => kind === 'set' && phase === 'outcome');
    expect(outcomes.map(({ status }) => status)).toEqual(['done', 'done', 'done', 'done', 'done']);
  });

  test('what was changed while it waited is not overwritten', async () => {
    const asked = service.keyhole('set', 'svc', 'room/lobby', 'price', '12', '--reason', 'R', '--json');
    const { id } = await vi.waitFor(async () => {
      const [waiting] = await list();
      expect(waiting).toBeDefined();
      return waiting as Waits;
    }, 20_000);
    await service.ask('bid');
    expect((await as(bob, 'approve', 'svc', id, '--yes')).code).toBe(0);
    expect((await asked).json()).toMatchObject({
      error: { code: 'NOT_PATCHABLE', message: expect.stringContaining('it was 10, and is 11') as string },
    });
    expect(await service.ask('room')).toBe('[11,1,false]');
    await service.ask('unbid');
  });

  test('what can not be done is refused before anybody looks at it', async () => {
    expect((await service.keyhole('set', 'svc', 'room/lobby', 'price', '"12"', '--reason', 'R', '--json')).json()).toMatchObject({
      error: { code: 'NOT_PATCHABLE' },
    });
    expect((await service.keyhole('resume', 'svc', 'room/lobby', '--reason', 'R', '--json')).json()).toMatchObject({
      error: { code: 'NOT_PATCHABLE' },
    });
    expect((await service.keyhole('send', 'svc', 'room/lobby', '{bid}', '--reason', 'R', '--json')).json()).toMatchObject({
      error: { code: 'BAD_REQUEST' },
    });
    expect(await list()).toEqual([]);
  });

  test('--break-glass does not wait, and the journal says so', async () => {
    expect((await service.keyhole('send', 'svc', 'room/lobby', '1', '--reason', 'R', '--break-glass')).code).toBe(0);
    expect(await service.ask('room')).toBe('[10,2,false]');
    expect((await service.keyhole('journal', 'show', 'svc')).stdout + (await service.keyhole('log', 'svc')).stdout).toMatch(
      /WITHOUT APPROVAL|Without approval/,
    );
  });
});

test('glass is broken loudly: everybody who is attached hears it, journal and export are marked', async () => {
  const attached = spawn(process.execPath, [consoleProgram, 'attach', 'svc', '--identity', bob.file], {
    env: service.env,
    cwd: service.folder,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let heard = '';
  const hears = (what: string): Promise<void> =>
    new Promise((resolve) => {
      const look = (chunk: Buffer): void => {
        heard += chunk.toString();
        if (heard.includes(what)) resolve();
      };
      attached.stdout.on('data', look);
      attached.stderr.on('data', look);
    });
  attached.stdin.write('.who\n');
  await hears('bob');
  const loud = hears('WITHOUT THE APPROVAL');
  expect((await push('--break-glass').done).json()).toMatchObject({ ok: true });
  await loud;
  attached.stdin.end();
  expect(await service.ask('1')).toBe('7');
  expect((await service.keyhole('log', 'svc')).stdout).toContain('Without approval');
  expect((await service.keyhole('export', 'svc')).stdout).toContain('\nKeyhole-Break-Glass: nobody approved it\n');
});

test('who approved a patch, and that nobody did, goes home with it when its process has ended; that it was taken is journaled', async () => {
  const done = journalOf(service).filter((entry) => entry['kind'] === 'patch' && entry['phase'] === 'outcome' && entry['status'] === 'done');
  const ids = done.map((entry) => (entry['result'] as { patches: { id: string }[] }).patches[0]?.id ?? '');
  const [approved = '', broken = ''] = [ids[0], ids.at(-1)];
  expect(approved).not.toBe(broken);
  service.kill();
  await service.ended;
  run(service.folder, 'git', 'checkout', '-q', 'main.js');
  service = await startService({ files: {}, main: 'main.js', again: service });
  expect(await service.ask('1')).toBe('2');
  const first = await service.keyhole('export', 'svc', approved);
  expect(first.stdout).toMatch(/\nKeyhole-Approved-By: bob SHA256:\S+ \d+\n/);
  expect(first.stdout).not.toContain('Break-Glass');
  const second = await service.keyhole('export', 'svc', broken);
  expect(second.stdout).toContain('\nKeyhole-Break-Glass: nobody approved it\n');
  expect(second.stdout).not.toContain('Approved-By');
  const exports = journalOf(service).filter((entry) => entry['kind'] === 'export');
  expect(exports.slice(-2)).toMatchObject([
    { phase: 'intent', operator: 'alice', request: { ids: [], past: [broken] } },
    { phase: 'outcome', status: 'done', result: { patches: [broken] } },
  ]);
  expect((await service.keyhole('export', 'svc', 'p99')).code).not.toBe(0);
  expect((await service.keyhole('journal', 'verify', service.journal)).code).toBe(0);
});

test('a policy narrows what roles allow, and what it refuses is journaled', async () => {
  const policy = path.join(path.dirname(service.folder), 'policy.json');
  writeFileSync(policy, '{"rules":[{"for":["patch"],"reason":"^OPS-"}]}', { mode: 0o600 });
  const narrow = await startService({
    files: { 'main.js': `export const price = (n) => n + 1;\nconst answer = (n) => price(Number(n));${answering}` },
    main: 'main.js',
    environment: { KEYHOLE_POLICY: policy },
  });
  editFile(narrow, 'main.js', 'n + 1', 'n + 2');
  const refused = await narrow.keyhole('push', 'svc', 'main.js', '--reason', 'because');
  expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining('rule 1 of the policy: the reason does not match ^OPS-')]);
  expect(await narrow.ask('1')).toBe('2');
  // The answer does not wait for it.
  await vi.waitFor(() =>
    expect(journalOf(narrow)).toContainEqual(expect.objectContaining({ kind: 'refusal', op: 'patch.apply', operator: 'alice' })),
  );
  expect((await narrow.keyhole('push', 'svc', 'main.js', '--reason', 'OPS-1')).code).toBe(0);
  expect(await narrow.ask('1')).toBe('3');
});
