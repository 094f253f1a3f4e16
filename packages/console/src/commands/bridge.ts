/** `keyhole bridge`: what `ssh://` targets run on the other machine. Connects to an agent there and carries the connection on stdin and stdout; it has no key, and sees none. */
import { listAnnouncements } from '@keyhole/agent/announce';
import { KeyholeError, socketBinding } from '@keyhole/agent/protocol';
import { realpathSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { writeBridgeLine } from '../client/bridge-line.ts';
import { connectDirectly } from '../client/channel.ts';
import { resolveTarget, type Target } from '../client/targets.ts';
import type { CommandContext, CommandDefinition } from './command.ts';

export const bridge: CommandDefinition = {
  name: 'bridge',
  summary: 'carries the connection of an ssh:// target, on the other machine',
  target: 'agent',
  words: [],
  required: () => 0,
  options: [],
  async run(context, { target, flags }) {
    if (flags['json'] === true) throw new KeyholeError('USAGE', 'bridge carries a connection and has no JSON form');
    const found = await connect(context, target).catch((error: unknown) => KeyholeError.from(error));
    if (found instanceof KeyholeError) {
      // Said on the line itself: what stands on stderr is between ssh and its user.
      process.stdout.write(writeBridgeLine({ error: found.toWire() }));
      return { json: null, text: '', exitCode: found.exitCode };
    }
    const { socket, bridged } = found;
    process.stdout.write(writeBridgeLine(bridged));
    // Whoever ends first ends both; why does not matter here, and shows at the ends.
    await Promise.race([pipeline(process.stdin, socket), pipeline(socket, process.stdout)]).catch(() => undefined);
    socket.destroy();
    process.stdin.destroy();
    return { json: null, text: '' };
  },
};

async function connect({ env }: CommandContext, word: string | null) {
  const target = resolveTarget(word ?? undefined, env, listAnnouncements(env));
  const { endpoint, label, service, hostKey } = target;
  if (endpoint.kind === 'ssh')
    throw new KeyholeError(
      'USAGE',
      `${label}: a bridge leads to an agent of its own machine`,
      'ssh reaches a machine behind another one with ProxyJump',
    );
  const socket = await connectDirectly(endpoint, label);
  return { socket, bridged: { address: addressOf(endpoint), service, hostKey } };
}

function addressOf(endpoint: Exclude<Target['endpoint'], { kind: 'ssh' }>): string {
  if (endpoint.kind === 'socket') return socketBinding(realpathSync(endpoint.path));
  return `${endpoint.isTls ? 'wss' : 'ws'}://${endpoint.authority}`;
}
