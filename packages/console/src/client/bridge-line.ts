/** The first line of `keyhole bridge`: what the far end of an ssh is connected to, or why it is not. Then the connection follows, byte for byte. */
import { KeyholeError, type WireError } from '@keyhole/agent/protocol';
import { announcedEndpoint, type DirectEndpoint } from './endpoint.ts';

export interface Bridged {
  /** As in an announcement. */
  address: string;
  service: string | null;
  hostKey: string | null;
}

export const bridgePrefix = 'keyhole-bridge ';

export function writeBridgeLine(bridged: Bridged | { error: WireError }): string {
  return `${bridgePrefix}${JSON.stringify(bridged)}\n`;
}

/** @throws {KeyholeError} what the far end says, or BAD_FRAME */
export function readBridgeLine(line: string): { endpoint: DirectEndpoint; service: string | null; hostKey: string | null } {
  let said: Partial<Bridged> & { error?: Partial<WireError> };
  try {
    said = JSON.parse(line.slice(bridgePrefix.length)) as typeof said;
  } catch {
    throw new KeyholeError('BAD_FRAME', 'the other end of the ssh says something that is not a bridge of ours');
  }
  const { error, address, service = null, hostKey = null } = said;
  if (typeof error?.message === 'string') throw KeyholeError.fromWire(error as WireError);
  const endpoint = typeof address === 'string' ? announcedEndpoint(address) : null;
  const isText = (value: unknown): boolean => value === null || typeof value === 'string';
  if (endpoint === null || !isText(service) || !isText(hostKey)) {
    throw new KeyholeError('BAD_FRAME', 'the other end of the ssh says nothing of where it is connected to', 'Use the same version of Keyhole there');
  }
  return { endpoint, service, hostKey };
}
