/** The way to an agent, up to where a websocket can begin: a Unix socket, TCP, TLS, or any of these at the end of an ssh. What it knows about the other end is said, and judged elsewhere. */
import { readFile, realpath, stat } from 'node:fs/promises';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { exporterBytes, exporterLabel, KeyholeError, socketBinding, tcpBinding } from '@keyhole/agent/protocol';
import type { DirectEndpoint, Endpoint } from './endpoint.ts';
import { openSsh } from './ssh.ts';

export interface Channel {
  stream: Duplex;
  /** The request's Host. */
  authority: string;
  /** What both ends sign about the place, and about this TLS connection. */
  binding: string;
  exporter: Uint8Array | null;
  /** What vouches for the other end, so that its host key need not be known: the socket's folder, which only this user can enter; a certificate; ssh. Null where nothing does. */
  vouchedBy: 'folder' | 'certificate' | 'ssh' | null;
  /** What its host key is remembered by. */
  place: string;
  /** The service's name and host key, where the far end of an ssh knows them. */
  service: string | null;
  hostKey: string | null;
}

export interface ChannelOptions {
  env: NodeJS.ProcessEnv;
  /** PEM file: the certificate must come from one of these. */
  ca?: string | undefined;
  /** PEM file with a certificate and its key. */
  clientCert?: string | undefined;
}

const openTimeoutMs = 5_000;
const ourHost = 'keyhole';

/** @throws {KeyholeError} UNREACHABLE, USAGE, HOST_KEY, or what the other end of an ssh says. */
export async function openChannel(endpoint: Endpoint, label: string, options: ChannelOptions): Promise<Channel> {
  if (endpoint.kind === 'ssh') {
    // A path is one of that machine, and real there.
    const { stream, endpoint: far, service, hostKey } = await openSsh(endpoint, label, options.env);
    const channel = far.kind === 'socket' ? onSocket(stream, far.path) : await onPort(stream, far, label, options);
    return { ...channel, vouchedBy: 'ssh', service, hostKey };
  }
  const stream = await connectDirectly(endpoint, label);
  if (endpoint.kind === 'tcp') return onPort(stream, endpoint, label, options);
  const path = await realpath(endpoint.path);
  return { ...onSocket(stream, path), vouchedBy: (await isOurFolder(path)) ? 'folder' : null };
}

/** The bare connection, without TLS. */
export function connectDirectly(endpoint: DirectEndpoint, label: string): Promise<Socket> {
  const socket = endpoint.kind === 'socket' ? connectTcp(endpoint.path) : connectTcp({ host: endpoint.host, port: endpoint.port, noDelay: true });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => socket.destroy(unreachable(label, 'it did not answer in time')), openTimeoutMs);
    socket.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(error instanceof KeyholeError ? error : unreachable(label, error.message, error.code));
    });
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve(socket);
    });
  });
}

function onSocket(stream: Duplex, realPath: string): Channel {
  const binding = socketBinding(realPath);
  return { stream, authority: ourHost, binding, exporter: null, vouchedBy: null, place: binding, service: null, hostKey: null };
}

async function onPort(
  stream: Duplex,
  { host, authority, isTls }: Extract<DirectEndpoint, { kind: 'tcp' }>,
  label: string,
  options: ChannelOptions,
): Promise<Channel> {
  const plain: Channel = {
    stream,
    authority,
    binding: tcpBinding(isTls, authority),
    exporter: null,
    vouchedBy: null,
    place: `${isTls ? 'wss' : 'ws'}://${authority}`,
    service: null,
    hostKey: null,
  };
  if (!isTls) return plain;
  const { secured, exporter, isBelieved } = await secure(stream, host, label, options);
  return { ...plain, stream: secured, exporter, vouchedBy: isBelieved ? 'certificate' : null };
}

async function secure(
  stream: Duplex,
  host: string,
  label: string,
  { env, ca, clientCert }: ChannelOptions,
): Promise<{ secured: Duplex; exporter: Uint8Array; isBelieved: boolean }> {
  const caFile = ca ?? nonEmpty(env['KEYHOLE_CA']);
  const clientFile = clientCert ?? nonEmpty(env['KEYHOLE_CLIENT_CERT']);
  const client = clientFile === undefined ? undefined : await pem(clientFile);
  const options: ConnectionOptions = {
    socket: stream,
    host,
    ...(isIP(host) === 0 && { servername: host }),
    minVersion: 'TLSv1.3',
    // Judged below: without a certificate that is known, the host key decides.
    rejectUnauthorized: false,
    ...(caFile !== undefined && { ca: await pem(caFile) }),
    ...(client !== undefined && { cert: client, key: client }),
  };
  const secured = connectTls(options);
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => secured.destroy(unreachable(label, 'its TLS did not answer in time')), openTimeoutMs);
    secured.once('secureConnect', () => {
      clearTimeout(timer);
      resolve();
    });
    secured.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(error instanceof KeyholeError ? error : unreachable(label, error.message, error.code));
    });
  });
  const why = secured.authorized ? null : String(secured.authorizationError);
  if (why !== null && caFile !== undefined) {
    secured.destroy();
    throw new KeyholeError(
      'HOST_KEY',
      `the certificate of ${label} does not come from ${caFile}: ${why}`,
      'Nothing was sent. Is it the right address, and the right --ca?',
    );
  }
  return { secured, exporter: new Uint8Array(secured.exportKeyingMaterial(exporterBytes, exporterLabel, Buffer.alloc(0))), isBelieved: why === null };
}

/** Nobody but this user (and root) could have put the socket there. */
async function isOurFolder(socketPath: string): Promise<boolean> {
  const { uid, mode } = await stat(dirname(socketPath)).catch(() => ({ uid: -1, mode: 0o777 }));
  return uid === process.getuid?.() && (mode & 0o077) === 0;
}

async function pem(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new KeyholeError('USAGE', `${file} can not be read: ${(error as Error).message}`);
  }
}

function unreachable(label: string, why: string, code?: string): KeyholeError {
  return new KeyholeError('UNREACHABLE', `${label} can not be reached: ${why}`, hintFor(code));
}

function hintFor(code: string | undefined): string {
  if (code === 'EACCES') return 'The socket belongs to another user: run the console as the user of the service';
  if (code === 'ECONNREFUSED' || code === 'ENOENT') return 'The service has ended without taking its announcement away. keyhole ps lists what runs';
  if (code?.includes('CERTIFICATE_REQUIRED')) return 'It wants a client certificate: --client-cert FILE, with certificate and key in it';
  return 'keyhole ps lists what runs';
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
