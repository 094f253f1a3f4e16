/** `keyhole revert`: the original code back. */
import { KeyholeError } from '@keyhole/agent/protocol';
import { outcomeOf } from './apply.ts';
import { revertInAll } from './cluster.ts';
import { threadOf, threadOption } from './threads.ts';
import { reasonFor, reasonOption, type CommandDefinition } from './command.ts';

export const revert: CommandDefinition = {
  name: 'revert',
  summary: 'the original code back',
  target: 'agent',
  words: ['ID...'],
  required: (flags) => (flags['all'] === true ? 0 : 1),
  options: [{ flags: '--all', doc: 'every live patch' }, reasonOption, threadOption],
  async run(context, { words, flags }) {
    const all = flags['all'] === true;
    if (all && words.length > 0) throw new KeyholeError('USAGE', 'revert takes patch ids or --all, not both');
    const reason = await reasonFor(context, flags);
    const connections = await context.connectAll();
    const [connection] = connections;
    if (connection === undefined) throw new KeyholeError('NO_TARGET', 'there is no agent');
    if (connections.length > 1) {
      if (flags['thread'] !== undefined) throw new KeyholeError('USAGE', '--thread means a thread of one process', 'Give NAME#PID as the target');
      return revertInAll(context, connections, words, all, reason);
    }
    const result = await connection.call('patch.revert', { ids: words, ...(all && { all }), reason, ...threadOf(flags) }, context);
    return outcomeOf(result, 'reverted');
  },
};
