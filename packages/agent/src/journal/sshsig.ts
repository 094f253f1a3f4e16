/** Verifies SSHSIG signatures (OpenSSH's PROTOCOL.sshsig) of Ed25519 keys. Strict: one key type, the exact key, nothing behind the signature. */
import { createHash, createPublicKey, verify } from 'node:crypto';

const keyType = 'ssh-ed25519';
const derPrefix = Buffer.from('302a300506032b6570032100', 'hex');
/** Points of small order: with them a signature can be made without a private key, and OpenSSL 3.0 accepts it. */
const smallOrder = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
]);

/** The raw 32 bytes of `ssh-ed25519 AAAA...`, or null where it is no sound Ed25519 key. */
export function rawKey(publicKey: string): Buffer | null {
  const [type, base64, ...rest] = publicKey.split(' ');
  if (type !== keyType || base64 === undefined || rest.length > 0) return null;
  const blob = Buffer.from(base64, 'base64');
  if (blob.toString('base64') !== base64) return null;
  const reader = new Reader(blob);
  if (reader.string()?.toString('latin1') !== keyType) return null;
  const raw = reader.string();
  if (raw?.length !== 32 || !reader.atEnd) return null;
  const canonical = Buffer.from(raw);
  // The sign bit makes no other point of a small-order one.
  canonical[31] = (canonical[31] ?? 0) & 0x7f;
  return smallOrder.has(canonical.toString('hex')) ? null : raw;
}

/** `SHA256:...` as `ssh-keygen -l` prints it. */
export function fingerprintOf(publicKey: string): string {
  const blob = Buffer.from(publicKey.split(' ')[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** Whether `armored` is a signature of exactly this key over the message in this namespace. */
export function verifySignature(armored: string, publicKey: string, namespace: string, message: string): boolean {
  const match = /^-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]{1,4096})\n-----END SSH SIGNATURE-----\n?$/.exec(armored);
  return match?.[1] !== undefined && verifySignatureBlob(Buffer.from(match[1], 'base64'), publicKey, namespace, message);
}

/** The public key that a signature names, which proves nothing by itself; null where it is no signature. */
export function signerOf(blob: Buffer): string | null {
  if (blob.subarray(0, 6).toString('latin1') !== 'SSHSIG') return null;
  const reader = new Reader(blob.subarray(6));
  reader.uint32();
  const key = reader.string();
  return key === null ? null : `${keyType} ${key.toString('base64')}`;
}

/** @param message the text itself, or its SHA-512 where the text is no longer there. */
export function verifySignatureBlob(blob: Buffer, publicKey: string, namespace: string, message: string | { sha512: Buffer }): boolean {
  const raw = rawKey(publicKey);
  if (raw === null || blob.subarray(0, 6).toString('latin1') !== 'SSHSIG') return false;
  const reader = new Reader(blob.subarray(6));
  const version = reader.uint32();
  const key = reader.string();
  const signedNamespace = reader.string();
  const reserved = reader.string();
  const algorithm = reader.string()?.toString('latin1');
  const signature = reader.string();
  if (version !== 1 || key === null || signature === null || reserved?.length !== 0 || !reader.atEnd) return false;
  if (!key.equals(Buffer.from(publicKey.split(' ')[1] ?? '', 'base64'))) return false;
  if (signedNamespace?.toString('utf8') !== namespace || (algorithm !== 'sha512' && algorithm !== 'sha256')) return false;
  const inner = new Reader(signature);
  if (inner.string()?.toString('latin1') !== keyType) return false;
  const bytes = inner.string();
  if (bytes?.length !== 64 || !inner.atEnd) return false;
  if (typeof message !== 'string' && algorithm !== 'sha512') return false;
  const digest = typeof message === 'string' ? createHash(algorithm).update(message, 'utf8').digest() : message.sha512;
  const signed = Buffer.concat([Buffer.from('SSHSIG'), ...[Buffer.from(namespace), Buffer.alloc(0), Buffer.from(algorithm), digest].map(sshString)]);
  return verify(null, signed, createPublicKey({ key: Buffer.concat([derPrefix, raw]), format: 'der', type: 'spki' }), bytes);
}

function sshString(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  uint32(): number | null {
    if (this.#bytes.length - this.#at < 4) return null;
    const value = this.#bytes.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  string(): Buffer | null {
    const length = this.uint32();
    if (length === null || length > this.#bytes.length - this.#at) return null;
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
