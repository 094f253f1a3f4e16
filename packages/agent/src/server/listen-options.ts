/** Where the door listens, as it is told: everything that can be judged without a look at the machine. What needs one (does the name resolve to loopback?) waits for listener.ts. */
import * as path from 'node:path';
import { required } from '../platform/later.ts';

/** Nobody needs it for a socket that has a path. */
const net = (): typeof import('node:net') => required('node:net');

/** PEM files, read again when they change. */
export interface TlsFiles {
  /** The certificate, and those between it and its authority. */
  cert: string;
  key: string;
  /** Only who shows a certificate of one of these authorities gets as far as a key. */
  clientCa?: string;
}

export type ListenOptions =
  /** `true`: a socket in the runtime directory; a string: the socket's own path. */
  | { socket: true | string }
  /**
   * Without `tls` on loopback only. Port 0 takes a free one, which the announcement names. A request has to name `host:port` as its Host, or one of `authorities`: what consoles
   * say that come through a forwarded port, or to a wildcard address by a name.
   */
  | { host: string; port: number; tls?: TlsFiles; authorities?: string[] };

export interface TcpConfig {
  kind: 'tcp';
  /** An address in canonical form, or a name in lower case. */
  host: string;
  port: number;
  tls: { cert: string; key: string; clientCa: string | null } | null;
  authorities: string[];
}
/** `path` null: `<runtime dir>/<service>.<pid>.sock`. */
export type ListenConfig = { kind: 'socket'; path: string | null } | TcpConfig;

const maxAuthorities = 32;

/** @throws {TypeError} naming the option. */
export function resolveListen(options: ListenOptions | undefined): ListenConfig {
  if (options === undefined) return { kind: 'socket', path: null };
  if (typeof options !== 'object' || options === null || Array.isArray(options)) throw new TypeError('listen must be an object');
  if ('host' in options) return resolveTcp(options);
  known(options, 'listen', ['socket', 'host', 'port', 'tls', 'authorities']);
  for (const field of Object.keys(options)) if (field !== 'socket') throw new TypeError(`listen.${field} needs listen.host and listen.port`);
  const socket = options.socket ?? true;
  if (socket !== true && (typeof socket !== 'string' || socket === '')) throw new TypeError('listen.socket must be true or the path of a socket');
  return { kind: 'socket', path: socket === true ? null : path.resolve(socket) };
}

function resolveTcp(options: Extract<ListenOptions, { host: string }>): TcpConfig {
  known(options, 'listen', ['host', 'port', 'tls', 'authorities']);
  const { host, port, tls, authorities = [] } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new TypeError('listen.port must be a whole number from 0 to 65535; 0 takes a free one');
  if (!Array.isArray(authorities) || authorities.length > maxAuthorities) {
    throw new TypeError(`listen.authorities must be a list of at most ${maxAuthorities}`);
  }
  if (tls !== undefined) known(tls, 'listen.tls', ['cert', 'key', 'clientCa']);
  return {
    kind: 'tcp',
    host: resolveHost(host, 'listen.host'),
    port,
    tls:
      tls === undefined
        ? null
        : {
            cert: file(tls.cert, 'listen.tls.cert'),
            key: file(tls.key, 'listen.tls.key'),
            clientCa: tls.clientCa === undefined ? null : file(tls.clientCa, 'listen.tls.clientCa'),
          },
    authorities: authorities.map((each, index) => {
      const parsed = typeof each === 'string' ? parseAuthority(each) : null;
      if (parsed === null) throw new TypeError(`listen.authorities[${index}] must be host:port`);
      return authorityOf(resolveHost(parsed.host, `listen.authorities[${index}]`), parsed.port);
    }),
  };
}

/**
 * What KEYHOLE_LISTEN says, over what the file says: `socket`, a path (with a slash in it), `host:port` or `[::1]:port`. TLS files stand in keyhole.config.json.
 * @throws {TypeError}
 */
export function listenFromVariable(value: string, file: ListenOptions | undefined): ListenOptions {
  if (value === 'socket') return { socket: true };
  if (value.includes('/')) return { socket: value };
  const parsed = parseAuthority(value);
  if (parsed === null) throw new TypeError(`KEYHOLE_LISTEN must be socket, the path of a socket, or host:port, not ${value}`);
  // The variable says where; whether with TLS stays what the file says.
  const { host: _, port: __, ...rest } = typeof file === 'object' && file !== null && 'host' in file ? file : { host: '', port: 0 };
  return { ...rest, ...parsed };
}

/** `host:port`; an IPv6 address stands in brackets. */
export function authorityOf(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function parseAuthority(text: string): { host: string; port: number } | null {
  const [, v6, name, digits] = /^(?:\[([^[\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? name;
  if (host === undefined || (v6 !== undefined && !net().isIPv6(v6))) return null;
  const port = Number(digits);
  return port > 65_535 ? null : { host, port };
}

/** Addresses in the one form that URLs have too: Host is compared letter by letter. Octal, hexadecimal and shortened IPv4 addresses are nobody's name. */
function resolveHost(host: unknown, name: string): string {
  if (typeof host !== 'string' || host === '') throw new TypeError(`${name} must be an address or a name`);
  if (net().isIPv4(host)) return host;
  if (net().isIPv6(host) && !host.includes('%')) return new URL(`http://[${host}]/`).hostname.slice(1, -1);
  const isName = host.length <= 253 && /^(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)*[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/i.test(host);
  if (!isName || /(?:^|\.)(?:\d+|0x[\da-f]*)$/i.test(host)) throw new TypeError(`${name} must be an address or a name, not ${host}`);
  return host.toLowerCase();
}

function known(value: object, name: string, fields: string[]): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError(`${name} must be an object`);
  for (const field of Object.keys(value)) {
    if (!fields.includes(field)) throw new TypeError(`there is no option ${name}.${field}; there are ${fields.join(', ')}`);
  }
}

function file(value: unknown, name: string): string {
  if (typeof value !== 'string' || value === '') throw new TypeError(`${name} must be the path of a PEM file`);
  return path.resolve(value);
}
