/** Certificates of a test's own authorities, made by openssl. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';

export interface Issued {
  cert: string;
  key: string;
  /** Both in one file, as the console takes them. */
  both: string;
}

export class Authority {
  readonly ca: string;
  readonly #folder: string;
  readonly #key: string;

  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.ca = path.join(folder, `${name}.pem`);
    this.#key = path.join(folder, `${name}.key`);
    openssl('req', '-x509', '-newkey', 'ed25519', '-nodes', '-days', '30', '-subj', `/CN=${name}`, '-keyout', this.#key, '-out', this.ca);
  }

  /** @param names as openssl writes them: `IP:127.0.0.1`, `DNS:localhost` */
  issue(file: string, names: string): Issued {
    const at = (suffix: string): string => path.join(this.#folder, `${file}${suffix}`);
    const [cert, key, request, extensions, both] = [at('.pem'), at('.key'), at('.csr'), at('.ext'), at('.both.pem')];
    writeFileSync(extensions, `subjectAltName=${names}\n`);
    openssl('req', '-newkey', 'ed25519', '-nodes', '-subj', `/CN=${file}`, '-keyout', key, '-out', request);
    openssl(
      'x509',
      '-req',
      '-in',
      request,
      '-CA',
      this.ca,
      '-CAkey',
      this.#key,
      '-CAcreateserial',
      '-days',
      '30',
      '-extfile',
      extensions,
      '-out',
      cert,
    );
    writeFileSync(both, readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'), { mode: 0o600 });
    return { cert, key, both };
  }
}

function openssl(...words: string[]): void {
  execFileSync('openssl', words, { stdio: ['ignore', 'ignore', 'pipe'] });
}
