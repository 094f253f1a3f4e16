/** `keyhole who`: the operators who are attached. */
import { span } from '../render/text.ts';
import { table } from '../render/table.ts';
import type { CommandDefinition } from './command.ts';

export const who: CommandDefinition = {
  name: 'who',
  summary: 'the operators who are attached',
  target: 'agent',
  words: [],
  required: () => 0,
  options: [],
  async run(context) {
    const { sessions } = await (await context.connect()).call('sessions.list', {}, context);
    const rows = sessions.map(({ operator, fingerprint, from, since, you }) => [
      span('name', operator),
      from,
      span('dim', since),
      fingerprint,
      you ? 'you' : '',
    ]);
    return { json: sessions, text: table(['OPERATOR', 'FROM', 'SINCE', 'KEY', ''], rows, 'nobody is attached') };
  },
};
