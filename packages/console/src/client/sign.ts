/** Signatures by the operator's key. The private half is used where it lies: by OpenSSH and its agent, or in memory for a PKCS 8 file; never sent. */
import { spawn } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeyholeError } from '@keyhole/agent/protocol';
import { armoredSignature, publicKeyLine } from './ssh-wire.ts';

/** A key that may prove who the operator is. */
export interface SigningKey {
  /** Where it came from, for messages. */
  label: string;
  /** `ssh-ed25519 AAAA...` */
  publicKey: string;
  /** A user certificate of that key: `ssh-ed25519-cert-v01@openssh.com AAAA...` */
  certificate: string | null;
  /** Signing may ask for a passphrase on the terminal. */
  mayAsk: boolean;
  /** An armored SSHSIG over the message. */
  sign(namespace: string, message: string): Promise<string>;
}

/** A key in a PKCS 8 PEM file: needs no OpenSSH on the machine. */
export function pkcs8Key(label: string, pem: string): SigningKey {
  let key;
  try {
    key = createPrivateKey(pem);
  } catch (error) {
    throw new KeyholeError('USAGE', `${label} can not be read as a private key: ${(error as Error).message}`);
  }
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new KeyholeError('USAGE', `${label} is a key of type ${key.asymmetricKeyType}`, 'Use an Ed25519 key: keyhole keygen FILE');
  }
  const publicKey = publicKeyLine(key);
  return { label, publicKey, certificate: null, mayAsk: false, sign: async (namespace, message) => armoredSignature(key, namespace, message) };
}

/** A private key file of OpenSSH. ssh-keygen asks for its passphrase on the terminal, and says when a token wants to be touched. */
export function openSshKey(file: string, publicKey: string, certificate: string | null): SigningKey {
  return { label: file, publicKey, certificate, mayAsk: true, sign: (namespace, message) => sshKeygenSign(file, namespace, message) };
}

/** A key that ssh-agent holds: ssh-keygen finds it by its public half, which it wants as a file. */
export function agentKey(label: string, publicKey: string, certificate: string | null): SigningKey {
  return {
    label,
    publicKey,
    certificate,
    mayAsk: false,
    sign: async (namespace, message) => {
      const dir = await mkdtemp(join(tmpdir(), 'keyhole-key-'));
      try {
        const file = join(dir, 'key.pub');
        await writeFile(file, `${publicKey}\n`, { mode: 0o600 });
        return await sshKeygenSign(file, namespace, message);
      } finally {
        await rm(dir, { recursive: true, force: true });
      }
    },
  };
}

function sshKeygenSign(file: string, namespace: string, message: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('ssh-keygen', ['-Y', 'sign', '-n', namespace, '-f', file], { stdio: ['pipe', 'pipe', 'pipe'] });
    const output: Buffer[] = [];
    const complaints: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk));
    child.on('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'ENOENT'
          ? new KeyholeError(
              'USAGE',
              'ssh-keygen is not installed, and this key needs it',
              'Install OpenSSH, or make a key of ours: keyhole keygen FILE',
            )
          : error,
      );
    });
    child.on('close', (status) => {
      if (status === 0) resolve(Buffer.concat(output).toString('utf8'));
      else reject(new KeyholeError('NOT_ALLOWED', `ssh-keygen could not sign with ${file}: ${lastLine(Buffer.concat(complaints).toString('utf8'))}`));
    });
    // A child that ended early has said why on stderr; the broken pipe says nothing more.
    child.stdin.on('error', () => undefined);
    child.stdin.end(message);
  });
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? '';
}
