/** `keyhole revert`: the original code back. */
import { KeyholeError } from '@keyhole/agent/protocol';
import { outcomeOf } from './apply.ts';
import { reasonFor, reasonOption, type CommandDefinition } from './command.ts';

export const revert: CommandDefinition = {
  name: 'revert',
  summary: 'the original code back',
  target: 'agent',
  words: ['ID...'],
  required: (flags) => (flags['all'] === true ? 0 : 1),
  options: [{ flags: '--all', doc: 'every live patch' }, reasonOption],
  async run(context, { words, flags }) {
    const all = flags['all'] === true;
    if (all && words.length > 0) throw new KeyholeError('USAGE', 'revert takes patch ids or --all, not both');
    const reason = await reasonFor(context, flags);
    const connection = await context.connect();
    const result = await connection.call('patch.revert', { ids: words, ...(all && { all }), reason }, context);
    return outcomeOf(result, 'reverted');
  },
};
