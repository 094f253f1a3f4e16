/** Keys, signatures and certificates as OpenSSH makes them; and what is nearly one. */
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkSignature,
  fingerprintOf,
  isSigned,
  keyOfBlob,
  parseCertificate,
  parsePublicKey,
  signatureBlob,
  signerOf,
  sshString,
  textOption,
} from '../../packages/agent/dist/ssh/index.js';
import { armoredSignature, publicKeyLine } from '../../packages/console/dist/client/ssh-wire.js';
import { certify, keyFile, keygen, softwareToken, type SigningTool } from '../helpers/keys.ts';
import { newFolder } from '../helpers/service.ts';

const folder = newFolder();
const { privateKey } = generateKeyPairSync('ed25519');
const inMemory: SigningTool = {
  publicKey: publicKeyLine(privateKey),
  sign: (namespace, message) => armoredSignature(privateKey, namespace, message),
};
const tools: [string, SigningTool][] = [
  ['ssh-keygen, Ed25519', keyFile(folder, 'ed', 'ed25519')],
  ['ssh-keygen, P-256', keyFile(folder, 'ec', 'ecdsa')],
  ['the console, Ed25519', inMemory],
  ['a token, Ed25519', softwareToken('ed25519')],
  ['a token, P-256', softwareToken('p256')],
];
const blobOf = (armored: string): Buffer => signatureBlob(armored) ?? Buffer.alloc(0);

describe.each(tools)('%s', (_, { publicKey, sign }) => {
  const blob = blobOf(sign('n', 'message'));

  test('signs; OpenSSH agrees', () => {
    expect(isSigned(blob, publicKey, 'n', 'message')).toBe(true);
    expect(signerOf(blob)).toBe(publicKey);
    const signers = path.join(newFolder(), 'signers');
    writeFileSync(signers, `me ${publicKey}\n`);
    writeFileSync(`${signers}.sig`, sign('n', 'message'));
    const verified = spawnSync('ssh-keygen', ['-Y', 'verify', '-f', signers, '-I', 'me', '-n', 'n', '-s', `${signers}.sig`], { input: 'message' });
    expect([verified.status, verified.stderr.toString()]).toEqual([0, '']);
  });

  test('not of another message, namespace or key', () => {
    expect(isSigned(blob, publicKey, 'n', 'massage')).toBe(false);
    expect(isSigned(blob, publicKey, 'm', 'message')).toBe(false);
    for (const [, other] of tools) if (other.publicKey !== publicKey) expect(isSigned(blob, other.publicKey, 'n', 'message')).toBe(false);
  });

  test('not with any bit flipped, cut short, or with a byte more', () => {
    for (let bit = 0; bit < blob.length * 8; bit += 1) {
      const changed = Buffer.from(blob);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect([bit, isSigned(changed, publicKey, 'n', 'message')]).toEqual([bit, false]);
    }
    for (let length = 0; length < blob.length; length += 1) expect(isSigned(blob.subarray(0, length), publicKey, 'n', 'message')).toBe(false);
    expect(isSigned(Buffer.concat([blob, Buffer.from([0])]), publicKey, 'n', 'message')).toBe(false);
  });

  test('its fingerprint is OpenSSH’s', () => {
    const file = path.join(newFolder(), 'key.pub');
    writeFileSync(file, `${publicKey}\n`);
    expect(keygen('-lf', file)).toContain(fingerprintOf(publicKey));
  });
});

test('a token that nobody touched has not signed, and says whether it knew who touched it', () => {
  for (const curve of ['ed25519', 'p256'] as const) {
    const untouched = softwareToken(curve, { touch: false });
    expect(isSigned(blobOf(untouched.sign('n', 'm')), untouched.publicKey, 'n', 'm')).toBe(false);
    expect(checkSignature(blobOf(untouched.sign('n', 'm')), untouched.publicKey, 'n', 'm')).toEqual({ touched: false, verified: false });
    const knowing = softwareToken(curve, { verify: true });
    expect(checkSignature(blobOf(knowing.sign('n', 'm')), knowing.publicKey, 'n', 'm')).toEqual({ touched: true, verified: true });
  }
});

