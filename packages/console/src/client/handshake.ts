/** The agent proves who it is, then the operator does: both sign this channel, both nonces, this service and this run of its agent. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import {
  authMessage,
  authNamespace,
  KeyholeError,
  limits,
  protocolVersion,
  type ServerFrame,
  type Transcript,
  type Welcome,
} from '@keyhole/agent/protocol';
import type { Channel } from './channel.ts';
import { checkHost, type HostTrust } from './host-identity.ts';
import type { SessionKeys } from './request-signer.ts';
import { errorFromWire } from './server-frames.ts';
import type { SigningKey } from './sign.ts';
import type { FrameSocket } from './socket.ts';
import { publicKeyLine } from './ssh-wire.ts';
import type { Target } from './targets.ts';

export interface Parties {
  target: Target;
  channel: Channel;
  trust: HostTrust;
  key: SigningKey;
}

/** @throws {KeyholeError} HOST_KEY where the agent is not who it should be, NOT_ALLOWED where the key is not an operator's. */
export async function shakeHands(socket: FrameSocket, { target, channel, trust, key }: Parties): Promise<{ welcome: Welcome; keys: SessionKeys }> {
  const next = frameReader(socket);
  const offered = [protocolVersion];
  const clientNonce = new Uint8Array(randomBytes(32));
  socket.send({ t: 'hello', versions: offered, clientNonce });
  const hello = await next();
  if (hello.t !== 'hello') throw outOfTurn('hello', hello);
  const { version, serverNonce, service, bootId, hostKey } = hello;
  if (!offered.includes(version))
    throw new KeyholeError('BAD_FRAME', `the agent speaks version ${version} of the protocol, which this console does not`);
  const { binding, exporter } = channel;
  const transcript: Transcript = { binding, exporter, offered, version, clientNonce, serverNonce, service, bootId, hostKey };
  await checkHost(hello, transcript, { target, channel, trust });
  // Signs what would otherwise ask for a passphrase or a touch at every expression; it never leaves this process.
  const { privateKey } = generateKeyPairSync('ed25519');
  const sessionKey = publicKeyLine(privateKey);
  const { publicKey, certificate } = key;
  const welcome = next();
  // The line may be lost while ssh-keygen waits for a passphrase: that rejection is read below, and must not count as unhandled before.
  welcome.catch(() => undefined);
  const signature = await key.sign(authNamespace, authMessage(transcript, { publicKey, certificate, sessionKey }));
  socket.send({ t: 'auth', publicKey, ...(certificate !== null && { certificate }), sessionKey, signature });
  const answer = await welcome;
  if (answer.t !== 'welcome') throw outOfTurn('welcome', answer);
  if (answer.service !== service) throw new KeyholeError('HOST_KEY', `the agent proved to be that of ${service}, and now says ${answer.service}`);
  return { welcome: answer, keys: { key, sessionKey: privateKey, service, bootId, session: answer.session } };
}

/** One frame at a time; an error frame, a lost line and silence reject. */
function frameReader(socket: FrameSocket): () => Promise<ServerFrame> {
  const arrived: ServerFrame[] = [];
  let waiting: { resolve: (frame: ServerFrame) => void; reject: (error: KeyholeError) => void } | null = null;
  let lost: KeyholeError | null = null;
  socket.onFrame((frame) => {
    if (waiting === null) arrived.push(frame);
    else waiting.resolve(frame);
    waiting = null;
  });
  socket.onClose((reason) => {
    lost = reason;
    waiting?.reject(reason);
    waiting = null;
  });
  return async () => {
    const frame =
      arrived.shift() ??
      (await new Promise<ServerFrame>((resolve, reject) => {
        if (lost !== null) return reject(lost);
        const timer = setTimeout(() => {
          waiting = null;
          reject(new KeyholeError('UNREACHABLE', 'the agent does not answer', 'Its worker may be starting again; try once more'));
        }, limits.authTimeoutMs);
        const settle =
          <T>(done: (value: T) => void) =>
          (value: T): void => {
            clearTimeout(timer);
            done(value);
          };
        waiting = { resolve: settle(resolve), reject: settle(reject) };
      }));
    if (frame.t === 'error') throw errorFromWire(frame.error);
    return frame;
  };
}

function outOfTurn(wanted: string, got: ServerFrame): KeyholeError {
  return new KeyholeError('BAD_FRAME', `the agent sent ${got.t} where ${wanted} is due`);
}
