/** One websocket: the handshake first, then requests. Whatever breaks the protocol ends it; nothing it sends can end anything else. */
import { randomBytes } from 'node:crypto';
import type { WebSocket } from 'ws';
import {
  KeyholeError,
  authMessage,
  authNamespace,
  decodeFrame,
  encodeFrame,
  isJournaled,
  limits,
  protocolVersion,
  unarmorSignature,
} from '../protocol/index.ts';
import type { Auth, ClientHello, Request, Response, ServerFrame, Welcome } from '../protocol/index.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Operators } from './operators.ts';
import { OperatorSession } from './session.ts';
import { checkSignature, parsePublicKey, signatureBlob } from '../ssh/index.ts';

export interface Gate {
  bootId: string;
  /** `unix:` and the socket's real path. */
  binding: string;
  /** Where whoever comes in comes from: an IP address, or `local`. */
  address: string;
  service: string;
  dispatcher: Dispatcher;
  /** How many other operators have to approve a patch. */
  approvals: number;
  /** Where the journal stands now. */
  journal: () => NonNullable<Welcome['journal']>;
  /** The operators as they stand now; null where the file can not be used: then nobody comes in. */
  operators: () => Operators | null;
  /** Whether one more session fits; it is taken when it does. */
  admit: (session: OperatorSession) => boolean;
  leave: (session: OperatorSession) => void;
  refused: (publicKey: string) => void;
}

/** Bytes that may wait for a client that does not read; then it is cut. */
const maxBufferedBytes = 16 * 1024 * 1024;

/** None, or a sound one. */
function isSessionKey(key: unknown): boolean {
  return key === undefined || (typeof key === 'string' && parsePublicKey(key)?.type === 'ssh-ed25519');
}

type Phase = 'hello' | 'auth' | 'open' | 'closed';

