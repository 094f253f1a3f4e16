/** Proves who the operator is: signs the agent's challenge. The signature is bound to this socket, both nonces and this run of the agent. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { authMessage, authNamespace, KeyholeError, limits, protocolVersion, type ServerFrame, type Welcome } from '@keyhole/agent/protocol';
import type { SessionKeys } from './request-signer.ts';
import { errorFromWire } from './server-frames.ts';
import type { SigningKey } from './sign.ts';
import type { FrameSocket } from './socket.ts';
import { publicKeyLine } from './ssh-wire.ts';

/** @throws {KeyholeError} NOT_ALLOWED where the key is not an operator's. */
export async function shakeHands(socket: FrameSocket, socketPath: string, key: SigningKey): Promise<{ welcome: Welcome; keys: SessionKeys }> {
  const next = frameReader(socket);
  const clientNonce = randomBytes(32);
  socket.send({ t: 'hello', versions: [protocolVersion], clientNonce });
  const hello = await next();
  if (hello.t !== 'hello') throw outOfTurn('hello', hello);
  if (hello.version !== protocolVersion)
    throw new KeyholeError('BAD_FRAME', `the agent speaks version ${hello.version} of the protocol, which this console does not`);
  // Signs what would otherwise ask for a passphrase or a touch at every expression; it never leaves this process.
  const { privateKey } = generateKeyPairSync('ed25519');
  const sessionKey = publicKeyLine(privateKey);
  const message = authMessage({
    binding: `unix:${await realpath(socketPath)}`,
    clientNonce,
    serverNonce: hello.serverNonce,
    bootId: hello.bootId,
    publicKey: key.publicKey,
    certificate: key.certificate,
    sessionKey,
  });
  const welcome = next();
  // The line may be lost while ssh-keygen waits for a passphrase: that rejection is read below, and must not count as unhandled before.
  welcome.catch(() => undefined);
  const { publicKey, certificate } = key;
  const signature = await key.sign(authNamespace, message);
  socket.send({ t: 'auth', publicKey, ...(certificate !== null && { certificate }), sessionKey, signature });
  const answer = await welcome;
  if (answer.t !== 'welcome') throw outOfTurn('welcome', answer);
  const { service, session } = answer;
  return { welcome: answer, keys: { key, sessionKey: privateKey, service, bootId: hello.bootId, session } };
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
