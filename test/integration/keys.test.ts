/** Every kind of key at the door of a real service; and keys that change while their owner is inside. */
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import * as path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { authMessage, authNamespace, encodeFrame } from '../../packages/agent/dist/protocol/index.js';
import { certify, keyFile, softwareToken, type SigningTool } from '../helpers/keys.ts';
import { runConsole } from '../helpers/console-process.ts';
import { answering, newFolder, startService, type Service } from '../helpers/service.ts';
import { greeted, type Frame, type Street } from '../helpers/street.ts';

const secondVerifier = path.resolve(import.meta.dirname, '../../examples/verify-journal/verify-journal.mjs');
let service: Service;
let home: string;
let socketPath: string;
let operators: string;
const folder = newFolder();
const ecdsa = keyFile(folder, 'ecdsa', 'ecdsa');
const user = keyFile(folder, 'user', 'ed25519');
const authority = keyFile(folder, 'authority', 'ed25519');
const token = softwareToken('ed25519');
const tokenP256 = softwareToken('p256');
const untouched = softwareToken('ed25519', { touch: false });
const noPin = softwareToken('p256');
const pin = softwareToken('p256', { verify: true });
const elsewhere = softwareToken('ed25519');
const expired = softwareToken('ed25519');

/** Written as an editor writes: the whole file at once. */
function writeOperators(...lines: string[]): void {
  writeFileSync(`${operators}.new`, `${lines.join('\n')}\n`, { mode: 0o600 });
  spawnSync('mv', [`${operators}.new`, operators]);
}

beforeAll(async () => {
  service = await startService({ files: { 'main.js': `const answer = () => 'here';${answering}` }, main: 'main.js' });
  home = path.dirname(service.folder);
  socketPath = path.join(home, 'run/keyhole', `svc.${service.pid}.sock`);
  operators = path.join(home, 'operators');
  writeOperators(
    readFileSync(operators, 'utf8').trim(),
    `name="ec",roles="patch" ${ecdsa.publicKey}`,
    `name="token",roles="eval" ${token.publicKey}`,
    `name="p256",roles="eval" ${tokenP256.publicKey}`,
    `name="untouched",roles="eval" ${untouched.publicKey}`,
    `name="no pin",roles="eval",verify-required ${noPin.publicKey}`,
    `name="pin",roles="eval",verify-required ${pin.publicKey}`,
    `name="elsewhere",roles="eval",from="10.0.0.0/8" ${elsewhere.publicKey}`,
    `name="expired",roles="eval",expiry-time="20200101Z" ${expired.publicKey}`,
    `cert-authority,principals="carol",roles="eval",from="local" ${authority.publicKey}`,
  );
});

async function attach({ publicKey, sign }: SigningTool, certificate?: string): Promise<Street> {
  const { at, transcript } = await greeted(socketPath);
  const keys = { publicKey, ...(certificate !== undefined && { certificate }) };
  at.send(encodeFrame({ t: 'auth', ...keys, signature: sign(authNamespace, authMessage(transcript, keys)) }));
  return at;
}

describe('lets in', () => {
  test.each<[string, SigningTool]>([
    ['ec', ecdsa],
    ['token', token],
    ['p256', tokenP256],
    ['pin', pin],
  ])('%s', async (name, tool) => {
    const at = await attach(tool);
    expect(await at.next()).toMatchObject({ t: 'welcome', operator: { name } });
    at.close();
  });

  test('whoever an authority certifies', async () => {
    const { line } = certify(authority.file, user.file, '-n', 'carol');
    const at = await attach(user, line);
    expect(await at.next()).toMatchObject({ t: 'welcome', operator: { name: 'carol' } });
    at.close();
  });

  test('nobody else, with one answer', async () => {
    const stranger = keyFile(newFolder(), 'stranger', 'ed25519');
    const { line } = certify(stranger.file, stranger.file, '-n', 'carol');
    const mallory = certify(authority.file, keyFile(newFolder(), 'm', 'ed25519').file, '-n', 'mallory').line;
    const answers: (Frame | null)[] = [];
    for (const [tool, certificate] of [
      [untouched],
      [noPin],
      [elsewhere],
      [expired],
      [user],
      [stranger, line],
      [user, mallory],
      [stranger, 'x'],
    ] as const) {
      const at = await attach(tool, certificate);
      answers.push(await at.next());
      expect(await at.next()).toBeNull();
    }
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject({ t: 'error', error: { code: 'NOT_ALLOWED', message: 'this key is not allowed here' } });
  });
});

