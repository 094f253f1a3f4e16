/** Whether the agent is who it should be: it proves its host key before it is shown whose key is here, and the key is held against what is known of that place. */
import { verify } from 'node:crypto';
import { hostMessage, KeyholeError, type ServerHello, type Transcript } from '@keyhole/agent/protocol';
import { fingerprintOf, parsePublicKey } from '@keyhole/agent/ssh';
import type { Channel } from './channel.ts';
import type { KnownHosts } from './known-hosts.ts';
import type { Target } from './targets.ts';

export interface HostTrust {
  known: KnownHosts;
  /** Takes a key that was never seen without asking. */
  acceptNew: boolean;
  /** Asks the operator; null where nobody is there. */
  ask: ((question: string) => Promise<string>) | null;
}

/** @throws {KeyholeError} HOST_KEY; nothing of the operator's was sent then. */
export async function checkHost(
  hello: ServerHello,
  transcript: Transcript,
  { target, channel, trust }: { target: Target; channel: Channel; trust: HostTrust },
): Promise<void> {
  const { hostKey, service } = hello;
  const { label } = target;
  if (!isSigned(hello, hostMessage(transcript))) {
    throw new KeyholeError(
      'HOST_KEY',
      `${label} did not prove its host key for this connection: something may stand between, and pass on what another agent says`,
      'Nothing was sent that tells who you are',
    );
  }
  const expected = channel.service ?? target.service;
  if (expected !== null && expected !== service)
    throw new KeyholeError('HOST_KEY', `the agent at ${label} is that of ${service}, not of ${expected}`);
  const told = channel.hostKey ?? target.hostKey;
  if (told !== null && told !== hostKey) throw changed(label, hostKey, [told], 'It announces another one in the runtime directory');
  if (told !== null || channel.vouchedBy === 'folder' || channel.vouchedBy === 'ssh') return;
  const known = trust.known.of(channel.place);
  if (known?.keys.includes(hostKey) === true) return;
  if (channel.vouchedBy === 'certificate') return trust.known.remember(channel.place, hostKey);
  if (known !== null) {
    const where = `If the service was given a new key, take line ${known.line} out of ${trust.known.file} and connect again`;
    throw changed(label, hostKey, known.keys, where);
  }
  if (!trust.acceptNew) await askAbout(label, hostKey, channel, trust);
  trust.known.remember(channel.place, hostKey);
}

async function askAbout(label: string, hostKey: string, { place }: Channel, { ask, known }: HostTrust): Promise<void> {
  const shown = fingerprintOf(hostKey);
  const unknown = `the agent at ${label} was never met before: its host key is ${shown}`;
  const hint = `Compare it with what keyhole doctor or ps --json shows on its own machine; then give --accept-new-host-key, or write the line "${place} ${hostKey}" into ${known.file}`;
  if (ask === null) throw new KeyholeError('HOST_KEY', unknown, hint);
  const answer = await ask(`${unknown}\nIs that the right one? It will be remembered. [yes/no] `);
  if (!/^(?:y|yes)$/i.test(answer.trim()) && answer.trim() !== shown) throw new KeyholeError('HOST_KEY', unknown, hint);
}

function changed(label: string, hostKey: string, known: string[], hint: string): KeyholeError {
  const knownAs = known.map(fingerprintOf).join(', ');
  return new KeyholeError(
    'HOST_KEY',
    `THE HOST KEY of ${label} HAS CHANGED: it is ${fingerprintOf(hostKey)}, and was ${knownAs}. Somebody may pose as it`,
    `Nothing was sent that tells who you are. ${hint}`,
  );
}

function isSigned({ hostKey, hostSignature }: ServerHello, message: string): boolean {
  const key = parsePublicKey(hostKey);
  return key?.type === 'ssh-ed25519' && verify(null, Buffer.from(message, 'utf8'), key.key, hostSignature);
}
