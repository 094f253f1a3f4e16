/** From a target and the operator's keys to a connection. Each key is tried on a connection of its own: a refused one is cut by the agent. */
import { listAnnouncements } from '@keyhole/agent/announce';
import { KeyholeError } from '@keyhole/agent/protocol';
import { Connection } from './connection.ts';
import { shakeHands } from './handshake.ts';
import { HeadMemory } from './known-heads.ts';
import { RequestSigner } from './request-signer.ts';
import { signingKeys } from './identity.ts';
import type { SigningKey } from './sign.ts';
import { openSocket } from './socket.ts';
import { resolveTarget, resolveTargets, type Target } from './targets.ts';

export interface DialOptions {
  /** NAME, NAME#PID, PID or a socket's path; default: KEYHOLE_TARGET, else the only agent there is. */
  target?: string | undefined;
  /** A key file; default: KEYHOLE_IDENTITY, ssh-agent, `~/.ssh/id_ed25519`. */
  identity?: string | undefined;
  env?: NodeJS.ProcessEnv | undefined;
}

/** @throws {KeyholeError} NO_TARGET, AMBIGUOUS, UNREACHABLE, NOT_ALLOWED */
export async function dial(options: DialOptions): Promise<Connection> {
  const env = options.env ?? process.env;
  return dialTarget(resolveTarget(options.target, env, listAnnouncements()), await signingKeys(options.identity, env), env);
}

/**
 * Every process of a cluster, where the target is the name of one; else the one process.
 * @throws {KeyholeError} as {@link dial}; then there is no connection at all.
 */
export async function dialAll(options: DialOptions): Promise<Connection[]> {
  const env = options.env ?? process.env;
  const targets = resolveTargets(options.target, env, listAnnouncements());
  const keys = await signingKeys(options.identity, env);
  const connections: Connection[] = [];
  try {
    for (const target of targets) connections.push(await dialTarget(target, keys, env));
  } catch (error) {
    for (const connection of connections) connection.close();
    throw error;
  }
  return connections;
}

async function dialTarget(target: Target, keys: readonly SigningKey[], env: NodeJS.ProcessEnv): Promise<Connection> {
  let refusal: KeyholeError | null = null;
  for (const key of keys) {
    try {
      return await dialWith(target, key, env);
    } catch (error) {
      if (!(error instanceof KeyholeError) || error.code !== 'NOT_ALLOWED') throw error;
      refusal = error;
    }
  }
  throw new KeyholeError(
    'NOT_ALLOWED',
    refusal?.message ?? 'the key was refused',
    `Tried ${keys.map((key) => key.label).join(', ')}. Name another with --identity FILE, or have one of these added to the operators file of the service`,
  );
}

async function dialWith(target: Target, key: SigningKey, env: NodeJS.ProcessEnv): Promise<Connection> {
  const socket = await openSocket(target.socketPath, target.label);
  try {
    const { welcome, keys } = await shakeHands(socket, target.socketPath, key);
    const dir = welcome.journal?.dir;
    const memory = dir === undefined ? null : new HeadMemory(env, welcome.service, dir);
    const connection = new Connection(socket, { welcome, label: target.label, signer: new RequestSigner(keys), memory });
    await connection.holdAgainstMemory();
    return connection;
  } catch (error) {
    socket.close();
    throw error;
  }
}