/** @param authenticated called once when the key is proven, so that the connection no longer counts as a stranger's. */
export function serveConnection(socket: WebSocket, gate: Gate, authenticated: () => void): void {
  const serverNonce = randomBytes(32);
  let phase: Phase = 'hello';
  let clientNonce: Uint8Array | null = null;
  let session: OperatorSession | null = null;
  let pending = 0;

  const send = (frame: ServerFrame): void => {
    if (socket.readyState !== socket.OPEN) return;
    if (socket.bufferedAmount > maxBufferedBytes) {
      socket.terminate();
      return;
    }
    socket.send(encodeFrame(frame));
  };
  const refuse = (error: KeyholeError): void => {
    phase = 'closed';
    send({ t: 'error', error: error.toWire() });
    socket.close(1008);
  };
  const deadline = setTimeout(() => refuse(new KeyholeError('TIMEOUT', 'no key was proven in time')), limits.authTimeoutMs);

  const hello = (frame: ClientHello): void => {
    if (!Array.isArray(frame.versions) || !frame.versions.includes(protocolVersion)) {
      throw new KeyholeError('BAD_FRAME', `this agent speaks version ${protocolVersion} of the protocol`);
    }
    if (!(frame.clientNonce instanceof Uint8Array) || frame.clientNonce.length !== 32)
      throw new KeyholeError('BAD_FRAME', 'a nonce must have 32 bytes');
    clientNonce = frame.clientNonce;
    phase = 'auth';
    send({ t: 'hello', version: protocolVersion, serverNonce, bootId: gate.bootId });
  };

  const auth = (frame: Auth): void => {
    const { publicKey, certificate = null, sessionKey, signature } = frame;
    if (typeof publicKey !== 'string' || typeof signature !== 'string' || clientNonce === null || !isSessionKey(sessionKey))
      throw new KeyholeError('BAD_FRAME', 'a key and a signature are due');
    if (certificate !== null && typeof certificate !== 'string') throw new KeyholeError('BAD_FRAME', 'a certificate is text');
    const { service, bootId, binding, address } = gate;
    const message = authMessage({ binding, clientNonce, serverNonce, bootId, publicKey, certificate, sessionKey });
    // Both are done in any case: a key that nobody knows costs as much as a known one with a bad signature.
    const blob = signatureBlob(signature);
    const presence = blob === null ? null : checkSignature(blob, publicKey, authNamespace, message);
    const claim = { publicKey, certificate, address };
    const operator = gate.operators()?.find(claim, Date.now()) ?? null;
    if (operator === null || presence?.touched !== true || (operator.verifyRequired && !presence.verified)) {
      gate.refused(publicKey);
      refuse(new KeyholeError('NOT_ALLOWED', 'this key is not allowed here'));
      return;
    }
    const login = {
      service,
      bootId,
      publicKey,
      ...(certificate !== null && { certificate }),
      sessionKey: sessionKey ?? null,
      signature: unarmorSignature(signature),
      message,
    };
    const tell = (event: string, data: unknown): void => {
      if (phase === 'open') send({ t: 'ev', id: 0, event, data });
    };
    const opened = new OperatorSession({ operator, claim, login }, { tell, end: refuse });
    if (!gate.admit(opened)) {
      refuse(new KeyholeError('BUSY', `there are ${limits.maxSessions} sessions already`, 'One of them must end first.'));
      return;
    }
    clearTimeout(deadline);
    authenticated();
    session = opened;
    phase = 'open';
    const { name, fingerprint, capabilities } = operator;
    send({
      t: 'welcome',
      session: opened.id,
      operator: { name, fingerprint, capabilities },
      service: gate.service,
      pid: process.pid,
      node: process.version,
      approvals: gate.approvals,
      journal: gate.journal(),
    });
  };

  const request = async (frame: Request, by: OperatorSession): Promise<void> => {
    const { id, op, params, signed } = frame;
    if (!Number.isSafeInteger(id) || typeof op !== 'string') throw new KeyholeError('BAD_FRAME', 'a request has a number and an operation');
    if (by.calls.has(id)) throw new KeyholeError('BAD_FRAME', `request ${id} is under way already`);
    pending += 1;
    try {
      // An interrupt must get through just when everything else waits.
      if (pending > limits.maxPendingRequests && op !== 'interrupt')
        throw new KeyholeError('BUSY', `${limits.maxPendingRequests} requests wait already`);
      const result = await gate.dispatcher.dispatch(by, id, op, params, signed);
      answer({ t: 'res', id, ok: true, result, ...where(op) });
    } catch (thrown) {
      answer({ t: 'res', id, ok: false, error: KeyholeError.from(thrown).toWire(), ...where(op) });
    } finally {
      pending -= 1;
    }
  };

  /** After what was journaled: where the journal stands, for the console to remember. */
  const where = (op: string): Pick<Response, 'journal'> => {
    if (!isJournaled(op)) return {};
    const { head, writable } = gate.journal();
    return { journal: { head, writable } };
  };

  const answer = (frame: ServerFrame & { t: 'res' }): void => {
    const bytes = encodeFrame(frame);
    if (bytes.length <= limits.maxFrameBytes) send(frame);
    else
      send({
        t: 'res',
        id: frame.id,
        ok: false,
        error: new KeyholeError('TOO_LARGE', `the answer has ${bytes.length} bytes, where ${limits.maxFrameBytes} are allowed`).toWire(),
      });
  };

  socket.on('message', (data: Buffer, isBinary: boolean) => {
    if (phase === 'closed') return;
    try {
      if (!isBinary) throw new KeyholeError('BAD_FRAME', 'the protocol has only binary frames');
      const frame = decodeFrame(data, phase === 'open' ? limits.maxFrameBytes : limits.maxUnauthenticatedFrameBytes) as { t?: unknown } | null;
      if (phase === 'hello' && frame?.t === 'hello') hello(frame as ClientHello);
      else if (phase === 'auth' && frame?.t === 'auth') auth(frame as Auth);
      else if (phase === 'open' && frame?.t === 'req' && session !== null) {
        request(frame as Request, session).catch((thrown: unknown) => refuse(KeyholeError.from(thrown)));
      } else throw new KeyholeError('BAD_FRAME', 'a frame that is not due now');
    } catch (thrown) {
      refuse(KeyholeError.from(thrown));
    }
  });
  // An error of the socket ends with its close event; there is nobody else to tell.
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    clearTimeout(deadline);
    phase = 'closed';
    if (session !== null) gate.leave(session);
    session = null;
  });
}
