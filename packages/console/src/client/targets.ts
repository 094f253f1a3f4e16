/** From what the operator typed to one agent of this machine. Opens no connection. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { KeyholeError } from '@keyhole/agent/protocol';
import type { Announcement } from '@keyhole/agent/announce';

export interface Target {
  /** `name#pid` where it was announced, else the path. */
  label: string;
  socketPath: string;
}

/**
 * `spec` is what stands on the command line; without one `KEYHOLE_TARGET`, and without that the only agent there is.
 * @throws {KeyholeError} NO_TARGET with the list of what there is, AMBIGUOUS with the names to choose from, USAGE for a kind of target not known.
 */
export function resolveTarget(spec: string | undefined, env: NodeJS.ProcessEnv, announced: Announcement[]): Target {
  const wanted = spec ?? (env['KEYHOLE_TARGET'] === '' ? undefined : env['KEYHOLE_TARGET']);
  if (wanted === undefined) return onlyOne(announced);
  if (/^(wss?|ssh):\/\//.test(wanted)) {
    throw new KeyholeError(
      'USAGE',
      `${wanted}: this version reaches agents of this machine only`,
      'Log in to the machine of the service and give its NAME, NAME#PID, PID or the path of its socket',
    );
  }
  const matches = announced.filter((each) => wanted === each.name || wanted === labelOf(each) || wanted === String(each.pid));
  if (matches.length > 1) {
    throw new KeyholeError('AMBIGUOUS', `${wanted} stands for ${matches.map(labelOf).join(', ')}`, 'Give NAME#PID or the PID');
  }
  const [match] = matches;
  if (match !== undefined) return announcedTarget(match);
  if (isSocket(wanted)) return { label: wanted, socketPath: resolve(wanted) };
  const cold = /^\d+$/.test(wanted) ? ` keyhole attach ${wanted} brings one into that process.` : '';
  throw new KeyholeError('NO_TARGET', `there is no agent ${wanted} on this machine`, `${whatThereIs(announced)}${cold}`);
}

function labelOf(announcement: Announcement): string {
  return `${announcement.name}#${announcement.pid}`;
}

function onlyOne(announced: Announcement[]): Target {
  const [first, second] = announced;
  if (first === undefined) throw new KeyholeError('NO_TARGET', 'there is no agent on this machine', whatThereIs([]));
  if (second === undefined) return announcedTarget(first);
  throw new KeyholeError('AMBIGUOUS', `there are several agents: ${announced.map(labelOf).join(', ')}`, 'Give NAME, NAME#PID or the PID');
}

function announcedTarget(announcement: Announcement): Target {
  if (!announcement.address.startsWith('unix:/')) {
    throw new KeyholeError('NO_TARGET', `${labelOf(announcement)} announces ${announcement.address}, which this version can not reach`);
  }
  return { label: labelOf(announcement), socketPath: announcement.address.slice('unix:'.length) };
}

function whatThereIs(announced: Announcement[]): string {
  return announced.length === 0
    ? 'No service with an agent runs under this user. keyhole ps lists them; a socket can be given by its path.'
    : `There is: ${announced.map(labelOf).join(', ')}.`;
}

function isSocket(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() ?? false;
}
