/** `keyhole set`: one change of an actor's state. */
import type { StateValue } from '@keyhole/agent/protocol';
import { span } from '../render/text.ts';
import { reasonFor, reasonOption, type CommandDefinition } from './command.ts';
import { breakGlassOption, ownMsOf, reviewed } from './reviewed.ts';

export const set: CommandDefinition = {
  name: 'set',
  summary: 'one change of actor state; revert undoes it',
  target: 'agent',
  words: ['ACTOR', 'PATH', 'VALUE'],
  required: () => 3,
  options: [reasonOption, breakGlassOption],
  async run(context, { words, flags }) {
    const [actor = '', path = '', value = ''] = words;
    const reason = await reasonFor(context, flags);
    const connection = await context.connect();
    const { glass, options } = reviewed(context, connection, { flags, ownMs: ownMsOf(context) });
    const { ok, id, before, after, entry } = await connection.call('actor.set', { actor, path, value, reason, ...glass }, options);
    return {
      json: { ok, id, actor, path, before: plain(before), after: plain(after), entry },
      text: [span('good', 'set'), ` ${id}  ${actor} ${path}: `, span('removed', before.text), ' -> ', span('added', after.text), '\n'],
    };
  },
};

/** As JSON where it is JSON, else as V8 describes it. */
function plain({ json, text }: StateValue): unknown {
  return json === undefined ? text : json;
}
