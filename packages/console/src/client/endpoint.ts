/** Where an agent can be reached, read from what an operator typed. Opens nothing. */
import { isIP } from 'node:net';
import { KeyholeError } from '@keyhole/agent/protocol';

/** What this machine can connect to itself. */
export type DirectEndpoint =
  | { kind: 'socket'; path: string }
  /** `authority`: `host:port`, as the request's Host names it. */
  | { kind: 'tcp'; host: string; port: number; authority: string; isTls: boolean };

export type Endpoint =
  | DirectEndpoint
  /** An agent that `name` stands for on another machine. */
  | { kind: 'ssh'; user: string | null; host: string; port: string | null; name: string };

/** What stands before the colon decides; null where it is no address of ours but a name, a number or a path. @throws {KeyholeError} USAGE */
export function parseEndpoint(text: string): Endpoint | null {
  if (text.startsWith('ssh://')) return parseSsh(text);
  return /^wss?:\/\//.test(text) ? parseTcp(text) : null;
}

/** The address of an announcement, from the runtime directory; null where it is none that we know. */
export function announcedEndpoint(address: string): DirectEndpoint | null {
  if (address.startsWith('unix:/')) return { kind: 'socket', path: address.slice('unix:'.length) };
  if (!/^wss?:\/\//.test(address)) return null;
  const endpoint = parseTcp(address);
  // Whoever listens on all addresses listens on loopback too.
  const host = endpoint.host === '0.0.0.0' ? '127.0.0.1' : endpoint.host === '::' ? '::1' : endpoint.host;
  return { ...endpoint, host, authority: authorityOf(host, endpoint.port) };
}

function parseTcp(text: string): Extract<DirectEndpoint, { kind: 'tcp' }> {
  const [, scheme, name, digits] = /^(wss?):\/\/([^/?#@\s]+):(\d{1,5})\/?$/.exec(text) ?? [];
  const port = Number(digits);
  if (name === undefined || !URL.canParse(`http://${name}/`) || port < 1 || port > 65_535) {
    throw new KeyholeError('USAGE', `${text} is not wss://HOST:PORT`, 'The port has to be there, and nothing behind it');
  }
  const host = new URL(`http://${name}/`).hostname.replace(/^\[|\]$/g, '');
  const isTls = scheme === 'wss';
  if (!isTls && !(host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.')))) {
    throw new KeyholeError('USAGE', `${text}: without TLS an agent is reached on this machine only`, 'Take wss://HOST:PORT, or ssh://HOST/NAME');
  }
  return { kind: 'tcp', host, port, authority: authorityOf(host, port), isTls };
}

function authorityOf(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Only what can be no option of ssh's, and nothing in it for a shell: ssh hands user and host to the commands of its configuration. */
function parseSsh(text: string): Endpoint {
  const [, user = null, v6, plain, port = null, name] =
    /^ssh:\/\/(?:([A-Za-z0-9_][A-Za-z0-9_.+-]{0,63})@)?(?:\[([0-9A-Fa-f:]{2,45})\]|([A-Za-z0-9_][A-Za-z0-9_.-]{0,252}))(?::(\d{1,5}))?\/([\w.-]{1,64}(?:#\d{1,10})?)$/.exec(
      text,
    ) ?? [];
  const host = v6 ?? plain;
  if (host === undefined || name === undefined || (v6 !== undefined && isIP(v6) !== 6)) {
    throw new KeyholeError(
      'USAGE',
      `${text} is not ssh://[USER@]HOST[:PORT]/NAME`,
      'NAME is the name, NAME#PID or PID of an agent there, as keyhole ps shows it',
    );
  }
  return { kind: 'ssh', user, host, port, name };
}
