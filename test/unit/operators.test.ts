/** Who may come in: the file of operators, and the signatures that prove a key. */
import { spawnSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseOperators, readOperators } from '../../packages/agent/dist/server/operators.js';
import { fingerprintOf, rawKey, verifySignature } from '../../packages/agent/dist/journal/sshsig.js';
import { armoredSignature, publicKeyLine } from '../../packages/console/dist/client/ssh-wire.js';
import { newFolder, newKey } from '../helpers/service.ts';

const { privateKey } = generateKeyPairSync('ed25519');
const key = publicKeyLine(privateKey);

describe('a line', () => {
  const accepted: [string, object][] = [
    [
      `name="alice",roles="patch",email="a@b.c" ${key} alice@laptop`,
      { name: 'alice', email: 'a@b.c', capabilities: ['view', 'inspect', 'trace', 'eval', 'patch'] },
    ],
    [`roles="view" ${key} bob@example.com`, { name: 'bob', email: 'bob@example.com', capabilities: ['view'] }],
    [`roles="inspect,approve" ${key}`, { capabilities: ['view', 'inspect', 'approve'] }],
    [`${key} carol`, { name: 'carol', email: 'carol@keyhole.invalid', capabilities: [] }],
    [`name="say \\"hi\\", all" ${key}`, { refused: true }],
    [`name="Zoë Müller",roles="admin" ${key}`, { name: 'Zoë Müller', email: 'Zo--M-ller@keyhole.invalid' }],
  ];
  for (const [line, operator] of accepted.filter(([, each]) => !('refused' in each))) {
    test(line.replace(key, 'KEY'), () => expect(parseOperators(`# comment\n\n${line}\n`)).toMatchObject([operator]));
  }
  const refused: string[] = [
    `from="10.0.0.0/8" ${key}`,
    `restrict ${key}`,
    `name="a",name="b" ${key}`,
    `name="a ${key}`,
    `name="a"${key}`,
    `roles="root" ${key}`,
    `name="<x>" ${key}`,
    `email="nobody" ${key}`,
    'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAB',
    'ssh-ed25519 AAAA',
    'ssh-ed25519',
    key.slice(0, -4),
  ];
  for (const line of refused) {
    test(`refused, and the whole file with it: ${line.replace(key, 'KEY')}`, () =>
      expect(() => parseOperators(`${key} ok\n${line}\n`)).toThrow(/^line 2: /));
  }
});

test('a file that others may write to is refused', () => {
  const file = path.join(newFolder(), 'operators');
  writeFileSync(file, `${key}\n`);
  chmodSync(file, 0o620);
  expect(() => readOperators({ file })).toThrow(/others may write/);
  chmodSync(file, 0o600);
  expect(readOperators({ file })).toHaveLength(1);
});

describe('a signature', () => {
  const folder = newFolder();
  const { file, publicKey } = newKey(folder, 'signer');
  const byOpenSsh = (namespace: string, message: string): string =>
    spawnSync('ssh-keygen', ['-Y', 'sign', '-n', namespace, '-f', file], { input: message }).stdout.toString();

  test('of OpenSSH and of the console verify; fingerprints are OpenSSH’s', () => {
    expect(verifySignature(byOpenSsh('n', 'message'), publicKey, 'n', 'message')).toBe(true);
    expect(verifySignature(armoredSignature(privateKey, 'n', 'message'), key, 'n', 'message')).toBe(true);
    const shown = spawnSync('ssh-keygen', ['-lf', `${file}.pub`]).stdout.toString();
    expect(shown).toContain(fingerprintOf(publicKey));
  });

  test('of another message, namespace or key does not', () => {
    const signature = byOpenSsh('n', 'message');
    expect(verifySignature(signature, publicKey, 'n', 'massage')).toBe(false);
    expect(verifySignature(signature, publicKey, 'm', 'message')).toBe(false);
    expect(verifySignature(signature, key, 'n', 'message')).toBe(false);
    expect(verifySignature('', publicKey, 'n', 'message')).toBe(false);
  });

  test('with any bit flipped, or a byte more, does not', () => {
    const armored = armoredSignature(createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' })), 'n', 'message');
    const blob = Buffer.from(armored.split('\n').slice(1, -2).join(''), 'base64');
    const armor = (bytes: Buffer): string => `-----BEGIN SSH SIGNATURE-----\n${bytes.toString('base64')}\n-----END SSH SIGNATURE-----\n`;
    expect(verifySignature(armor(blob), key, 'n', 'message')).toBe(true);
    for (let bit = 0; bit < blob.length * 8; bit += 1) {
      const changed = Buffer.from(blob);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect([bit, verifySignature(armor(changed), key, 'n', 'message')]).toEqual([bit, false]);
    }
    expect(verifySignature(armor(Buffer.concat([blob, Buffer.from([0])])), key, 'n', 'message')).toBe(false);
  });

  test('keys of small order are no keys', () => {
    const line = (hex: string): string => {
      const head = Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from('ssh-ed25519'), Buffer.from([0, 0, 0, 32])]);
      return `ssh-ed25519 ${Buffer.concat([head, Buffer.from(hex, 'hex')]).toString('base64')}`;
    };
    expect(rawKey(line('00'.repeat(32)))).toBeNull();
    expect(rawKey(line(`01${'00'.repeat(31)}`))).toBeNull();
    expect(rawKey(line(`${'00'.repeat(31)}80`))).toBeNull();
    expect(rawKey(line('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85'))).toBeNull();
    expect(rawKey(key)).toHaveLength(32);
  });
});
