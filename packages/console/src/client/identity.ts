/** Which keys an operator may have, in the order they are tried. Reads key files and asks ssh-agent; signs nothing. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { KeyholeError } from '@keyhole/agent/protocol';
import { agentKey, openSshKey, pkcs8Key, type SigningKey } from './sign.ts';
import { ed25519Line, publicLineOfOpenSshKey } from './ssh-wire.ts';

/** An agent cuts us off after some wrong keys, as sshd does; whoever has more names one with --identity. */
const maxCandidates = 3;
/** ssh-agent answers at once; a forwarded one over a dead line never does. */
const agentTimeoutMs = 3_000;

/**
 * The keys to try: the one that was named, else those of ssh-agent, then `~/.ssh/id_ed25519`.
 * @throws {KeyholeError} USAGE where there is none, or where the named one can not be used.
 */
export async function signingKeys(named: string | undefined, env: NodeJS.ProcessEnv): Promise<SigningKey[]> {
  const file = named ?? nonEmpty(env['KEYHOLE_IDENTITY']);
  if (file !== undefined) return [await keyFromFile(file)];
  const keys = await keysOfAgent(env);
  const home = join(env['HOME'] ?? homedir(), '.ssh', 'id_ed25519');
  try {
    const own = await keyFromFile(home);
    if (!keys.some((key) => key.publicKey === own.publicKey)) keys.push(own);
  } catch (error) {
    // No such file is the usual case; any other trouble only matters when there is nothing else to try.
    if (keys.length === 0 && !(error instanceof KeyholeError && error.code === 'NOT_FOUND')) throw error;
  }
  if (keys.length === 0) {
    throw new KeyholeError(
      'USAGE',
      'there is no key to prove who you are: ssh-agent has no Ed25519 key and there is no ~/.ssh/id_ed25519',
      'Name one with --identity FILE or KEYHOLE_IDENTITY, or make one: keyhole keygen FILE',
    );
  }
  return keys.slice(0, maxCandidates);
}

async function keyFromFile(file: string): Promise<SigningKey> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new KeyholeError(code === 'ENOENT' ? 'NOT_FOUND' : 'USAGE', `the key ${file} can not be read: ${message}`);
  }
  if (text.includes('-----BEGIN PRIVATE KEY-----')) return pkcs8Key(file, text);
  const publicLine = ed25519Line(text);
  if (publicLine !== null) return agentKey(file, publicLine);
  const inside = publicLineOfOpenSshKey(text);
  if (inside !== null) return openSshKey(file, inside, file);
  throw new KeyholeError('USAGE', `${file} is not an Ed25519 key`, 'Make one: ssh-keygen -t ed25519, or keyhole keygen FILE');
}

function keysOfAgent(env: NodeJS.ProcessEnv): Promise<SigningKey[]> {
  if (nonEmpty(env['SSH_AUTH_SOCK']) === undefined) return Promise.resolve([]);
  return new Promise((resolve) => {
    // No agent, an empty one, no ssh-add: all mean that it has no key for us.
    execFile('ssh-add', ['-L'], { env, timeout: agentTimeoutMs }, (error, stdout) => {
      if (error !== null) return resolve([]);
      const keys = new Map<string, SigningKey>();
      for (const line of stdout.split('\n')) {
        const publicKey = ed25519Line(line);
        const comment = line.trim().split(/\s+/).slice(2).join(' ');
        if (publicKey !== null) keys.set(publicKey, agentKey(`ssh-agent ${comment}`.trimEnd(), publicKey));
      }
      resolve([...keys.values()]);
    });
  });
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
