/** What the console makes and reads of OpenSSH's formats besides what the agent reads: signatures by a key in memory, and private key files as far as they are public. */
import { createHash, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { armorSignature } from '@keyhole/agent/protocol';
import { keyOfBlob, parsePublicKey, Reader, sshString, uint32 } from '@keyhole/agent/ssh';

const keyType = 'ssh-ed25519';
/** The DER bytes before the 32 of an Ed25519 public key (RFC 8410). */
const spkiPrefixBytes = 12;

/** The public half of an Ed25519 key as the first two words of an `authorized_keys` line. */
export function publicKeyLine(key: KeyObject): string {
  return `${keyType} ${publicBlob(key).toString('base64')}`;
}

/** An armored SSHSIG, byte for byte what `ssh-keygen -Y sign` makes of the same key, namespace and message. */
export function armoredSignature(key: KeyObject, namespace: string, message: string): string {
  const digest = createHash('sha512').update(message, 'utf8').digest();
  const frame = [Buffer.from('SSHSIG'), sshString(namespace), sshString(''), sshString('sha512')];
  const signature = sign(null, Buffer.concat([...frame, sshString(digest)]), key);
  const [magic, ...fields] = frame as [Buffer, ...Buffer[]];
  const blob = Buffer.concat([
    magic,
    uint32(1),
    sshString(publicBlob(key)),
    ...fields,
    sshString(Buffer.concat([sshString(keyType), sshString(signature)])),
  ]);
  return armorSignature(blob.toString('base64'));
}

/**
 * The public key inside an OpenSSH private key file: it stands there in the clear, also where the private half has a passphrase.
 * Null where the file is something else, or a key of a kind that is not supported.
 */
export function publicLineOfOpenSshKey(pem: string): string | null {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]+?)-----END OPENSSH PRIVATE KEY-----/.exec(pem)?.[1];
  if (body === undefined) return null;
  const bytes = Buffer.from(body, 'base64');
  const magic = 'openssh-key-v1\0';
  if (bytes.subarray(0, magic.length).toString('latin1') !== magic) return null;
  const reader = new Reader(bytes.subarray(magic.length));
  // Cipher, key derivation and its options, then the number of keys.
  if (reader.string() === null || reader.string() === null || reader.string() === null || reader.uint32() === null) return null;
  const blob = reader.string();
  return blob === null ? null : (keyOfBlob(blob)?.line ?? null);
}

/** The first two words of a public key line, or null where it is no key of a kind that is supported. */
export function keyLine(line: string): string | null {
  return parsePublicKey(firstTwoWords(line))?.line ?? null;
}

export function firstTwoWords(line: string): string {
  return line.trim().split(/\s+/).slice(0, 2).join(' ');
}

function publicBlob(key: KeyObject): Buffer {
  const spki = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'der', type: 'spki' });
  return Buffer.concat([sshString(keyType), sshString(spki.subarray(spkiPrefixBytes))]);
}
