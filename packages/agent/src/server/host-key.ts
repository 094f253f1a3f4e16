/**
 * The agent's own Ed25519 key, by which consoles know it again: made at the first start, kept in a file of mode 0600. Where that is not possible the agent has one for this run alone, and
 * says so.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign as signWith, type KeyObject } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { fingerprintOf, sshString } from '../ssh/index.ts';

export interface HostKey {
  /** `ssh-ed25519 AAAA...` */
  publicKey: string;
  /** Ed25519 over the text's UTF-8 bytes. */
  sign(message: string): Uint8Array;
  /** `SHA256:...`, for people. */
  fingerprint: string;
  file: string;
  /** Why it is not kept there and ends with this process, or null. */
  unkept: string | null;
}

export function openHostKey(file: string): HostKey {
  try {
    return hostKey(load(file) ?? make(file), file, null);
  } catch (thrown) {
    return hostKey(generateKeyPairSync('ed25519').privateKey, file, thrown instanceof Error ? thrown.message : String(thrown));
  }
}

function hostKey(key: KeyObject, file: string, unkept: string | null): HostKey {
  const publicKey = publicLine(key);
  const sign = (message: string): Uint8Array => new Uint8Array(signWith(null, Buffer.from(message, 'utf8'), key));
  return { publicKey, fingerprint: fingerprintOf(publicKey), file, sign, unkept };
}

/** @returns null where there is none yet. */
function load(file: string): KeyObject | null {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return null;
  if (stat.uid !== process.getuid?.() && stat.uid !== 0) throw new Error('it belongs to another user');
  if ((stat.mode & 0o077) !== 0) throw new Error('others may read it: chmod 600, or remove it for a new one');
  const key = createPrivateKey(readFileSync(file));
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`it is a key of type ${key.asymmetricKeyType}, and must be Ed25519`);
  return key;
}

/** Several processes of a service may start at once: the first one's key is everybody's. */
function make(file: string): KeyObject {
  const { privateKey } = generateKeyPairSync('ed25519');
  const part = `${file}.${process.pid}.new`;
  rmSync(part, { force: true });
  const fd = openSync(part, 'wx', 0o600);
  try {
    writeSync(fd, privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
    fsyncSync(fd);
    linkSync(part, file);
    return privateKey;
  } catch (thrown) {
    const theirs = (thrown as NodeJS.ErrnoException).code === 'EEXIST' ? load(file) : null;
    if (theirs === null) throw thrown;
    return theirs;
  } finally {
    closeSync(fd);
    rmSync(part, { force: true });
  }
}

function publicLine(key: KeyObject): string {
  const raw = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32);
  return `ssh-ed25519 ${Buffer.concat([sshString('ssh-ed25519'), sshString(raw)]).toString('base64')}`;
}
