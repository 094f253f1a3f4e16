/** `keyhole actors`: what the service registered, the living instances of watched classes, and what adapters find. */
import { KeyholeError, type ListedActor, type Result } from '@keyhole/agent/protocol';
import { joined, span, paint, type Text } from '../render/text.ts';
import { table } from '../render/table.ts';
import { renderValue } from '../render/value.ts';
import { textFlag, type CommandDefinition } from './command.ts';

const orders = ['mailbox', 'type', 'id'];

export const actors: CommandDefinition = {
  name: 'actors',
  summary: 'registered actors, instances of watched classes, and what adapters find',
  target: 'agent',
  words: ['[TYPE]'],
  required: () => 0,
  options: [
    {
      flags: '--from <adapter>',
      doc: 'only what that adapter finds: xstate, socket.io, ws, colyseus; http, workers, timers, resources are asked only by name or for a TYPE',
    },
    { flags: '--sort <by>', doc: `${orders.join(', ')} (default: as they were registered)` },
    { flags: '--where <condition>', doc: "only those it holds for: 's => s.bids > 10', of what they show as their state" },
  ],
  async run(context, { words: [type], flags }) {
    const sort = textFlag(flags, 'sort');
    if (sort !== undefined && !orders.includes(sort)) throw new KeyholeError('USAGE', `--sort takes ${orders.join(', ')}, not ${sort}`);
    const where = textFlag(flags, 'where');
    const from = textFlag(flags, 'from');
    const connection = await context.connect();
    const wanted = { ...(type !== undefined && { type }), ...(from !== undefined && { from }) };
    const found: Partial<Result<'actors.find'>> & Result<'actors.list'> =
      where === undefined
        ? await connection.call('actors.list', wanted, context)
        : await connection.call('actors.find', { ...wanted, where }, context);
    for (const { id, why } of found.unjudged ?? []) context.terminal.message([span('warning', 'not asked: '), `${id}: ${why}\n`]);
    for (const { from: adapter, why } of found.left ?? []) context.terminal.message([span('warning', `not all of ${adapter}: `), `${why}\n`]);
    const result = { actors: sort === undefined ? found.actors : sorted(found.actors, sort) };
    const json = result.actors.map(({ state, head, ...rest }) => ({
      ...rest,
      ...(head !== undefined && { head: head.map((message) => paint(renderValue(message), false)) }),
      ...(state !== undefined && { state: paint(renderValue(state), false) }),
    }));
    const rows = result.actors.map((actor) => [
      span('name', actor.id),
      actor.type,
      actor.mailbox === null ? '-' : String(actor.mailbox),
      [
        actor.error !== undefined ? span('bad', actor.error) : actor.state === undefined ? '' : renderValue(actor.state),
        actor.suspended === true ? span('warning', '  suspended') : '',
        renderHead(actor),
      ],
    ]);
    return {
      json,
      text: table(['ACTOR', 'TYPE', 'MAILBOX', 'STATE'], rows, nothing(type ?? from, where)),
    };
  },
};

function nothing(type: string | undefined, where: string | undefined): string {
  if (where !== undefined) return 'it holds for none';
  return type === undefined ? 'no actor is registered' : `no actor of ${type}`;
}

/** What waits first. */
export function renderHead({ head, mailbox }: ListedActor): Text {
  if (head === undefined) return '';
  const more = (mailbox ?? head.length) - head.length;
  return [span('dim', '  next: '), ...joined(head.map(renderValue), ', '), more > 0 ? span('dim', `, ${more} more`) : ''];
}

function sorted(actors: Result<'actors.list'>['actors'], by: string): Result<'actors.list'>['actors'] {
  if (by === 'mailbox') return actors.toSorted((a, b) => (b.mailbox ?? -1) - (a.mailbox ?? -1));
  const of = (actor: { id: string; type: string }): string => (by === 'type' ? actor.type : actor.id);
  return actors.toSorted((a, b) => of(a).localeCompare(of(b)));
}
