/**
 * The frames of subprotocol `keyhole.1`: MessagePack maps in binary websocket messages.
 *
 *   console                                agent
 *     hello { clientNonce }        ->
 *                                  <-      hello { serverNonce, bootId, service, hostKey, hostSignature }
 *     auth { publicKey, sessionKey, signature } ->
 *                                  <-      welcome { operator, service, ... }   or   error, and the line is cut
 *     req { id, op, params, signed } ->
 *                                  <-      ev { id, event, data } *
 *                                  <-      res { id, ok, result | error }       exactly one a request
 *                                  <-      ev { id: 0, event, data }            news that no request asked for
 */
import type { WireError } from './errors.ts';
import type { JournalHead, JournalState } from './journal.ts';
import type { RequestSignature } from './signing.ts';

export const subprotocol = 'keyhole.1';
/** 2: the agent proves its host key, and the login names channel and service. */
export const protocolVersion = 2;

export interface ClientHello {
  t: 'hello';
  versions: number[];
  /** 32 random bytes. */
  clientNonce: Uint8Array;
}
export interface ServerHello {
  t: 'hello';
  version: number;
  /** 32 random bytes. */
  serverNonce: Uint8Array;
  /** Names this run of the agent. */
  bootId: string;
  service: string;
  /** `ssh-ed25519 AAAA...`, which the console holds against what it knows. */
  hostKey: string;
  /** Ed25519 over hostMessage (handshake.ts): 64 bytes. */
  hostSignature: Uint8Array;
}
export interface Auth {
  t: 'auth';
  /** `ssh-ed25519 AAAA...`, or one of the other kinds of ssh/keys.ts. */
  publicKey: string;
  /** An OpenSSH user certificate of that key: `ssh-ed25519-cert-v01@openssh.com AAAA...` */
  certificate?: string;
  /** A key of this session alone, which the operator's key thereby names: it signs requests that change no code and no state by themselves. */
  sessionKey?: string;
  /** An armored SSHSIG over authMessage with namespace authNamespace (handshake.ts). */
  signature: string;
}
export interface Welcome {
  t: 'welcome';
  session: string;
  operator: { name: string; fingerprint: string; capabilities: string[] };
  service: string;
  pid: number;
  node: string;
  /** How many other operators have to approve a patch. */
  approvals?: number;
  /** Where the service's journal stands: the console holds that against what it remembers. */
  journal?: Pick<JournalState, 'dir' | 'writable' | 'why'> & { head: JournalHead | null };
}
export interface Failure {
  t: 'error';
  error: WireError;
}
export interface Request {
  t: 'req';
  id: number;
  op: string;
  params: Record<string, unknown>;
  /** Required where the operation is journaled. */
  signed?: RequestSignature;
}
/** Where the journal stands after a journaled operation. */
interface Journaled {
  journal?: { head: JournalHead | null; writable: boolean };
}
export type Response = ({ t: 'res'; id: number; ok: true; result: unknown } | { t: 'res'; id: number; ok: false; error: WireError }) & Journaled;
export interface Event {
  t: 'ev';
  id: number;
  event: string;
  data: unknown;
}
export type ClientFrame = ClientHello | Auth | Request;
export type ServerFrame = ServerHello | Welcome | Failure | Response | Event;
