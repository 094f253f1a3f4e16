/** `keyhole ps`: the agents of this machine, from their announcements; connects to none. */
import { listAnnouncements } from '@keyhole/agent/announce';
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
  async run() {
    const agents = listAnnouncements().map(({ name, pid, address, node, startedAt, commit, instrumented, patches }) => ({
      name,
      pid,
      address,
      node,
      startedAt,
      commit,
      instrumented,
      patches,
    }));
    const rows = agents.map((agent) => [
      span('name', agent.name),
      String(agent.pid),
      agent.node,
      agent.startedAt,
      agent.commit?.slice(0, 12) ?? '-',
      agent.instrumented ? 'slots' : '-',
      String(agent.patches),
      agent.address,
    ]);
    return {
      json: agents,
      text: table(['NAME', 'PID', 'NODE', 'STARTED', 'COMMIT', 'CODE', 'PATCHES', 'ADDRESS'], rows, 'no agent runs under this user'),
    };
  },
};