describe('the console', () => {
  test('takes an ECDSA key, and signs a change with it that both verifiers accept', async () => {
    const evaluated = await service.keyhole('eval', 'svc', '6*7', '--json', '--identity', ecdsa.file);
    expect(evaluated.json()).toMatchObject({ ok: true, preview: '42' });
    const verified = await service.keyhole('journal', 'verify', service.journal, '--json');
    expect(verified.json()).toMatchObject({
      ok: true,
      signatures: { operators: expect.arrayContaining([{ operator: 'ec', fingerprint: expect.any(String) as string }]) as object },
    });
    const second = spawnSync(process.execPath, [secondVerifier, service.journal], { encoding: 'utf8' });
    expect(second.stdout).toMatch(/^ok: \d+ entries/);
  });

  test('takes the certificate beside a key', async () => {
    certify(authority.file, user.file, '-n', 'carol');
    const { code, stdout } = await service.keyhole('doctor', 'svc', '--json', '--identity', user.file);
    expect([code, stdout]).toEqual([0, expect.stringContaining('carol')]);
    rmSync(`${user.file}-cert.pub`);
    expect(await service.keyhole('doctor', 'svc', '--identity', user.file)).toMatchObject({ code: 4 });
  });

  test('takes the key that ssh would take: IdentityFile of the host keyhole, and IdentitiesOnly', async () => {
    const ssh = path.join(home, '.ssh');
    mkdirSync(ssh, { mode: 0o700 });
    copyFileSync(ecdsa.file, path.join(ssh, 'work_key'));
    chmodSync(path.join(ssh, 'work_key'), 0o600);
    const { KEYHOLE_IDENTITY: _, ...env } = service.env;
    const asked = async (config: string): Promise<string> => {
      writeFileSync(path.join(ssh, 'config'), config, { mode: 0o600 });
      const { stdout, stderr } = await runConsole(['doctor', 'svc', '--json'], { env, cwd: service.folder });
      return stdout + stderr;
    };
    expect(await asked('Host keyhole\n  IdentityFile ~/.ssh/work_key\n  IdentitiesOnly yes\n')).toContain('ec, SHA256');
    expect(await asked('Host other\n  IdentityFile ~/.ssh/work_key\n')).toContain('there is no key to prove who you are');
  });
});

describe('a key that changes while its owner is inside', () => {
  const inside = async (name: string, line: (key: string) => string): Promise<{ at: Street; others: string; key: string }> => {
    const tool = softwareToken('ed25519');
    const others = readFileSync(operators, 'utf8').trim();
    writeOperators(others, line(tool.publicKey));
    const at = await attach(tool);
    expect(await at.next()).toMatchObject({ t: 'welcome', operator: { name } });
    return { at, others, key: tool.publicKey };
  };
  const evaluateWorks = async (at: Street, id: number): Promise<unknown> => {
    at.send(encodeFrame({ t: 'req', id, op: 'fn.list', params: { prefix: '' } }));
    return at.next();
  };

  test('taken out: the line is cut within a second', async () => {
    const { at, others } = await inside('dave', (key) => `name="dave",roles="eval" ${key}`);
    const before = performance.now();
    writeOperators(others);
    expect(await at.next()).toMatchObject({ t: 'error', error: { code: 'NOT_ALLOWED', message: 'your key is not allowed here any more' } });
    expect(await at.next()).toBeNull();
    // On a machine that has nothing else to do it is 0.4 s at most; the bound of the promise would make a test that fails of load.
    expect(performance.now() - before).toBeLessThan(10_000);
  });

  test('fewer roles: they hold from the next request on', async () => {
    const { at, others, key } = await inside('erin', (line) => `name="erin",roles="view" ${line}`);
    expect(await evaluateWorks(at, 1)).toMatchObject({ t: 'res', ok: true });
    writeOperators(others, `name="erin" ${key}`);
    for (let id = 2; ; id += 1) {
      const answer = (await evaluateWorks(at, id)) as { ok: boolean; error?: { code: string } };
      if (answer.ok) continue;
      expect(answer.error?.code).toBe('NOT_ALLOWED');
      break;
    }
    at.close();
    writeOperators(others);
  });

  test('a broken file cuts nobody and lets nobody in; a file that is gone has nobody in it', async () => {
    const { at, others, key } = await inside('fay', (line) => `name="fay",roles="view" ${line}`);
    writeOperators(others, `name="fay",roles="view" ${key}`, 'nonsense');
    const refused = await attach(token);
    expect(await refused.next()).toMatchObject({ t: 'error', error: { code: 'NOT_ALLOWED' } });
    expect(await evaluateWorks(at, 1)).toMatchObject({ ok: true });
    rmSync(operators);
    expect(await at.next()).toMatchObject({ t: 'error' });
    writeOperators(others);
    expect(service.stderr()).toContain('nobody can attach');
  });

  test('expired: the line is cut', async () => {
    const soon = new Date(Date.now() + 3_000).toISOString().replace(/[-T:]|\.\d+/g, '');
    const { at, others } = await inside('gus', (key) => `name="gus",roles="view",expiry-time="${soon}" ${key}`);
    expect(await at.next()).toMatchObject({ t: 'error', error: { code: 'NOT_ALLOWED' } });
    writeOperators(others);
  });
});
