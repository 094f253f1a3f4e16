/** `keyhole journal trust`: the journal as it is now is the one to remember. For when it is explained why it is not the one that this console knew. */
import type { CommandDefinition } from './command.ts';

export const journalTrust: CommandDefinition = {
  name: 'journal trust',
  summary: 'takes the journal as it is now for the one to remember',
  target: 'agent',
  words: [],
  required: () => 0,
  options: [],
  async run(context) {
    const connection = await context.connect();
    const doubted = connection.doubt !== null;
    connection.trustJournal();
    const head = connection.welcome.journal?.head ?? null;
    return {
      json: { ok: true, doubted, head },
      text: `${doubted ? 'remembered from now on' : 'nothing was wrong; remembered'}: ${head === null ? 'an empty journal' : `entry ${head.seq} ${head.hash}`}\n`,
    };
  },
};
