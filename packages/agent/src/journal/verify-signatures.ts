/** What a journal's signatures prove: that each request was signed by the operator it names, once, and that he had seen no entry that is not here. */
import { canonicalRequest, mayBeSignedBySession, requestNamespace, authNamespace } from '../protocol/index.ts';
import type { IntentEntry, JournalEntry, JournalReport, LateEntry, LoginProof, RequestProof, SessionEntry } from '../protocol/index.ts';
import type { HashList } from './hash-list.ts';
import { fingerprintOf, signerOf, verifySignatureBlob } from './sshsig.ts';

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
    if (!('phase' in entry) || entry.phase === 'outcome' || entry.phase === 'undone') return null;
    if (entry.signed === undefined) {
      this.#unsigned += 1;
      return `${entry.operator} did not sign it`;
    }
    return this.#request(entry, entry.signed) ?? headMisfit(entry.operator, entry.signed, entry.seq, hashes, firstSeq);
  }

  #login({ session, operator, fingerprint }: SessionEntry, login: LoginProof): string | null {
    const { publicKey, sessionKey, message, signature, bootId } = login;
    if (fingerprintOf(publicKey) !== fingerprint) return `the key of ${operator} is not the one with its fingerprint`;
    if (!verifySignatureBlob(Buffer.from(signature, 'base64'), publicKey, authNamespace, message)) return `${operator} did not sign this login`;
    const lines = message.split('\n');
    const named = [bootId, publicKey, ...(sessionKey === null ? [] : [sessionKey])].every((each) => lines.includes(JSON.stringify(each)));
    if (!named) return 'what was signed at login names other keys';
    this.#logins.set(session, { ...login, operator, fingerprint });
    this.#operators.set(fingerprint, operator);
    return null;
  }

  #request(entry: IntentEntry | LateEntry, signed: RequestProof): string | null {
    const { kind, op, session, operator, fingerprint, request } = entry;
    const login = this.#logins.get(session);
    if (login === undefined) return 'the login of its session, which holds the keys, is not there';
    if (login.operator !== operator || login.fingerprint !== fingerprint) return 'its session is that of somebody else';
    const blob = Buffer.from(signed.signature, 'base64');
    const signer = signerOf(blob);
    const isOwn = signer === login.publicKey;
    if (!isOwn && !(signer !== null && signer === login.sessionKey && mayBeSignedBySession(kind)))
      return `it is signed by a key that is not ${operator}'s`;
    const message =
      signed.nonce === undefined
        ? { sha512: Buffer.from(signed.digest ?? '', 'hex') }
        : canonicalRequest({
            service: login.service,
            bootId: login.bootId,
            session,
            request: signed.request,
            op,
            params: request,
            head: signed.head,
            nonce: signed.nonce,
          });
    if (!verifySignatureBlob(blob, signer ?? '', requestNamespace, message)) return `${operator} did not sign this`;
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

/** An operator who had seen an entry that is not here: the journal was cut since. */
function headMisfit(operator: string, { head }: RequestProof, seq: number, hashes: HashList, firstSeq: number): string | null {
  // What was removed since can not be looked up here.
  if (head === null || head.seq < firstSeq) return null;
  if (head.seq < seq && hashes.at(head.seq) === head.hash) return null;
  return `${operator} had seen entry ${head.seq} with the hash ${head.hash} before, which is not here: the journal was cut, rolled back or replaced`;
}
