/** What an operator signs when he asks for a change: the same bytes at the console, at the door, and years later from the journal's entry. */
import type { IntentEntry, JournalHead, LoginProof, RequestProof } from './journal.ts';

/** SSHSIG namespace of signed requests. */
export const requestNamespace = 'keyhole';

export interface SignedRequest {
  service: string;
  /** The run of the agent, and the session in it: a signature is worth nothing in another one. */
  bootId: string;
  session: string;
  /** Its number in the session. */
  request: number;
  op: string;
  params: object;
  /** The last entry of the service's journal that the console knows of: whoever cuts the journal later has this against him. */
  head: JournalHead | null;
  /** 32 hex digits of chance: what was redacted can not be guessed from the signature. */
  nonce: string;
}

/** What a request carries on the wire besides operation and parameters, where the operation is journaled. */
export interface RequestSignature {
  head: JournalHead | null;
  nonce: string;
  /** Base64 of the SSHSIG blob. */
  signature: string;
}

/** Kinds of entries that the session's key may sign, which the operator's key has named at login. Whatever changes code or state is signed by the operator's key itself. */
const sessionSigned: ReadonlySet<string> = new Set(['eval', 'export', 'trace']);

export function mayBeSignedBySession(kind: string): boolean {
  return sessionSigned.has(kind);
}

/** What was signed, from an entry that holds the signature and the login it rests on; null where the request was redacted. */
export function signedRequestOf(
  { op, session, request: params }: Pick<IntentEntry, 'op' | 'session' | 'request'>,
  { request, head, nonce }: RequestProof,
  { service, bootId }: LoginProof,
): (SignedRequest & { params: Record<string, unknown> }) | null {
  return nonce === undefined ? null : { service, bootId, session, request, op, params, head, nonce };
}

/** The bytes that are signed, as text: canonical JSON (RFC 8785) with an end of line. */
export function canonicalRequest({ service, bootId, session, request, op, params, head, nonce }: SignedRequest): string {
  return `${canonicalJson({ bootId, head, nonce, op, params, request, service, session, v: 1 })}\n`;
}

/** RFC 8785: keys in the order of their UTF-16 units, no white space, numbers and strings as ECMAScript writes them. Fields that are undefined are left out. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((each) => canonicalJson(each ?? null)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`).join(',')}}`;
}

const armorWidth = 70;

/** Base64 of an SSHSIG as the file that ssh-keygen reads. */
export function armorSignature(base64: string): string {
  const lines = base64.match(new RegExp(`.{1,${armorWidth}}`, 'g')) ?? [];
  return ['-----BEGIN SSH SIGNATURE-----', ...lines, '-----END SSH SIGNATURE-----', ''].join('\n');
}

/** The base64 inside an armored SSHSIG, in one piece. */
export function unarmorSignature(armored: string): string {
  return armored.replace(/-----(?:BEGIN|END) SSH SIGNATURE-----|\s/g, '');
}
