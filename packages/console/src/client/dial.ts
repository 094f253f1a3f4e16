/** From a target and the operator's keys to a connection. Each key is tried on a connection of its own: a refused one is cut by the agent. */
import { listAnnouncements } from '@keyhole/agent/announce';
import { KeyholeError } from '@keyhole/agent/protocol';
import { openChannel, type ChannelOptions } from './channel.ts';
import { Connection } from './connection.ts';
import { shakeHands } from './handshake.ts';
import { HeadMemory } from './known-heads.ts';
import { KnownHosts } from './known-hosts.ts';
import { RequestSigner } from './request-signer.ts';
import { signingKeys } from './identity.ts';
import type { SigningKey } from './sign.ts';
import { isCrowded, openSocket } from './socket.ts';
import { resolveTarget, resolveTargets, type Target } from './targets.ts';

export interface DialOptions {
  /** NAME, NAME#PID, PID, a socket's path, wss://HOST:PORT or ssh://[USER@]HOST/NAME; default: KEYHOLE_TARGET, else the only agent there is. */
  target?: string | undefined;
  /** A key file; default: KEYHOLE_IDENTITY, ssh-agent, `~/.ssh/id_ed25519`. */
  identity?: string | undefined;
  /** For wss://: a PEM file of authorities, one of which must have made the agent's certificate; default: KEYHOLE_CA, else those that Node knows, and the host key decides where none fits. */
  ca?: string | undefined;
  /** For wss://: a PEM file with the certificate to show and its key; default: KEYHOLE_CLIENT_CERT. */
  clientCert?: string | undefined;
  /** Whether a host key that was never seen is taken, and remembered, without asking. */
  acceptNewHostKey?: boolean | undefined;
  /** Asks whether a new host key is the right one. Without it such a key is refused. */
  ask?: ((question: string) => Promise<string>) | undefined;
  env?: NodeJS.ProcessEnv | undefined;
}

/** An agent that has a crowd at its door is tried again for so long. */
const crowdedMs = 5_000;
const pauseMs = 100;

/** @throws {KeyholeError} NO_TARGET, AMBIGUOUS, UNREACHABLE, BUSY, HOST_KEY, NOT_ALLOWED */
export async function dial(options: DialOptions): Promise<Connection> {
  const env = options.env ?? process.env;
  const target = resolveTarget(options.target, env, listAnnouncements(env));
  return dialTarget(target, await signingKeys(options.identity, env), options);
}

/**
 * Every process of a cluster, where the target is the name of one; else the one process.
 * @throws {KeyholeError} as {@link dial}; then there is no connection at all.
 */
export async function dialAll(options: DialOptions): Promise<Connection[]> {
  const env = options.env ?? process.env;
  const targets = resolveTargets(options.target, env, listAnnouncements(env));
  const keys = await signingKeys(options.identity, env);
  const connections: Connection[] = [];
  try {
    for (const target of targets) connections.push(await dialTarget(target, keys, options));
  } catch (error) {
    for (const connection of connections) connection.close();
    throw error;
  }
  return connections;
}

async function dialTarget(target: Target, keys: readonly SigningKey[], options: DialOptions): Promise<Connection> {
  let refusal: KeyholeError | null = null;
  for (const key of keys) {
    try {
      return await patiently(() => dialWith(target, key, options));
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

/** Others at the door must not keep an operator out; each waits for a time of his own. */
async function patiently<T>(attempt: () => Promise<T>): Promise<T> {
  const until = performance.now() + crowdedMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!isCrowded(error) || performance.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, pauseMs * (1 + Math.random())));
    }
  }
}

async function dialWith(target: Target, key: SigningKey, options: DialOptions): Promise<Connection> {
  const { ca, clientCert, acceptNewHostKey = false, ask = null } = options;
  const env = options.env ?? process.env;
  const channel = await openChannel(target.endpoint, target.label, { env, ca, clientCert } satisfies ChannelOptions);
  const socket = await openSocket(channel, target.label);
  try {
    const trust = { known: new KnownHosts(env), acceptNew: acceptNewHostKey, ask };
    const { welcome, keys } = await shakeHands(socket, { target, channel, trust, key });
    const dir = welcome.journal?.dir;
    const memory = dir === undefined ? null : new HeadMemory(env, { service: welcome.service, dir, machine: machineOf(target) });
    const connection = new Connection(socket, { welcome, label: target.label, signer: new RequestSigner(keys), memory });
    await connection.holdAgainstMemory();
    return connection;
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** Services of the same name, with journals in the same folder, run on many machines. */
function machineOf({ endpoint, service }: Target): string | null {
  if (endpoint.kind === 'ssh') return endpoint.host;
  return endpoint.kind === 'tcp' && service === null ? endpoint.host : null;
}
