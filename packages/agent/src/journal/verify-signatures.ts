/** What a journal's signatures prove: that each request was signed by the operator it names, once, and that he had seen no entry that is not here. */
import { canonicalRequest, mayBeSignedBySession, requestNamespace, authNamespace, signedRequestOf } from '../protocol/index.ts';
import type {
  IntentEntry,
  JournalEntry,
  JournalReport,
  LateEntry,
  LoginProof,
  ReplayEntry,
  RequestProof,
  SessionEntry,
  SignedPush,
} from '../protocol/index.ts';
import type { HashList } from './hash-list.ts';
import { fingerprintOf, isSigned, signerOf } from '../ssh/index.ts';

interface Login extends LoginProof {
  operator: string;
  fingerprint: string;
}

export class SignatureCheck {
  /** By session. */
  readonly #logins = new Map<string, Login>();
  /** Requests that were signed, by session: none may stand twice. */
  readonly #seen = new Map<string, Set<number | string>>();
  readonly #operators = new Map<string, string>();
  #checked = 0;
  #redacted = 0;
  #unsigned = 0;

  counts(): NonNullable<JournalReport['signatures']> {
    const operators = [...this.#operators].map(([fingerprint, operator]) => ({ operator, fingerprint }));
    return { checked: this.#checked, redacted: this.#redacted, unsigned: this.#unsigned, operators };
  }

  /** Why an entry's signature is none, or null. */
  check(entry: JournalEntry, hashes: HashList, firstSeq: number): string | null {
    if (entry.kind === 'session') return entry.login === undefined ? null : this.#login(entry, entry.login);
    // What the agent undid by itself no operator asked for.
    if (!('phase' in entry) || entry.phase === 'outcome' || entry.phase === 'undone' || entry.phase === 'refused' || entry.phase === 'stood')
      return null;
    if (entry.phase === 'due') return replayMisfit(entry, hashes, firstSeq);
    if (entry.signed === undefined) {
      this.#unsigned += 1;
      return `${entry.operator} did not sign it`;
    }
    return this.#request(entry, entry.signed) ?? headMisfit(entry.operator, entry.signed, entry.seq, hashes, firstSeq);
  }

  #login({ session, operator, fingerprint }: SessionEntry, login: LoginProof): string | null {
    const wrong = loginMisfit({ operator, fingerprint }, login);
    if (wrong !== null) return wrong;
    this.#logins.set(session, { ...login, operator, fingerprint });
    this.#operators.set(fingerprint, operator);
    return null;
  }

  #request(entry: IntentEntry | LateEntry, signed: RequestProof): string | null {
    const { session, operator, fingerprint } = entry;
    const login = this.#logins.get(session);
    if (login === undefined) return 'the login of its session, which holds the keys, is not there';
    if (login.operator !== operator || login.fingerprint !== fingerprint) return 'its session is that of somebody else';
    const wrong = requestMisfit(entry, signed, login);
    if (wrong !== null) return wrong;
    this.#checked += 1;
    if (signed.nonce === undefined) this.#redacted += 1;
    // Of a redacted request only the digest is known to be what was signed.
    const once = signed.nonce === undefined ? (signed.digest ?? '') : signed.request;
    const seen = this.#seen.get(session) ?? new Set();
    if (seen.has(once)) return `request ${signed.request} of this session stands here twice`;
    this.#seen.set(session, seen.add(once));
    return null;
  }
}

/** Why a login is not one of that operator, or null. */
function loginMisfit({ operator, fingerprint }: Who, { publicKey, sessionKey, message, signature, bootId }: LoginProof): string | null {
  if (fingerprintOf(publicKey) !== fingerprint) return `the key of ${operator} is not the one with its fingerprint`;
  if (!isSigned(Buffer.from(signature, 'base64'), publicKey, authNamespace, message)) return `${operator} did not sign this login`;
  const lines = message.split('\n');
  const named = [bootId, publicKey, ...(sessionKey === null ? [] : [sessionKey])].every((each) => lines.includes(JSON.stringify(each)));
  return named ? null : 'what was signed at login names other keys';
}

type Who = Pick<IntentEntry, 'operator' | 'fingerprint'>;
type Asked = Pick<IntentEntry, 'kind' | 'op' | 'session' | 'operator' | 'request'>;

/** Why a request was not signed by whoever has logged in, or null. */
function requestMisfit(asked: Asked, signed: RequestProof, login: LoginProof): string | null {
  const { kind, operator } = asked;
  const blob = Buffer.from(signed.signature, 'base64');
  const signer = signerOf(blob);
  const isOwn = signer === login.publicKey;
  if (!isOwn && !(signer !== null && signer === login.sessionKey && mayBeSignedBySession(kind)))
    return `it is signed by a key that is not ${operator}'s`;
  const whole = signedRequestOf(asked, signed, login);
  const message = whole === null ? { sha512: Buffer.from(signed.digest ?? '', 'hex') } : canonicalRequest(whole);
  return isSigned(blob, signer ?? '', requestNamespace, message) ? null : `${operator} did not sign this`;
}

/** Why a push is not what its operator signed, or null: the push alone is enough to tell. */
export function pushMisfit({ operator, fingerprint, session, request, signed, login }: SignedPush): string | null {
  const asked = { kind: 'patch', op: 'patch.apply', session, operator, request } as const;
  return loginMisfit({ operator, fingerprint }, login) ?? requestMisfit(asked, signed, login);
}

/** A replay names the entry that an operator signed, or brings it along. */
function replayMisfit({ original, hotfix, seq }: ReplayEntry & { seq: number }, hashes: HashList, firstSeq: number): string | null {
  if (hotfix !== undefined) return hotfix.pushes.map(pushMisfit).find((each) => each !== null) ?? null;
  // What was removed since can not be looked up here.
  if (original.seq < firstSeq || (original.seq < seq && hashes.at(original.seq) === original.hash)) return null;
  return `it names entry ${original.seq} with the hash ${original.hash}, which is not here`;
}

/** An operator who had seen an entry that is not here: the journal was cut since. */
function headMisfit(operator: string, { head }: RequestProof, seq: number, hashes: HashList, firstSeq: number): string | null {
  // What was removed since can not be looked up here.
  if (head === null || head.seq < firstSeq) return null;
  if (head.seq < seq && hashes.at(head.seq) === head.hash) return null;
  return `${operator} had seen entry ${head.seq} with the hash ${head.hash} before, which is not here: the journal was cut, rolled back or replaced`;
}
