/**
 * Who may come in: a file in `authorized_keys` syntax. One line that is not understood and nobody comes in by this file: a restriction that we do not know must not be taken
 * for none.
 */
import { readFileSync, statSync } from 'node:fs';
import { capabilities } from '../protocol/index.ts';
import type { Capability } from '../protocol/index.ts';
import { fingerprintOf, rawKey } from '../journal/index.ts';

export interface Operator {
  name: string;
  email: string;
  /** `ssh-ed25519 AAAA...` */
  publicKey: string;
  fingerprint: string;
  capabilities: Capability[];
}

/** Where the keys stand: a file that is read anew for every connection; or the lines themselves, which hold as long as the agent runs. */
export type OperatorSource = { file: string } | { lines: string };

/** A role includes those before it; `approve` is given by name only. */
const ladder: readonly Capability[] = ['view', 'inspect', 'trace', 'eval', 'patch', 'admin'];
/** What may stand in a name or an address that goes into a commit's headers. */
const plainName = /^[^\p{C}<>"]{1,100}$/u;
const plainEmail = /^[^\s\p{C}<>"@]{1,100}@[^\s\p{C}<>"@]{1,100}$/u;

/** @throws {Error} with the line's number. */
export function parseOperators(text: string): Operator[] {
  const operators: Operator[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    try {
      operators.push(parseLine(trimmed));
    } catch (thrown) {
      throw new Error(`line ${index + 1}: ${thrown instanceof Error ? thrown.message : String(thrown)}`, { cause: thrown });
    }
  }
  return operators;
}

/** @throws {Error} where the file is missing, can be changed by others, or has a line that is not understood. */
export function readOperators(source: OperatorSource): Operator[] {
  if ('lines' in source) return parseOperators(source.lines);
  const { file } = source;
  const stat = statSync(file);
  const uid = process.getuid?.();
  if (stat.uid !== uid && stat.uid !== 0) throw new Error('it belongs to another user');
  if ((stat.mode & 0o022) !== 0) throw new Error('others may write to it: chmod go-w');
  return parseOperators(readFileSync(file, 'utf8'));
}

function parseLine(line: string): Operator {
  const { options, rest } = splitOptions(line);
  const [type, base64, ...words] = rest.split(/\s+/);
  if (type === undefined || base64 === undefined) throw new Error('there is no key');
  const publicKey = `${type} ${base64}`;
  if (type !== 'ssh-ed25519') throw new Error(`keys of type ${type.slice(0, 40)} are not supported: use ssh-ed25519`);
  if (rawKey(publicKey) === null) throw new Error('the key is damaged');
  const comment = words.join(' ');
  const fingerprint = fingerprintOf(publicKey);
  const name = options.get('name') ?? (comment.split('@')[0] || fingerprint);
  if (!plainName.test(name)) throw new Error('the name has characters that do not belong into one');
  const given = options.get('email') ?? (plainEmail.test(comment) ? comment : undefined);
  if (given !== undefined && !plainEmail.test(given)) throw new Error('the email is none');
  const email = given ?? emailFor(name);
  return { name, email, publicKey, fingerprint, capabilities: capabilitiesOf(options.get('roles') ?? '') };
}

/** For an operator whose address nobody knows. */
export function emailFor(name: string): string {
  return `${name.replace(/[^\w.-]/g, '-')}@keyhole.invalid`;
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

/** Options stand before the key, separated by commas: `name="value"` with `\"` for a quote. */
function splitOptions(line: string): { options: Map<string, string>; rest: string } {
  const options = new Map<string, string>();
  if (/^(ssh|ecdsa|sk)-[\w@.-]+\s/.test(line)) return { options, rest: line };
  const option = /([a-z-]+)(?:="((?:[^"\\]|\\.)*)")?/y;
  let at = 0;
  for (;;) {
    option.lastIndex = at;
    const match = option.exec(line);
    if (match === null) throw new Error('an option is not understood');
    const [whole, key = '', value] = match;
    if (!['name', 'email', 'roles'].includes(key) || value === undefined) throw new Error(`the option ${key} is not supported`);
    if (options.has(key)) throw new Error(`the option ${key} is there twice`);
    options.set(key, value.replace(/\\(.)/g, '$1'));
    at += whole.length;
    if (line[at] !== ',') break;
    at += 1;
  }
  if (!/\s/.test(line[at] ?? '')) throw new Error('an option is not understood');
  return { options, rest: line.slice(at).trim() };
}
