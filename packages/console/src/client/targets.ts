/** From what the operator typed to one agent. Opens no connection. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { KeyholeError } from '@keyhole/agent/protocol';
import type { Announcement } from '@keyhole/agent/announce';
import { announcedEndpoint, parseEndpoint, type Endpoint } from './endpoint.ts';

export interface Target {
  /** `name#pid` where it was announced, else what was typed. */
  label: string;
  endpoint: Endpoint;
  /** What is known of it beforehand, by its announcement in a folder that only this user can write to. */
  service: string | null;
  hostKey: string | null;
}

/**
 * `spec` is what stands on the command line; without one `KEYHOLE_TARGET`, and without that the only agent there is.
 * @throws {KeyholeError} NO_TARGET with the list of what there is, AMBIGUOUS with the names to choose from, USAGE for a kind of target not known.
 */
export function resolveTarget(spec: string | undefined, env: NodeJS.ProcessEnv, announced: Announcement[]): Target {
  const [target, ...others] = resolveTargets(spec, env, announced);
  if (others.length === 0) return target;
  const labels = [target, ...others].map((each) => each.label).join(', ');
  throw new KeyholeError(
    'AMBIGUOUS',
    `${spec ?? labels} stands for the processes of a cluster: ${labels}`,
    'Give NAME#PID or the PID of one; push and revert take them all',
  );
}

/**
 * The same, for what can be done in several processes: a name that stands for a whole cluster, its primary and its workers, gives them all.
 * @throws {KeyholeError} as {@link resolveTarget}
 */
export function resolveTargets(spec: string | undefined, env: NodeJS.ProcessEnv, announced: Announcement[]): [Target, ...Target[]] {
  const wanted = spec ?? (env['KEYHOLE_TARGET'] === '' ? undefined : env['KEYHOLE_TARGET']);
  if (wanted === undefined) return oneOrCluster(announced);
  const endpoint = parseEndpoint(wanted);
  if (endpoint !== null) return [{ label: wanted, endpoint, service: null, hostKey: null }];
  const matches = announced.filter((each) => wanted === each.name || wanted === labelOf(each) || wanted === String(each.pid));
  const [match, ...others] = matches;
  if (match !== undefined && isCluster(matches)) return [announcedTarget(match), ...others.map(announcedTarget)];
  if (match !== undefined) throw new KeyholeError('AMBIGUOUS', `${wanted} stands for ${matches.map(labelOf).join(', ')}`, 'Give NAME#PID or the PID');
  if (isSocket(wanted)) return [{ label: wanted, endpoint: { kind: 'socket', path: resolve(wanted) }, service: null, hostKey: null }];
  const cold = /^\d+$/.test(wanted) ? ` keyhole attach ${wanted} brings one into that process.` : '';
  throw new KeyholeError('NO_TARGET', `there is no agent ${wanted} on this machine`, `${whatThereIs(announced)}${cold}`);
}

function labelOf(announcement: Announcement): string {
  return `${announcement.name}#${announcement.pid}`;
}

/** One process, or a primary of a cluster with its workers, or these alone where the primary has no agent. */
function isCluster(announced: Announcement[]): boolean {
  if (announced.length === 1) return true;
  const primaries = new Set(announced.map(primaryOf));
  return primaries.size === 1 && announced.some((each) => each.cluster != null);
}

function primaryOf({ pid, cluster }: Announcement): number {
  return cluster?.parentPid ?? pid;
}

/** What a process is in its cluster; null where it is in none. */
export function roleOf(announcement: Announcement, announced: Announcement[]): 'primary' | 'worker' | null {
  if (announcement.cluster != null) return 'worker';
  const { name, pid } = announcement;
  return announced.some((each) => each.name === name && each.cluster?.parentPid === pid) ? 'primary' : null;
}

function oneOrCluster(announced: Announcement[]): [Target, ...Target[]] {
  const [first, ...others] = announced;
  if (first === undefined) throw new KeyholeError('NO_TARGET', 'there is no agent on this machine', whatThereIs([]));
  if (isCluster(announced)) return [announcedTarget(first), ...others.map(announcedTarget)];
  throw new KeyholeError('AMBIGUOUS', `there are several agents: ${announced.map(labelOf).join(', ')}`, 'Give NAME, NAME#PID or the PID');
}

function announcedTarget(announcement: Announcement): Target {
  const { name, address, hostKey } = announcement;
  const endpoint = announcedEndpoint(address);
  if (endpoint === null) throw new KeyholeError('NO_TARGET', `${labelOf(announcement)} announces ${address}, which this version can not reach`);
  // An agent that is older than its host key announces none.
  return { label: labelOf(announcement), endpoint, service: name, hostKey: hostKey ?? null };
}

function whatThereIs(announced: Announcement[]): string {
  return announced.length === 0
    ? 'No service with an agent runs under this user. keyhole ps lists them; a socket can be given by its path.'
    : `There is: ${announced.map(labelOf).join(', ')}.`;
}

function isSocket(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() ?? false;
}
