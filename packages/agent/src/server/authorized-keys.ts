/**
 * One line of the operators file, in `authorized_keys` syntax. What is not understood is an error: a restriction that we do not know must not be taken for none.
 */
import { capabilities } from '../protocol/index.ts';
import type { Capability } from '../protocol/index.ts';
import { isCertificateLine, parsePublicKey } from '../ssh/index.ts';
import type { PublicKey } from '../ssh/index.ts';
import { From } from './from.ts';

/** A key of an operator's, or of an authority that certifies the keys of many. */
export interface KeyLine {
  key: PublicKey;
  comment: string;
  name: string | null;
  email: string | null;
  capabilities: Capability[];
  from: From | null;
  /** Milliseconds since 1970; Infinity where it never expires. */
  expiresAt: number;
  /** A hardware token has to ask for a PIN or a finger at every login. */
  verifyRequired: boolean;
  /** `cert-authority`: names that its certificates may give; null: any. */
  authority: { principals: ReadonlySet<string> | null } | null;
}

/** A role includes those before it; `approve` is given by name only. */
const ladder: readonly Capability[] = ['view', 'inspect', 'trace', 'eval', 'patch', 'admin'];
/** What may stand in a name or an address that goes into a commit's headers. */
const plainName = /^[^\p{C}<>"]{1,100}$/u;
const plainEmail = /^[^\s\p{C}<>"@]{1,100}@[^\s\p{C}<>"@]{1,100}$/u;
/** Options that have a value, and those that have none. */
const valued = ['name', 'email', 'roles', 'from', 'expiry-time', 'principals'];
const flags = ['cert-authority', 'verify-required', 'restrict'];

export const isPlainName = (text: string): boolean => plainName.test(text);
export const isPlainEmail = (text: string): boolean => plainEmail.test(text);

/** @throws {Error} saying what is not understood. */
export function parseKeyLine(line: string): KeyLine {
  const { options, rest } = splitOptions(line);
  const [type, base64, ...words] = rest.split(/\s+/);
  if (type === undefined || base64 === undefined) throw new Error('there is no key');
  if (isCertificateLine(type)) throw new Error('a certificate has no place here: give the key of its authority, with cert-authority');
  const key = parsePublicKey(`${type} ${base64}`);
  if (key === null) throw new Error(unusable(type));
  const isAuthority = options.has('cert-authority');
  const name = options.get('name') ?? null;
  const email = options.get('email') ?? null;
  if (name !== null && !isPlainName(name)) throw new Error('the name has characters that do not belong into one');
  if (email !== null && !isPlainEmail(email)) throw new Error('the email is none');
  if (isAuthority && (name ?? email) !== null)
    throw new Error('the name of a certificate is its principal: cert-authority takes no name and no email');
  const principals = options.get('principals');
  if (principals !== undefined && !isAuthority) throw new Error('principals belongs to cert-authority');
  const isToken = key.application !== null;
  const verifyRequired = options.has('verify-required');
  if (verifyRequired && !isToken && !isAuthority) throw new Error('verify-required is for the keys of hardware tokens (sk-)');
  const from = options.get('from');
  return {
    key,
    comment: words.join(' '),
    name,
    email,
    capabilities: capabilitiesOf(options.get('roles') ?? ''),
    from: from === undefined ? null : new From(from),
    expiresAt: expiryOf(options.get('expiry-time')),
    verifyRequired,
    authority: isAuthority ? { principals: principals === undefined ? null : new Set(principals.split(',').map((each) => each.trim())) } : null,
  };
}

function unusable(type: string): string {
  if (/^(ssh-ed25519|ecdsa-sha2-nistp256|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com)$/.test(type)) return 'the key is damaged';
  return `keys of type ${type.slice(0, 40)} are not supported: use ssh-ed25519, ecdsa-sha2-nistp256 or the sk- keys of a hardware token`;
}

function capabilitiesOf(roles: string): Capability[] {
  const granted = new Set<Capability>();
  for (const role of roles.split(',').map((each) => each.trim())) {
    if (role === '') continue;
    if (!(capabilities as readonly string[]).includes(role)) throw new Error(`there is no role ${role.slice(0, 40)}`);
    const rung = ladder.indexOf(role as Capability);
    for (const capability of rung === -1 ? [role as Capability] : ladder.slice(0, rung + 1)) granted.add(capability);
  }
  return [...granted];
}

/** `202612312359Z`: UTC, since the local time of a container is nobody's. */
function expiryOf(text: string | undefined): number {
  if (text === undefined) return Infinity;
  const [, year, month, day, hour = '00', minute = '00', second = '00'] = /^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?Z$/.exec(text) ?? [];
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const at = Date.parse(iso);
  // Date.parse takes the 31st of a month of 30 days for the 1st of the next.
  if (Number.isNaN(at) || new Date(at).toISOString() !== iso) throw new Error('expiry-time is a time in UTC, as 20261231Z or 202612312359Z');
  return at;
}

/** Options stand before the key, separated by commas: `name="value"` with `\"` for a quote. */
function splitOptions(line: string): { options: Map<string, string>; rest: string } {
  const options = new Map<string, string>();
  if (/^(ssh|ecdsa|sk)-[\w@.-]+(\s|$)/.test(line)) return { options, rest: line };
  const option = /([a-z-]+)(?:="((?:[^"\\]|\\.)*)")?/y;
  let at = 0;
  for (;;) {
    option.lastIndex = at;
    const match = option.exec(line);
    if (match === null) throw new Error('an option is not understood');
    const [whole, key = '', value] = match;
    if (![...flags, ...valued].includes(key)) throw new Error(`the option ${key} is not supported`);
    if (valued.includes(key) !== (value !== undefined))
      throw new Error(`the option ${key} takes ${value === undefined ? 'a value in quotes' : 'no value'}`);
    if (options.has(key)) throw new Error(`the option ${key} is there twice`);
    options.set(key, value?.replace(/\\(.)/g, '$1') ?? '');
    at += whole.length;
    if (line[at] !== ',') break;
    at += 1;
  }
  if (!/\s/.test(line[at] ?? '')) throw new Error('an option is not understood');
  return { options, rest: line.slice(at).trim() };
}
