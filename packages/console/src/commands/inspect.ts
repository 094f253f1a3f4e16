/** `keyhole inspect`: one value, opened a page at a time; for a function its closure too. Runs no getter. */
import { limits, type ListedActor, type Params, type RemoteProperty, type Result } from '@keyhole/agent/protocol';
import type { Connection } from '../client/connection.ts';
import { renderPage, renderRowValue } from '../render/page.ts';
import { joined, paint, span, type Text } from '../render/text.ts';
import { quoted, renderValue } from '../render/value.ts';
import { actorOrExpression, inOption, type ActorOrExpression } from './actor-or-expression.ts';
import { renderHead } from './actors.ts';
import { countFlag, textFlag, type CommandContext, type CommandDefinition, type Outcome } from './command.ts';
import { described } from './eval.ts';
import { threadOf, threadOption } from './threads.ts';

export const inspect: CommandDefinition = {
  name: 'inspect',
  summary: 'one value, opened; for a function its closure scopes too',
  target: 'agent',
  words: ['ACTOR|EXPR'],
  required: () => 1,
  verbatim: true,
  options: [
    inOption,
    { flags: '--depth <n>', doc: 'how many levels to open' },
    { flags: '--start <n>', doc: 'the first row, or the first character of a long string' },
    { flags: '--count <n>', doc: 'how many' },
    {
      flags: '--max-pause <ms>',
      doc: `for a WeakMap or a WeakSet: refused when the process would stand still longer (default: ${limits.defaultMaxPauseMs})`,
    },
    threadOption,
  ],
  async run(context, { words, flags }) {
    const [what = ''] = words;
    const connection = await context.connect();
    const start = countFlag(flags, 'start', 0, Number.MAX_SAFE_INTEGER);
    const count = countFlag(flags, 'count', 1, limits.maxStringLength);
    const depth = countFlag(flags, 'depth', 0, limits.maxDepthOfInspection);
    const maxPauseMs = countFlag(flags, 'maxPause', 0, 3_600_000, '--max-pause');
    const params = {
      ...(depth !== undefined && { depth }),
      ...(start !== undefined && { start }),
      ...(count !== undefined && { count: Math.min(count, limits.maxPageSize) }),
      ...(maxPauseMs !== undefined && { maxPauseMs }),
      ...threadOf(flags),
    };
    const open = (of: ActorOrExpression): Promise<Result<'inspect'>> => connection.call('inspect', { ...of, ...params }, context);
    const { id, answer: page } = await actorOrExpression(what, textFlag(flags, 'in'), open);
    if (page.value.type === 'string' && page.value.handle !== undefined && start !== undefined) {
      const piece = { handle: page.value.handle, start, count: count ?? limits.maxStringLength, ...threadOf(flags) };
      return pieceOfText(connection, piece, context);
    }
    return {
      json: {
        ...(id !== undefined && { id }),
        ...described(page.value),
        properties: page.properties.map(row),
        ...(page.actor !== undefined && { actor: { ...page.actor, head: page.actor.head?.map((message) => paint(renderValue(message), false)) } }),
        total: page.total,
        start: page.start,
        ...(page.next !== undefined && { next: page.next }),
        ...(page.scopes !== undefined && { scopes: page.scopes.map((scope) => ({ ...scope, variables: scope.variables.map(row) })) }),
      },
      text: [renderPage(page), page.actor === undefined ? '' : aboutActor(page.actor)],
    };
  },
};

/** What is not in the object itself. */
function aboutActor(actor: ListedActor): Text {
  const { mailbox, from, parent, can = [], suspended, error } = actor;
  const facts: Text[] = [
    ...(from === undefined ? [] : [`found by ${from}`]),
    ...(parent === undefined ? [] : [`of ${parent}`]),
    ...(mailbox === null ? [] : [[`${mailbox} in its mailbox`, renderHead(actor)]]),
    ...(suspended === true ? [span('warning', 'suspended')] : []),
    ...(can.length === 0 ? [] : [`can: ${can.join(', ')}`]),
    ...(error === undefined ? [] : [span('bad', error)]),
  ];
  return facts.length === 0 ? '' : [span('dim', '  actor: '), ...joined(facts, '; '), '\n'];
}

async function pieceOfText(connection: Connection, piece: Params<'text'>, context: CommandContext): Promise<Outcome> {
  const { start } = piece;
  const { text, length } = await connection.call('text', piece, context);
  return {
    json: { type: 'string', preview: text, properties: [], total: length, start },
    text: [span('string', quoted(text)), span('dim', `\n  (characters ${start} to ${start + text.length} of ${length})\n`)],
  };
}

function row(property: RemoteProperty): Record<string, unknown> {
  return {
    name: property.name,
    ...(property.key !== undefined && { key: paint(renderValue(property.key), false) }),
    type: property.kind === 'accessor' ? 'accessor' : (property.value?.type ?? 'undefined'),
    preview: paint(renderRowValue(property), false),
    ...(property.properties !== undefined && { properties: property.properties.map(row) }),
  };
}
