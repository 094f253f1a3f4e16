/**
 * Who may come in: the file of operators' keys. One line that is not understood and nobody comes in by this file.
 */
import type { Capability } from '../protocol/index.ts';
import { fingerprintOf, parseCertificate, parsePublicKey, textOption } from '../ssh/index.ts';
import type { Certificate } from '../ssh/index.ts';
import { isPlainEmail, isPlainName, parseKeyLine } from './authorized-keys.ts';
import type { KeyLine } from './authorized-keys.ts';
import { From } from './from.ts';
import { OwnedFile } from './owned-file.ts';

export interface Operator {
  name: string;
  email: string;
  /** `ssh-ed25519 AAAA...` */
  publicKey: string;
  fingerprint: string;
  capabilities: Capability[];
  /** A hardware token has to have asked for a PIN or a finger. */
  verifyRequired: boolean;
}

/** Where the keys stand: a file that is read anew for every connection; or the lines themselves, which hold as long as the agent runs. */
export type OperatorSource = { file: string } | { lines: string };

/** What somebody who comes in has proven, or has to prove. */
export interface Claim {
  publicKey: string;
  /** `ssh-ed25519-cert-v01@openssh.com AAAA...` */
  certificate: string | null;
  /** An IP address, or `local`. */
  address: string;
}

/** Critical options of certificates that we know; a certificate with another one is refused, as OpenSSH does. */
const knownCritical = ['source-address', 'verify-required'];

export class Operators {
  readonly #lines: readonly KeyLine[];

  /** @throws {Error} with the line's number. */
  constructor(text: string) {
    const lines: KeyLine[] = [];
    for (const [index, line] of text.split('\n').entries()) {
      const trimmed = line.trim();
      if (trimmed === '' || trimmed.startsWith('#')) continue;
      try {
        lines.push(parseKeyLine(trimmed));
      } catch (thrown) {
        throw new Error(`line ${index + 1}: ${thrown instanceof Error ? thrown.message : String(thrown)}`, { cause: thrown });
      }
    }
    this.#lines = lines;
  }

  get count(): number {
    return this.#lines.length;
  }

  /** Keys without a role: whoever has one gets in and may do nothing. */
  get powerless(): number {
    return this.#lines.filter(({ capabilities }) => capabilities.length === 0).length;
  }

  /** Whoever has a line of their own: not those whom an authority certifies. */
  get named(): Operator[] {
    return this.#lines.filter((line) => line.authority === null).map(byOwnLine);
  }

  /** Whose key that is, if it may come in from there now; without an address: from wherever. That somebody has it is another matter. */
  find({ publicKey, certificate, ...from }: Omit<Claim, 'address'> & { address?: string }, now: number): Operator | null {
    const { address = null } = from;
    const admits = (line: KeyLine): boolean => now < line.expiresAt && (line.from === null || address === null || line.from.allows(address));
    const key = parsePublicKey(publicKey);
    if (key === null) return null;
    // The first line that names a key counts, as in authorized_keys.
    const own = this.#lines.find((line) => line.authority === null && line.key.line === key.line);
    if (own !== undefined) return admits(own) ? byOwnLine(own) : null;
    const certified = certificate === null ? null : parseCertificate(certificate);
    if (certified === null || certified.key.line !== key.line) return null;
    const authority = this.#lines.find((line) => line.authority !== null && line.key.line === certified.authority.line);
    return authority !== undefined && admits(authority) ? byCertificate(authority, certified, address, now) : null;
  }
}

function byOwnLine({ key, name, email, comment, capabilities, verifyRequired }: KeyLine): Operator {
  const fingerprint = fingerprintOf(key.line);
  const called = name ?? (comment.split('@')[0] || fingerprint);
  const address = email ?? (isPlainEmail(comment) ? comment : null);
  return { ...named(isPlainName(called) ? called : fingerprint, address), publicKey: key.line, fingerprint, capabilities, verifyRequired };
}

/** What line and certificate both allow. */
function byCertificate(line: KeyLine, certificate: Certificate, address: string | null, now: number): Operator | null {
  const { key, principals, critical, validAfter, validBefore } = certificate;
  if (now < validAfter || now >= validBefore) return null;
  if ([...critical.keys()].some((option) => !knownCritical.includes(option))) return null;
  const source = critical.get('source-address');
  if (source !== undefined && address !== null && !allowsSource(textOption(source), address)) return null;
  const principal = principals.find((each) => isPlainName(each) && (line.authority?.principals?.has(each) ?? true));
  if (principal === undefined) return null;
  const verifyRequired = line.verifyRequired || critical.has('verify-required');
  const { capabilities } = line;
  return {
    ...named(principal, isPlainEmail(principal) ? principal : null),
    publicKey: key.line,
    fingerprint: fingerprintOf(key.line),
    capabilities,
    verifyRequired,
  };
}

function allowsSource(patterns: string | null, address: string): boolean {
  try {
    return patterns !== null && new From(patterns).allows(address);
  } catch {
    // A list that we do not understand allows nobody.
    return false;
  }
}

/** For an operator whose address nobody knows. */
export function emailFor(name: string): string {
  return `${name.replace(/[^\w.-]/g, '-')}@keyhole.invalid`;
}

function named(name: string, email: string | null): Pick<Operator, 'name' | 'email'> {
  return { name, email: email ?? emailFor(name) };
}

/** The operators as the file names them now. */
export class OperatorsFile {
  readonly #lines: Operators | null;
  readonly #file: OwnedFile<Operators> | null;

  /** @throws {Error} where lines that were given are not understood. */
  constructor(source: OperatorSource) {
    this.#lines = 'lines' in source ? new Operators(source.lines) : null;
    this.#file = 'file' in source ? new OwnedFile(source.file, (text) => new Operators(text)) : null;
  }

  /** Names the source in messages. */
  get label(): string {
    return this.#file?.path ?? 'the operator who attached';
  }

  /** @throws {Error} where the file is missing, can be changed by others, or has a line that is not understood. */
  read(): Operators {
    return this.#lines ?? this.#file?.read() ?? new Operators('');
  }
}
