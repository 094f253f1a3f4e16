/** `keyhole send`: a message to an actor. */
import { span } from '../render/text.ts';
import { reasonFor, reasonOption, type CommandDefinition } from './command.ts';
import { breakGlassOption, ownMsOf, reviewed } from './reviewed.ts';

export const send: CommandDefinition = {
  name: 'send',
  summary: 'a message, as JSON, to an actor; it can not be taken back',
  target: 'agent',
  words: ['ACTOR', 'MESSAGE'],
  required: () => 2,
  options: [reasonOption, breakGlassOption],
  async run(context, { words: [actor = '', message = ''], flags }) {
    const reason = await reasonFor(context, flags);
    const connection = await context.connect();
    const { glass, options } = reviewed(context, connection, { flags, ownMs: ownMsOf(context) });
    const result = await connection.call('actor.send', { actor, message, reason, ...glass }, options);
    const waits = result.suspended ? `; it is suspended${result.mailbox === null ? '' : `, ${result.mailbox} in its mailbox`}` : '';
    return { json: result, text: [span('good', 'handed over'), ` ${result.id}  to ${actor}; what it does with it can not be undone${waits}\n`] };
  },
};
