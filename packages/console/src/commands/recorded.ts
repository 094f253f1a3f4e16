/** `.recorded`: the calls that `.watch --record` has kept in this session, or one of them, opened. */
import { limits } from '@keyhole/agent/protocol';
import { renderCall } from '../render/call.ts';
import { renderPage } from '../render/page.ts';
import { countFlag, countWord, type CommandDefinition } from './command.ts';

export const recorded: CommandDefinition = {
  name: 'recorded',
  summary: 'in the REPL: calls that .watch --record has kept, or one of them, as its values are now',
  target: 'agent',
  words: ['[N]'],
  required: () => 0,
  options: [{ flags: '--depth <n>', doc: 'how many levels to open' }],
  async run(context, { words, flags }) {
    const [which] = words;
    const connection = await context.connect();
    if (which === undefined) {
      const { calls } = await connection.call('recording.list', {}, context);
      const none = 'nothing is recorded in this session: .watch ADDRESS --record does\n';
      return { json: calls, text: calls.length === 0 ? none : calls.map(renderCall) };
    }
    const depth = countFlag(flags, 'depth', 0, limits.maxDepthOfInspection);
    const number = countWord('N', which, 1, Number.MAX_SAFE_INTEGER);
    const page = await connection.call('recording.open', { number, ...(depth !== undefined && { depth }) }, context);
    return { json: page, text: renderPage(page) };
  },
};
