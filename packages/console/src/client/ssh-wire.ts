/** OpenSSH's binary formats, as far as Ed25519 keys and SSHSIG need them. Pure: reads no file and runs no program. */
import { createHash, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { armorSignature } from '@keyhole/agent/protocol';

const keyType = 'ssh-ed25519';
/** The DER bytes before the 32 of an Ed25519 public key (RFC 8410). */
const spkiPrefixBytes = 12;

/** The public half of an Ed25519 key as the first two words of an `authorized_keys` line. */
export function publicKeyLine(key: KeyObject): string {
  return `${keyType} ${publicBlob(key).toString('base64')}`;
}

/** As `ssh-keygen -l` prints it. */
export function fingerprintOf(line: string): string {
  const blob = Buffer.from(line.split(' ')[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
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

/** The public key that a signature (base64 of the SSHSIG) names, or null where it names none of Ed25519. */
export function signerLine(signature: string): string | null {
  const blob = Buffer.from(signature, 'base64');
  const start = 'SSHSIG'.length + 8;
  const key = blob.subarray(start, start + (blob.length < start ? 0 : blob.readUInt32BE(start - 4)));
  return isEd25519Blob(key) ? `${keyType} ${key.toString('base64')}` : null;
}

/**
 * The public key inside an OpenSSH private key file: it stands there in the clear, also where the private half has a passphrase.
 * Null where the file is something else.
 */
export function publicLineOfOpenSshKey(pem: string): string | null {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]+?)-----END OPENSSH PRIVATE KEY-----/.exec(pem)?.[1];
  if (body === undefined) return null;
  const bytes = Buffer.from(body, 'base64');
  const magic = 'openssh-key-v1\0';
  if (bytes.subarray(0, magic.length).toString('latin1') !== magic) return null;
  let at = magic.length;
  const next = (): Buffer | null => {
    if (at + 4 > bytes.length) return null;
    const start = at + 4;
    const end = start + bytes.readUInt32BE(at);
    if (end > bytes.length) return null;
    at = end;
    return bytes.subarray(start, end);
  };
  // Cipher, key derivation and its options, then the number of keys.
  if (next() === null || next() === null || next() === null) return null;
  at += 4;
  const blob = next();
  return blob !== null && isEd25519Blob(blob) ? `${keyType} ${blob.toString('base64')}` : null;
}

/** The first two words of a public key line, or null where it is no Ed25519 key. */
export function ed25519Line(line: string): string | null {
  const [type, base64] = line.trim().split(/\s+/);
  if (type !== keyType || base64 === undefined) return null;
  return isEd25519Blob(Buffer.from(base64, 'base64')) ? `${keyType} ${base64}` : null;
}

function publicBlob(key: KeyObject): Buffer {
  const spki = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'der', type: 'spki' });
  return Buffer.concat([sshString(keyType), sshString(spki.subarray(spkiPrefixBytes))]);
}

function isEd25519Blob(blob: Buffer): boolean {
  const head = sshString(keyType);
  return blob.length === head.length + 4 + 32 && blob.subarray(0, head.length).equals(head);
}

function sshString(value: Buffer | string): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
  return Buffer.concat([uint32(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
