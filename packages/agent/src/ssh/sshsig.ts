/** Verifies SSHSIG signatures (OpenSSH's PROTOCOL.sshsig). Strict: the exact key, nothing behind the signature. */
import { createHash } from 'node:crypto';
import { checkRawSignature, keyOfBlob, parsePublicKey, type Presence } from './keys.ts';
import { Reader, sshString } from './wire.ts';

const magic = 'SSHSIG';
const armored = /^-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]{1,4096})\n-----END SSH SIGNATURE-----\n?$/;

/** The bytes of an armored signature, or null. */
export function signatureBlob(text: string): Buffer | null {
  const base64 = armored.exec(text)?.[1];
  return base64 === undefined ? null : Buffer.from(base64, 'base64');
}

/** The public key that a signature names, which proves nothing by itself; null where it is no signature of a key that is supported. */
export function signerOf(blob: Buffer): string | null {
  if (blob.subarray(0, magic.length).toString('latin1') !== magic) return null;
  const reader = new Reader(blob.subarray(magic.length));
  reader.uint32();
  const key = reader.string();
  return key === null ? null : (keyOfBlob(key)?.line ?? null);
}

/**
 * What a signature says of presence, where it is one of exactly this key over the message in this namespace; else null.
 * @param message the text itself, or its SHA-512 where the text is no longer there.
 */
export function checkSignature(blob: Buffer, publicKey: string, namespace: string, message: string | { sha512: Buffer }): Presence | null {
  const key = parsePublicKey(publicKey);
  if (key === null || blob.subarray(0, magic.length).toString('latin1') !== magic) return null;
  const reader = new Reader(blob.subarray(magic.length));
  const version = reader.uint32();
  const signer = reader.string();
  const signedNamespace = reader.text();
  const reserved = reader.string();
  const algorithm = reader.text();
  const signature = reader.string();
  if (version !== 1 || signer === null || signature === null || reserved?.length !== 0 || !reader.atEnd) return null;
  if (!signer.equals(key.blob) || signedNamespace !== namespace) return null;
  if (algorithm !== 'sha512' && (algorithm !== 'sha256' || typeof message !== 'string')) return null;
  const digest = typeof message === 'string' ? createHash(algorithm).update(message, 'utf8').digest() : message.sha512;
  const signed = Buffer.concat([Buffer.from(magic), ...[namespace, '', algorithm, digest].map(sshString)]);
  return checkRawSignature(key, signature, signed);
}

/** Whether it is a signature of this key, made by somebody who was there: a hardware token has to have been touched. */
export function isSigned(blob: Buffer, publicKey: string, namespace: string, message: string | { sha512: Buffer }): boolean {
  return checkSignature(blob, publicKey, namespace, message)?.touched === true;
}
