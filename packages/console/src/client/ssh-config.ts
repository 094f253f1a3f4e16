/** Which identities ssh would take for a host, by asking ssh itself: its configuration is the operator's word on which key goes where. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';

export interface SshIdentities {
  /** Private key files in the order in which ssh tries them; not each need exist. */
  identityFiles: string[];
  certificateFiles: string[];
  /** `IdentitiesOnly`: of ssh-agent's keys only those that stand in these files. */
  identitiesOnly: boolean;
}

const timeoutMs = 3_000;
/** What ssh tries where nobody says otherwise, as far as we support it; also where there is no ssh. */
const defaults = ['id_ecdsa', 'id_ecdsa_sk', 'id_ed25519', 'id_ed25519_sk'];

/** @param host what `Host` blocks of the configuration are held against; `keyhole` for agents of this machine. */
export function sshIdentities(host: string, env: NodeJS.ProcessEnv): Promise<SshIdentities> {
  const home = env['HOME'] ?? homedir();
  const otherwise = { identityFiles: defaults.map((name) => join(home, '.ssh', name)), certificateFiles: [], identitiesOnly: false };
  return new Promise((resolve) => {
    execFile('ssh', ['-G', ...configOf(home), '--', host], { env, timeout: timeoutMs }, (error, stdout) => {
      // No ssh, or a configuration that it refuses: ssh itself says what is wrong with it.
      if (error !== null) return resolve(otherwise);
      const values = (key: string): string[] =>
        stdout.split('\n').flatMap((line) => (line.startsWith(`${key} `) ? [line.slice(key.length + 1)] : []));
      const files = (key: string): string[] => values(key).map((file) => file.replace(/^~(?=\/)/, home));
      resolve({
        identityFiles: files('identityfile'),
        certificateFiles: files('certificatefile'),
        identitiesOnly: values('identitiesonly')[0] === 'yes',
      });
    });
  });
}

/** ssh takes the home directory from the user database, whatever HOME says; we follow HOME, as for everything else. */
function configOf(home: string): string[] {
  if (home === userInfo().homedir) return [];
  const file = join(home, '.ssh', 'config');
  return ['-F', existsSync(file) ? file : 'none'];
}
