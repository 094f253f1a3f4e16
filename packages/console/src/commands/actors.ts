/** `keyhole actors`: what the service registered, and the living instances of watched classes. */
import { KeyholeError, type Result } from '@keyhole/agent/protocol';
import { span, paint } from '../render/text.ts';
import { table } from '../render/table.ts';
import { renderValue } from '../render/value.ts';
import { textFlag, type CommandDefinition } from './command.ts';

const orders = ['mailbox', 'type', 'id'];

export const actors: CommandDefinition = {
  name: 'actors',
  summary: 'registered actors and instances of watched classes',
  target: 'agent',
  words: ['[TYPE]'],
  required: () => 0,
  options: [
    { flags: '--sort <by>', doc: `${orders.join(', ')} (default: as they were registered)` },
    { flags: '--where <condition>', doc: "only those it holds for: 's => s.bids > 10', of what they show as their state" },
  ],
  async run(context, { words: [type], flags }) {
    const sort = textFlag(flags, 'sort');
    if (sort !== undefined && !orders.includes(sort)) throw new KeyholeError('USAGE', `--sort takes ${orders.join(', ')}, not ${sort}`);
    const where = textFlag(flags, 'where');
    const connection = await context.connect();
    const ofType = type === undefined ? {} : { type };
    const found: Partial<Result<'actors.find'>> & Result<'actors.list'> =
      where === undefined
        ? await connection.call('actors.list', ofType, context)
        : await connection.call('actors.find', { ...ofType, where }, context);
    for (const { id, why } of found.unjudged ?? []) context.terminal.message([span('warning', 'not asked: '), `${id}: ${why}\n`]);
    const result = { actors: sort === undefined ? found.actors : sorted(found.actors, sort) };
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
      text: table(['ACTOR', 'TYPE', 'MAILBOX', 'STATE'], rows, nothing(type, where)),
    };
  },
};

function nothing(type: string | undefined, where: string | undefined): string {
  if (where !== undefined) return 'it holds for none';
  return type === undefined ? 'no actor is registered' : `no actor of type ${type}`;
}

function sorted(actors: Result<'actors.list'>['actors'], by: string): Result<'actors.list'>['actors'] {
  if (by === 'mailbox') return actors.toSorted((a, b) => (b.mailbox ?? -1) - (a.mailbox ?? -1));
  const of = (actor: { id: string; type: string }): string => (by === 'type' ? actor.type : actor.id);
  return actors.toSorted((a, b) => of(a).localeCompare(of(b)));
}
