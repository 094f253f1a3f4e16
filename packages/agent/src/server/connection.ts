/** One websocket: the handshake first, then requests. Whatever breaks the protocol ends it; nothing it sends can end anything else. */
import { randomBytes } from 'node:crypto';
import {
  KeyholeError,
  authMessage,
  authNamespace,
  decodeFrame,
  encodeFrame,
  hostMessage,
  isJournaled,
  limits,
  protocolVersion,
  unarmorSignature,
} from '../protocol/index.ts';
import type { Auth, ClientHello, Request, Response, ServerFrame, Transcript, Welcome } from '../protocol/index.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { DoorLimits } from './door-limits.ts';
import type { HostKey } from './host-key.ts';
import type { Arrival } from './listener.ts';
import type { Operators } from './operators.ts';
import { OperatorSession } from './session.ts';
import { checkSignature, parsePublicKey, signatureBlob } from '../ssh/index.ts';

export interface Gate {
  bootId: string;
  service: string;
  limits: DoorLimits;
  hostKey: HostKey;
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
  refused: (publicKey: string, peer: string) => void;
}

/** More versions than there will ever be. */
const maxVersions = 16;

/** None, or a sound one. */
function isSessionKey(key: unknown): boolean {
  return key === undefined || (typeof key === 'string' && parsePublicKey(key)?.type === 'ssh-ed25519');
}

type Phase = 'hello' | 'auth' | 'open' | 'closed';

export function serveConnection({ socket, peer, binding, exporter, visit }: Arrival, gate: Gate): void {
  const { limits: bounds } = gate;
  let phase: Phase = 'hello';
  let transcript: Transcript | null = null;
  let session: OperatorSession | null = null;
  let pending = 0;

  /** @param left called when it has left, or never will. */
  const send = (frame: ServerFrame, left: () => void = () => undefined): void => {
    if (socket.readyState !== socket.OPEN) return left();
    if (socket.bufferedAmount > bounds.maxQueuedBytes) {
      socket.terminate();
      return left();
    }
    socket.send(encodeFrame(frame), left);
  };
  const refuse = (error: KeyholeError): void => {
    if (session === null) visit.failed();
    phase = 'closed';
    send({ t: 'error', error: error.toWire() });
    socket.close(1008);
  };
  const deadline = setTimeout(() => refuse(new KeyholeError('TIMEOUT', 'no key was proven in time')), bounds.authTimeoutMs);

  let idle: NodeJS.Timeout | undefined;
  const stopIdle = (): void => clearTimeout(idle);
  const startIdle = (): void => {
    stopIdle();
    if (phase !== 'open' || pending > 0) return;
    idle = setTimeout(() => refuse(new KeyholeError('TIMEOUT', `nothing was asked for ${bounds.idleMs / 1_000} s`, 'Attach again.')), bounds.idleMs);
  };

  const hello = ({ versions, clientNonce }: ClientHello): void => {
    if (!Array.isArray(versions) || versions.length > maxVersions || !versions.every(Number.isSafeInteger))
      throw new KeyholeError('BAD_FRAME', 'the versions that a console speaks are numbers');
    if (!versions.includes(protocolVersion)) {
      throw new KeyholeError(
        'BAD_FRAME',
        `this agent speaks version ${protocolVersion} of the protocol, the console ${versions.join(', ')}`,
        'Use a console of the same version as the agent.',
      );
    }
    if (!(clientNonce instanceof Uint8Array) || clientNonce.length !== 32) throw new KeyholeError('BAD_FRAME', 'a nonce must have 32 bytes');
    const { service, bootId, hostKey } = gate;
    const serverNonce = new Uint8Array(randomBytes(32));
    transcript = {
      binding,
      exporter,
      offered: versions,
      version: protocolVersion,
      clientNonce,
      serverNonce,
      service,
      bootId,
      hostKey: hostKey.publicKey,
    };
    phase = 'auth';
    const hostSignature = hostKey.sign(hostMessage(transcript));
    send({ t: 'hello', version: protocolVersion, serverNonce, service, bootId, hostKey: hostKey.publicKey, hostSignature });
  };

  const auth = (frame: Auth): void => {
    const { publicKey, certificate = null, sessionKey, signature } = frame;
    if (typeof publicKey !== 'string' || typeof signature !== 'string' || transcript === null || !isSessionKey(sessionKey))
      throw new KeyholeError('BAD_FRAME', 'a key and a signature are due');
    if (certificate !== null && typeof certificate !== 'string') throw new KeyholeError('BAD_FRAME', 'a certificate is text');
    const { service, bootId } = gate;
    const message = authMessage(transcript, { publicKey, certificate, sessionKey });
    // Both are done in any case: a key that nobody knows costs as much as a known one with a bad signature.
    const blob = signatureBlob(signature);
    const presence = blob === null ? null : checkSignature(blob, publicKey, authNamespace, message);
    const claim = { publicKey, certificate, address: peer };
    const operator = gate.operators()?.find(claim, Date.now()) ?? null;
    if (operator === null || presence?.touched !== true || (operator.verifyRequired && !presence.verified)) {
      gate.refused(publicKey, peer);
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
    const say = (id: number, items: unknown, left: () => void): void => {
      if (phase === 'open') send({ t: 'ev', id, event: 'items', data: items }, left);
      else left();
    };
    const opened = new OperatorSession({ operator, claim, login }, { say, tell, end: refuse });
    if (!gate.admit(opened)) {
      refuse(new KeyholeError('BUSY', `there are ${bounds.maxSessions} sessions already`, 'One of them must end first.'));
      return;
    }
    clearTimeout(deadline);
    visit.proven();
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
    startIdle();
  };

  const request = async (frame: Request, by: OperatorSession): Promise<void> => {
    const { id, op, params, signed } = frame;
    if (!Number.isSafeInteger(id) || typeof op !== 'string') throw new KeyholeError('BAD_FRAME', 'a request has a number and an operation');
    if (by.calls.has(id)) throw new KeyholeError('BAD_FRAME', `request ${id} is under way already`);
    pending += 1;
    stopIdle();
    try {
      const timeoutMs = params?.['timeoutMs'];
      if (op === 'evaluate' && typeof timeoutMs === 'number' && timeoutMs > bounds.maxEvaluationTimeoutMs)
        throw new KeyholeError(
          'BAD_REQUEST',
          `evaluate: timeoutMs may be at most ${bounds.maxEvaluationTimeoutMs} here`,
          'limits.maxEvaluationTimeoutMs of the service says so.',
        );
      // An interrupt must get through just when everything else waits.
      if (pending > bounds.maxPendingRequests && op !== 'interrupt')
        throw new KeyholeError('BUSY', `${bounds.maxPendingRequests} requests wait already`);
      const result = await gate.dispatcher.dispatch(by, id, op, params, signed);
      answer({ t: 'res', id, ok: true, result, ...where(op) });
    } catch (thrown) {
      answer({ t: 'res', id, ok: false, error: KeyholeError.from(thrown).toWire(), ...where(op) });
    } finally {
      pending -= 1;
      startIdle();
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
      const frame = decodeFrame(data, phase === 'open' ? bounds.maxFrameBytes : limits.maxUnauthenticatedFrameBytes, bounds) as {
        t?: unknown;
      } | null;
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
    stopIdle();
    phase = 'closed';
    if (session !== null) gate.leave(session);
    session = null;
  });
}
