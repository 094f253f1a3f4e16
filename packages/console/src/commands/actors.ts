/** `keyhole actors`: what the service registered, and the living instances of watched classes. */
import { span, paint } from '../render/text.ts';
import { table } from '../render/table.ts';
import { renderValue } from '../render/value.ts';
import type { CommandDefinition } from './command.ts';

export const actors: CommandDefinition = {
  name: 'actors',
  summary: 'registered actors and instances of watched classes',
  target: 'agent',
  words: ['[TYPE]'],
  required: () => 0,
  options: [],
  async run(context, { words: [type] }) {
    const connection = await context.connect();
    const result = await connection.call('actors.list', type === undefined ? {} : { type }, context);
    const json = result.actors.map(({ id, type: actorType, mailbox, state, error }) => ({
      id,
      type: actorType,
      mailbox,
      ...(state !== undefined && { state: paint(renderValue(state), false) }),
      ...(error !== undefined && { error }),
    }));
    const rows = result.actors.map((actor) => [
      span('name', actor.id),
      actor.type,
      actor.mailbox === null ? '-' : String(actor.mailbox),
      actor.error !== undefined ? span('bad', actor.error) : actor.state === undefined ? '' : renderValue(actor.state),
    ]);
    return {
      json,
      text: table(['ACTOR', 'TYPE', 'MAILBOX', 'STATE'], rows, type === undefined ? 'no actor is registered' : `no actor of type ${type}`),
    };
  },
};
