/**
 * What both sides sign before the first request. Both texts hold everything that makes this meeting this one: the channel, both nonces, what versions there were to choose from, the
 * service, this run of its agent and the agent's host key. So neither signature is worth anything on another channel, at another service, or a second time.
 *
 * The agent goes first: a console shows its operator's key only to an agent that has proven its own.
 */

/** SSHSIG namespace of the operator's signature at login. */
export const authNamespace = 'keyhole-auth';

export interface Transcript {
  /** Where the console believes to be, and the agent knows to be: see {@link socketBinding} and {@link tcpBinding}. */
  binding: string;
  /** TLS exporter (RFC 9266) of this connection, the same on both of its ends and on no other; null where there is no TLS. */
  exporter: Uint8Array | null;
  /** What the console offered: taking something out on the way breaks both signatures. */
  offered: readonly number[];
  version: number;
  clientNonce: Uint8Array;
  serverNonce: Uint8Array;
  service: string;
  bootId: string;
  /** `ssh-ed25519 AAAA...` */
  hostKey: string;
}

/** The label and length of the TLS exporter: the channel binding `tls-exporter` of RFC 9266. */
export const exporterLabel = 'EXPORTER-Channel-Binding';
export const exporterBytes = 32;

/** @param realPath the socket's, with no symbolic link in it. */
export function socketBinding(realPath: string): string {
  return `unix:${realPath}`;
}

/** @param authority `host:port`, as the request's Host names it. */
export function tcpBinding(isTls: boolean, authority: string): string {
  return `${isTls ? 'wss' : 'ws'}:${authority}`;
}

/** The text that the agent's host key signs (Ed25519, over its UTF-8 bytes). */
export function hostMessage(transcript: Transcript): string {
  return ['keyhole-host-v2', ...linesOf(transcript), ''].join('\n');
}

export interface LoginKeys {
  publicKey: string;
  /** By which that key comes in, where the operators file does not have it. */
  certificate?: string | null;
  sessionKey?: string | undefined;
}

/** The text that the operator's key signs. It names the session's key by that. */
export function authMessage(transcript: Transcript, { publicKey, certificate, sessionKey }: LoginKeys): string {
  const keys = [publicKey, certificate, sessionKey].filter((key) => typeof key === 'string');
  return ['keyhole-auth-v2', ...linesOf(transcript), ...keys.map((key) => JSON.stringify(key)), ''].join('\n');
}

function linesOf({ binding, exporter, offered, version, clientNonce, serverNonce, service, bootId, hostKey }: Transcript): string[] {
  return [
    JSON.stringify(binding),
    exporter === null ? '-' : hex(exporter),
    JSON.stringify(offered),
    String(version),
    hex(clientNonce),
    hex(serverNonce),
    ...[service, bootId, hostKey].map((each) => JSON.stringify(each)),
  ];
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
