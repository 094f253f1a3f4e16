/** Public keys of operators: Ed25519 and P-256, kept in a file or in a hardware token. Strict: what is not exactly such a key is none. */
import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto';
import { Reader } from './wire.ts';

export const keyTypes = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'sk-ssh-ed25519@openssh.com', 'sk-ecdsa-sha2-nistp256@openssh.com'] as const;
export type KeyType = (typeof keyTypes)[number];

export interface PublicKey {
  type: KeyType;
  /** Type and base64, as in `authorized_keys`: `ssh-ed25519 AAAA...` */
  line: string;
  blob: Buffer;
  key: KeyObject;
  /** What a hardware token holds the key for (`ssh:`); null for a key in a file. */
  application: Buffer | null;
}

/** What a signature says about who made it. Only a hardware token can tell. */
export interface Presence {
  /** It was touched; of other keys always true. */
  touched: boolean;
  /** It asked for a PIN or a finger; of other keys always false. */
  verified: boolean;
}

/** DER of a SubjectPublicKeyInfo before the bytes of the key. */
const spki = {
  ed25519: Buffer.from('302a300506032b6570032100', 'hex'),
  p256: Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex'),
};

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
const maxApplicationBytes = 255;

/** The key of `TYPE BASE64`, or null where it is no sound key of a type that is supported. */
export function parsePublicKey(line: string): PublicKey | null {
  const [type, base64, ...rest] = line.split(' ');
  if (type === undefined || base64 === undefined || rest.length > 0) return null;
  const blob = Buffer.from(base64, 'base64');
  if (blob.toString('base64') !== base64) return null;
  const key = keyOfBlob(blob);
  return key?.type === type ? key : null;
}

export function keyOfBlob(blob: Buffer): PublicKey | null {
  const reader = new Reader(blob);
  const type = reader.text() as KeyType | null;
  if (type === null || !keyTypes.includes(type)) return null;
  const key = readKey(reader, type);
  return key !== null && reader.atEnd ? { ...key, blob, line: `${type} ${blob.toString('base64')}` } : null;
}

/** The fields of a key after its type, as keys and certificates have them. */
export function readKey(reader: Reader, type: KeyType): Pick<PublicKey, 'type' | 'key' | 'application'> | null {
  const point = type.includes('ed25519') ? ed25519Point(reader) : p256Point(reader);
  if (point === null) return null;
  const application = type.startsWith('sk-') ? reader.string() : null;
  if (type.startsWith('sk-') && (application === null || application.length > maxApplicationBytes)) return null;
  try {
    return { type, key: createPublicKey({ key: point, format: 'der', type: 'spki' }), application };
  } catch {
    // No point of the curve.
    return null;
  }
}

function ed25519Point(reader: Reader): Buffer | null {
  const raw = reader.string();
  if (raw?.length !== 32) return null;
  const canonical = Buffer.from(raw);
  // The sign bit makes no other point of a small-order one.
  canonical[31] = (canonical[31] ?? 0) & 0x7f;
  return smallOrder.has(canonical.toString('hex')) ? null : Buffer.concat([spki.ed25519, raw]);
}

function p256Point(reader: Reader): Buffer | null {
  if (reader.text() !== 'nistp256') return null;
  const point = reader.string();
  return point?.length === 65 && point[0] === 4 ? Buffer.concat([spki.p256, point]) : null;
}

/** `SHA256:...` as `ssh-keygen -l` prints it. */
export function fingerprintOf(line: string): string {
  const blob = Buffer.from(line.split(' ')[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** A signature in SSH's own encoding over these bytes: what it says of presence, or null where it is not one of this key. */
export function checkRawSignature(key: PublicKey, signature: Buffer, signed: Buffer): Presence | null {
  const reader = new Reader(signature);
  if (reader.text() !== key.type) return null;
  const inner = reader.string();
  if (inner === null) return null;
  let presence: Presence = { touched: true, verified: false };
  let bytes = signed;
  if (key.application !== null) {
    const flags = reader.byte();
    const counter = reader.uint32();
    if (flags === null || counter === null) return null;
    const sha256 = (data: Buffer): Buffer => createHash('sha256').update(data).digest();
    const told = Buffer.alloc(5);
    told.writeUInt8(flags, 0);
    told.writeUInt32BE(counter, 1);
    bytes = Buffer.concat([sha256(key.application), told, sha256(signed)]);
    presence = { touched: (flags & 1) !== 0, verified: (flags & 4) !== 0 };
  }
  if (!reader.atEnd) return null;
  const fits = key.type.includes('ed25519') ? inner.length === 64 && verify(null, bytes, key.key, inner) : verifyP256(key.key, inner, bytes);
  return fits ? presence : null;
}

function verifyP256(key: KeyObject, signature: Buffer, bytes: Buffer): boolean {
  const reader = new Reader(signature);
  const [r, s] = [reader.positive(32), reader.positive(32)];
  if (r === null || s === null || !reader.atEnd) return false;
  return verify('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }, Buffer.concat([r, s]));
}
