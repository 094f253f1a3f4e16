/** `keyhole ps`: the agents of this machine, from their announcements; connects to none. */
import { listAnnouncements, type Announcement } from '@keyhole/agent/announce';
import { fingerprintOf } from '@keyhole/agent/ssh';
import { roleOf } from '../client/targets.ts';
import { span } from '../render/text.ts';
import { table } from '../render/table.ts';
import type { CommandDefinition } from './command.ts';

export const ps: CommandDefinition = {
  name: 'ps',
  summary: 'agents on this machine',
  target: 'none',
  words: [],
  required: () => 0,
  options: [],
  async run({ env }) {
    const announced = listAnnouncements(env);
    const agents = announced.map((each) => describe(each, announced));
    const rows = agents.map((agent) => [
      span('name', agent.name),
      String(agent.pid),
      agent.node,
      agent.startedAt,
      agent.commit?.slice(0, 12) ?? '-',
      agent.instrumented ? 'slots' : '-',
      String(agent.patches),
      agent.role === 'worker' ? `worker ${agent.worker} of ${agent.parentPid}` : (agent.role ?? '-'),
      agent.address,
    ]);
    return {
      json: agents,
      text: table(['NAME', 'PID', 'NODE', 'STARTED', 'COMMIT', 'CODE', 'PATCHES', 'CLUSTER', 'ADDRESS'], rows, 'no agent runs under this user'),
    };
  },
};

function describe(announcement: Announcement, announced: Announcement[]) {
  const { name, pid, address, hostKey, node, startedAt, commit, instrumented, patches, cluster } = announcement;
  const place = { role: roleOf(announcement, announced), worker: cluster?.worker ?? null, parentPid: cluster?.parentPid ?? null };
  // An agent that is older than its host key announces none.
  const host = hostKey === undefined ? null : fingerprintOf(hostKey);
  return { name, pid, address, hostKey: host, node, startedAt, commit, instrumented, patches, ...place };
}
