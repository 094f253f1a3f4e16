/** Keys of every kind: those of OpenSSH's own making, and a hardware token in software, whose signatures OpenSSH takes for a token's. */
import { spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import * as path from 'node:path';
import { sshString, uint32 } from '../../packages/agent/dist/ssh/index.js';
import { armorSignature } from '../../packages/agent/dist/protocol/index.js';

export interface SigningTool {
  publicKey: string;
  sign(namespace: string, message: string): string;
}

export function keygen(...words: string[]): string {
  const made = spawnSync('ssh-keygen', words, { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`ssh-keygen ${words.join(' ')}: ${made.stderr}`);
  return made.stdout;
}

/** A key file of OpenSSH, without a passphrase. */
export function keyFile(folder: string, name: string, type: 'ed25519' | 'ecdsa', passphrase = ''): SigningTool & { file: string } {
  const file = path.join(folder, name);
  keygen('-q', '-t', type, ...(type === 'ecdsa' ? ['-b', '256'] : []), '-N', passphrase, '-C', name, '-f', file);
  return {
    file,
    publicKey: keygen('-y', '-P', passphrase, '-f', file).trim().split(' ').slice(0, 2).join(' '),
    sign: (namespace, message) => spawnSync('ssh-keygen', ['-Y', 'sign', '-n', namespace, '-f', file], { input: message, encoding: 'utf8' }).stdout,
  };
}

export interface Certified {
  file: string;
  line: string;
}

/** Certifies the public key beside `file`: makes `file-cert.pub`. */
export function certify(authority: string, file: string, ...words: string[]): Certified {
  keygen('-q', '-s', authority, '-I', 'test certificate', ...words, `${file}.pub`);
  const certificate = `${file}-cert.pub`;
  return { file: certificate, line: spawnSync('cat', [certificate], { encoding: 'utf8' }).stdout.trim().split(' ').slice(0, 2).join(' ') };
}

const touched = 1;
const verified = 4;

/** @param flags what the token says of the person before it. */
export function softwareToken(curve: 'ed25519' | 'p256', { touch = true, verify = false } = {}): SigningTool {
  const type = curve === 'ed25519' ? 'sk-ssh-ed25519@openssh.com' : 'sk-ecdsa-sha2-nistp256@openssh.com';
  const { privateKey, publicKey } = curve === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const point = curve === 'ed25519' ? [sshString(spki.subarray(12))] : [sshString('nistp256'), sshString(spki.subarray(26))];
  const blob = Buffer.concat([sshString(type), ...point, sshString('ssh:')]);
  const sha256 = (data: Buffer | string): Buffer => createHash('sha256').update(data).digest();
  return {
    publicKey: `${type} ${blob.toString('base64')}`,
    sign(namespace, message) {
      const digest = createHash('sha512').update(message).digest();
      const common = [sshString(namespace), sshString(''), sshString('sha512')];
      const told = Buffer.concat([Buffer.from([(touch ? touched : 0) | (verify ? verified : 0)]), uint32(7)]);
      const bytes = Buffer.concat([sha256('ssh:'), told, sha256(Buffer.concat([Buffer.from('SSHSIG'), ...common, sshString(digest)]))]);
      const made = Buffer.concat([sshString(type), sshString(signature(curve, privateKey, bytes)), told]);
      return armorSignature(Buffer.concat([Buffer.from('SSHSIG'), uint32(1), sshString(blob), ...common, sshString(made)]).toString('base64'));
    },
  };
}

function signature(curve: 'ed25519' | 'p256', key: KeyObject, bytes: Buffer): Buffer {
  if (curve === 'ed25519') return sign(null, bytes, key);
  const raw = sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' });
  return Buffer.concat([raw.subarray(0, 32), raw.subarray(32)].map(number));
}

/** A positive number in its shortest form. */
function number(bytes: Buffer): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const digits = bytes.subarray(first);
  return sshString((digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), digits]) : digits);
}