describe('what is no key', () => {
  const ed25519 = (hex: string): string =>
    `ssh-ed25519 ${Buffer.concat([sshString('ssh-ed25519'), sshString(Buffer.from(hex, 'hex'))]).toString('base64')}`;
  const p256 = (point: Buffer, curve = 'nistp256'): string =>
    `ecdsa-sha2-nistp256 ${Buffer.concat([sshString('ecdsa-sha2-nistp256'), sshString(curve), sshString(point)]).toString('base64')}`;
  const good = keyOfBlob(Buffer.from(keyFile(newFolder(), 'k', 'ecdsa').publicKey.split(' ')[1] ?? '', 'base64'));
  const point = good?.blob.subarray(-65) ?? Buffer.alloc(65);
  const off = Buffer.from(point);
  off[64] = (off[64] ?? 0) ^ 1;
  const refused: [string, string][] = [
    ['a point of order 4', ed25519('00'.repeat(32))],
    ['a point of order 1', ed25519(`01${'00'.repeat(31)}`)],
    ['with the sign bit', ed25519(`${'00'.repeat(31)}80`)],
    ['a point of order 8 with the sign bit', ed25519('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85')],
    ['31 bytes', ed25519('11'.repeat(31))],
    ['a point off the curve', p256(off)],
    ['the point at infinity', p256(Buffer.alloc(65))],
    ['a compressed point', p256(Buffer.concat([Buffer.from([2]), point.subarray(1, 33)]))],
    ['another curve', p256(point, 'nistp384')],
    ['RSA', 'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAB'],
    ['a type that is not its own', inMemory.publicKey.replace('ssh-ed25519', 'ecdsa-sha2-nistp256')],
    ['a word behind it', `${inMemory.publicKey} x`],
    ['base64 that is not in its shortest form', `${inMemory.publicKey}=`],
  ];
  test.each(refused)('%s', (_, line) => expect(parsePublicKey(line)).toBeNull());
  test('and the good ones are keys', () => {
    expect(parsePublicKey(p256(point))?.type).toBe('ecdsa-sha2-nistp256');
    expect(parsePublicKey(inMemory.publicKey)?.type).toBe('ssh-ed25519');
  });
  test('no bytes crash the reader', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...tools.map(([, tool]) => tool.publicKey)), (bytes, line) => {
        expect(keyOfBlob(Buffer.from(bytes))).toBeNull();
        expect(isSigned(Buffer.concat([Buffer.from('SSHSIG'), bytes]), line, 'n', 'm')).toBe(false);
        expect(parseCertificate(`ssh-ed25519-cert-v01@openssh.com ${Buffer.from(bytes).toString('base64')}`)).toBeNull();
      }),
    );
  });
});

describe('a certificate', () => {
  const authority = keyFile(newFolder(), 'ca', 'ed25519');
  const ecAuthority = keyFile(newFolder(), 'ca', 'ecdsa');
  const certified = (type: 'ed25519' | 'ecdsa', by: string, ...words: string[]): { key: string; line: string } => {
    const { file, publicKey } = keyFile(newFolder(), 'user', type);
    return { key: publicKey, line: certify(by, file, ...words).line };
  };

  test.each([
    ['ed25519', authority],
    ['ecdsa', authority],
    ['ed25519', ecAuthority],
  ] as const)('of %s, as ssh-keygen makes it', (type, by) => {
    const { key, line } = certified(type, by.file, '-n', 'alice,bob', '-z', '42', '-V', '20260101000000Z:20270101000000Z');
    expect(parseCertificate(line)).toMatchObject({
      key: { line: key },
      keyId: 'test certificate',
      serial: 42n,
      principals: ['alice', 'bob'],
      validAfter: Date.UTC(2026, 0, 1),
      validBefore: Date.UTC(2027, 0, 1),
      authority: { line: by.publicKey },
    });
  });

  test('has critical options, and may be valid for ever', () => {
    const { line } = certified('ed25519', authority.file, '-n', 'alice', '-O', 'source-address=10.0.0.0/8', '-O', 'force-command=ls');
    const { critical, validBefore } = parseCertificate(line) ?? {};
    expect([...(critical?.keys() ?? [])]).toEqual(['force-command', 'source-address']);
    expect(textOption(critical?.get('source-address') ?? Buffer.alloc(0))).toBe('10.0.0.0/8');
    expect(validBefore).toBe(Infinity);
  });

  test('of a host is none, nor one with a bit flipped', () => {
    const host = certified('ed25519', authority.file, '-h', '-n', 'alice');
    expect(parseCertificate(host.line)).toBeNull();
    const { line } = certified('ed25519', authority.file, '-n', 'alice');
    const [type = '', base64 = ''] = line.split(' ');
    const blob = Buffer.from(base64, 'base64');
    // Every seventh bit: each byte, and each place in a byte.
    for (let bit = 0; bit < blob.length * 8; bit += 7) {
      const changed = Buffer.from(blob);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect([bit, parseCertificate(`${type} ${changed.toString('base64')}`)]).toEqual([bit, null]);
    }
  });
});
