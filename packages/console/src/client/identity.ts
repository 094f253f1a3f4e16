/** Which keys an operator may have, in the order they are tried. Reads key files and asks ssh-agent; signs nothing. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { KeyholeError } from '@keyhole/agent/protocol';
import { isCertificateLine, parseCertificate } from '@keyhole/agent/ssh';
import { agentKey, openSshKey, pkcs8Key, type SigningKey } from './sign.ts';
import { sshIdentities } from './ssh-config.ts';
import { firstTwoWords, keyLine, publicLineOfOpenSshKey } from './ssh-wire.ts';

/** An agent cuts us off after some wrong keys, as sshd does; whoever has more names one with --identity. */
const maxCandidates = 3;
/** ssh-agent answers at once; a forwarded one over a dead line never does. */
const agentTimeoutMs = 3_000;
/** The host under which the operator's ssh configuration may name a key for agents of this machine. */
const localHost = 'keyhole';

/**
 * The keys to try: the one that was named, else those of ssh-agent, then the files that ssh would take.
 * @param host for `Host` blocks of the ssh configuration
 * @throws {KeyholeError} USAGE where there is none, or where the named one can not be used.
 */
export async function signingKeys(named: string | undefined, env: NodeJS.ProcessEnv, host = localHost): Promise<SigningKey[]> {
  const file = named ?? nonEmpty(env['KEYHOLE_IDENTITY']);
  if (file !== undefined) return [await keyFromFile(file, new Map())];
  // Two programs, neither of which needs the other.
  const [identities, held] = await Promise.all([sshIdentities(host, env), linesOfAgent(env)]);
  const certificates = await certificatesIn(identities.certificateFiles);
  const own: SigningKey[] = [];
  let trouble: unknown = null;
  for (const identity of identities.identityFiles) {
    try {
      own.push(await keyFromFile(identity, certificates));
    } catch (error) {
      // No such file is the usual case; any other trouble only matters when there is nothing else to try.
      if (!(error instanceof KeyholeError && error.code === 'NOT_FOUND')) trouble ??= error;
    }
  }
  const keys = keysOfAgent(held, certificates).filter((key) => !identities.identitiesOnly || own.some((each) => each.publicKey === key.publicKey));
  for (const key of own) if (!keys.some((each) => each.publicKey === key.publicKey)) keys.push(key);
  if (keys.length === 0 && trouble !== null) throw trouble;
  if (keys.length === 0) {
    throw new KeyholeError(
      'USAGE',
      'there is no key to prove who you are: ssh-agent has none of a supported kind and there is no ~/.ssh/id_ed25519',
      'Name one with --identity FILE or KEYHOLE_IDENTITY, or make one: keyhole keygen FILE',
    );
  }
  return keys.slice(0, maxCandidates);
}

/** @param certificates those that the configuration names, by key. */
async function keyFromFile(file: string, certificates: ReadonlyMap<string, string>): Promise<SigningKey> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new KeyholeError(code === 'ENOENT' ? 'NOT_FOUND' : 'USAGE', `the key ${file} can not be read: ${message}`);
  }
  const beside = await certificatesIn([`${file.replace(/\.pub$/, '')}-cert.pub`]);
  const certificateOf = (key: string): string | null => certificates.get(key) ?? beside.get(key) ?? null;
  if (text.includes('-----BEGIN PRIVATE KEY-----')) {
    const key = pkcs8Key(file, text);
    return { ...key, certificate: certificateOf(key.publicKey) };
  }
  const publicLine = keyLine(text);
  if (publicLine !== null) return agentKey(file, publicLine, certificateOf(publicLine));
  const inside = publicLineOfOpenSshKey(text);
  if (inside !== null) return openSshKey(file, inside, certificateOf(inside));
  throw new KeyholeError(
    'USAGE',
    `${file} is no key of a supported kind: Ed25519, ECDSA P-256, or one of a hardware token`,
    'Make one: ssh-keygen -t ed25519, or keyhole keygen FILE',
  );
}

/** Certificates in these files, by the line of the key that they certify. */
async function certificatesIn(files: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const file of files) {
    // ssh-keygen makes one beside a key; mostly there is none.
    const text = await readFile(file, 'utf8').catch(() => '');
    collectCertificate(text, found);
  }
  return found;
}

function collectCertificate(line: string, found: Map<string, string>): void {
  const words = firstTwoWords(line);
  const certificate = isCertificateLine(words) ? parseCertificate(words) : null;
  if (certificate !== null) found.set(certificate.key.line, words);
}

/** What ssh-agent holds, as lines of public keys and certificates. */
function linesOfAgent(env: NodeJS.ProcessEnv): Promise<string[]> {
  if (nonEmpty(env['SSH_AUTH_SOCK']) === undefined) return Promise.resolve([]);
  return new Promise((resolve) => {
    // No agent, an empty one, no ssh-add: all mean that it has no key for us.
    execFile('ssh-add', ['-L'], { env, timeout: agentTimeoutMs }, (error, stdout) => resolve(error === null ? stdout.split('\n') : []));
  });
}

function keysOfAgent(lines: readonly string[], certificates: ReadonlyMap<string, string>): SigningKey[] {
  const known = new Map(certificates);
  for (const line of lines) collectCertificate(line, known);
  const keys = new Map<string, SigningKey>();
  for (const line of lines) {
    const publicKey = keyLine(line);
    const comment = line.trim().split(/\s+/).slice(2).join(' ');
    if (publicKey !== null) keys.set(publicKey, agentKey(`ssh-agent ${comment}`.trimEnd(), publicKey, known.get(publicKey) ?? null));
  }
  return [...keys.values()];
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
