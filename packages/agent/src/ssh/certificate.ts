/** OpenSSH user certificates (PROTOCOL.certkeys): an authority's word that a key belongs to somebody, for a time. */
import { checkRawSignature, keyOfBlob, keyTypes, readKey, type KeyType, type PublicKey } from './keys.ts';
import { Reader, sshString } from './wire.ts';

export interface Certificate {
  /** The key that is certified, as a plain key. */
  key: PublicKey;
  keyId: string;
  serial: bigint;
  principals: string[];
  /** Milliseconds since 1970; `validBefore` is Infinity where it never ends. */
  validAfter: number;
  validBefore: number;
  critical: Map<string, Buffer>;
  /** Who signed it; the signature holds. */
  authority: PublicKey;
}

const userCertificate = 1;
const forever = 0xffff_ffff_ffff_ffffn;
const maxCertificateBytes = 16_384;
const typeOf = (type: KeyType): string =>
  type.endsWith('@openssh.com') ? type.replace('@openssh.com', '-cert-v01@openssh.com') : `${type}-cert-v01@openssh.com`;
const typesByName = new Map(keyTypes.map((type) => [typeOf(type), type]));

/** Whether a line of a public key file is that of a certificate. */
export function isCertificateLine(line: string): boolean {
  return typesByName.has(line.split(' ')[0] ?? '');
}

/** The certificate of `TYPE BASE64`, or null where it is none, is not a user's, or is not signed by the authority it names. */
export function parseCertificate(line: string): Certificate | null {
  const [name, base64, ...rest] = line.split(' ');
  const type = typesByName.get(name ?? '');
  if (type === undefined || base64 === undefined || rest.length > 0) return null;
  const blob = Buffer.from(base64, 'base64');
  if (blob.length > maxCertificateBytes || blob.toString('base64') !== base64) return null;
  const reader = new Reader(blob);
  if (reader.text() !== name || reader.string() === null) return null;
  const keyStart = reader.position;
  if (readKey(reader, type) === null) return null;
  const key = keyOfBlob(Buffer.concat([sshString(type), blob.subarray(keyStart, reader.position)]));
  const [serial, kind, keyId] = [reader.uint64(), reader.uint32(), reader.text()];
  const principals = list(reader.string());
  const [validAfter, validBefore] = [reader.uint64(), reader.uint64()];
  const critical = options(reader.string());
  const [extensions, reserved, authorityBlob] = [reader.string(), reader.string(), reader.string()];
  const signed = blob.subarray(0, reader.position);
  const signature = reader.string();
  const authority = authorityBlob === null ? null : keyOfBlob(authorityBlob);
  if (key === null || kind !== userCertificate || serial === null || keyId === null || principals === null) return null;
  if (validAfter === null || validBefore === null || critical === null || extensions === null || reserved === null) return null;
  if (signature === null || authority === null || !reader.atEnd || checkRawSignature(authority, signature, signed)?.touched !== true) return null;
  const milliseconds = (seconds: bigint): number => Number(seconds) * 1_000;
  return {
    key,
    keyId,
    serial,
    principals,
    validAfter: milliseconds(validAfter),
    validBefore: validBefore === forever ? Infinity : milliseconds(validBefore),
    critical,
    authority,
  };
}

function list(bytes: Buffer | null): string[] | null {
  if (bytes === null) return null;
  const reader = new Reader(bytes);
  const items: string[] = [];
  while (!reader.atEnd) {
    const item = reader.text();
    if (item === null) return null;
    items.push(item);
  }
  return items;
}

/** Names in order, each once, each with data. */
function options(bytes: Buffer | null): Map<string, Buffer> | null {
  if (bytes === null) return null;
  const reader = new Reader(bytes);
  const found = new Map<string, Buffer>();
  while (!reader.atEnd) {
    const name = reader.text();
    const data = reader.string();
    if (name === null || data === null || found.has(name)) return null;
    found.set(name, data);
  }
  return found;
}

/** The one string inside an option's data. */
export function textOption(data: Buffer): string | null {
  const reader = new Reader(data);
  const text = reader.text();
  return reader.atEnd ? text : null;
}
