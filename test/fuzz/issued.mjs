/** A user certificate as ssh-keygen issues it, made once for a process: what is changed in it must not be taken for one. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';

function issue() {
  const folder = mkdtempSync(path.join(tmpdir(), 'kh-fuzz-'));
  try {
    const file = (name) => path.join(folder, name);
    const keygen = (...words) => execFileSync('ssh-keygen', ['-q', ...words], { stdio: 'ignore' });
    for (const name of ['ca', 'user']) keygen('-t', 'ed25519', '-N', '', '-C', name, '-f', file(name));
    keygen('-s', file('ca'), '-I', 'alice', '-n', 'alice,ops', '-V', '+52w', '-O', 'source-address=10.0.0.0/8', file('user.pub'));
    return readFileSync(file('user-cert.pub'), 'utf8').trim().split(' ', 2).join(' ');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// The targets are a bundle of their own, in the same process.
export const certificateLine = (globalThis.keyholeIssued ??= issue());
export const certificateBlob = Buffer.from(certificateLine.split(' ')[1], 'base64');
