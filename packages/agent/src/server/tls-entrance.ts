/**
 * TLS 1.3 on connections that somebody else accepted. Certificates are read again when their files change: sessions keep the one they began with; new files that don't fit leave the old
 * ones in use, and are reported.
 */
import { readFileSync, statSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createSecureContext, createServer, type SecureContextOptions, type Server, type TLSSocket } from 'node:tls';
import { nodeClock } from '../platform/clock.ts';
import type { TcpConfig } from './listen-options.ts';

type Files = NonNullable<TcpConfig['tls']>;

const watchMs = 1_000;

export class TlsEntrance {
  readonly #files: Files;
  readonly #server: Server;
  readonly #broken: (message: string) => void;
  /** Connections under way, by their two ends: a TLS server does not say which one it has secured. */
  readonly #underWay = new Map<string, (secured: TLSSocket) => void>();
  #inUse: string;
  #seen: string;
  #stop: () => void;

  /**
   * @param broken called once for each state of the files that can't be used.
   * @throws {Error} naming the file
   */
  constructor(files: Files, broken: (message: string) => void, handshakeTimeoutMs: number) {
    this.#files = files;
    this.#broken = broken;
    this.#inUse = this.#seen = stateOf(files);
    const wantsClient = files.clientCa !== null;
    this.#server = createServer({
      ...read(files),
      requestCert: wantsClient,
      rejectUnauthorized: wantsClient,
      handshakeTimeout: handshakeTimeoutMs,
    });
    this.#server.on('secureConnection', (secured) => {
      secured.on('error', () => secured.destroy());
      const key = endsOf(secured);
      const done = this.#underWay.get(key);
      this.#underWay.delete(key);
      if (done === undefined) secured.destroy();
      else done(secured);
    });
    this.#stop = nodeClock.after(watchMs, () => this.#look());
  }

  /** A handshake that fails ends the connection. */
  secure(raw: Socket, done: (secured: TLSSocket) => void): void {
    const key = endsOf(raw);
    this.#underWay.set(key, done);
    raw.once('close', () => {
      if (this.#underWay.get(key) === done) this.#underWay.delete(key);
    });
    this.#server.emit('connection', raw);
  }

  close(): void {
    this.#stop();
  }

  /** A change counts when it is still the same at the next look: certificate and key are two files, and are not replaced in one moment. */
  #look(): void {
    const now = stateOf(this.#files);
    if (now !== this.#inUse && now === this.#seen) {
      this.#inUse = now;
      try {
        this.#server.setSecureContext(read(this.#files));
      } catch (thrown) {
        this.#broken(messageOf(thrown));
      }
    }
    this.#seen = now;
    this.#stop = nodeClock.after(watchMs, () => this.#look());
  }
}

function read({ cert, key, clientCa }: Files): SecureContextOptions {
  const options: SecureContextOptions = {
    minVersion: 'TLSv1.3',
    cert: content(cert),
    key: content(key),
    ...(clientCa !== null && { ca: content(clientCa) }),
  };
  try {
    createSecureContext(options);
  } catch (thrown) {
    throw new Error(`TLS can not use ${cert} with ${key}${clientCa === null ? '' : ` and ${clientCa}`}: ${messageOf(thrown)}`, { cause: thrown });
  }
  return options;
}

function content(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (thrown) {
    throw new Error(`the TLS file ${file} can not be read: ${messageOf(thrown)}`, { cause: thrown });
  }
}

function stateOf({ cert, key, clientCa }: Files): string {
  return [cert, key, clientCa ?? cert]
    .map((file) => {
      const stat = statSync(file, { throwIfNoEntry: false, bigint: true });
      return stat === undefined ? '-' : `${stat.ino} ${stat.size} ${stat.mtimeNs}`;
    })
    .join('\n');
}

function endsOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
  return [localAddress, localPort, remoteAddress, remotePort].join(' ');
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
