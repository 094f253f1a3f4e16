/** `keyhole follow`: what an actor shows, as it changes. */
import { limits, type FollowChange, type FollowResult, type FollowStarted, type Params } from '@keyhole/agent/protocol';
import { clockTime } from '../render/call.ts';
import { duration } from '../render/duration.ts';
import { linesOf } from '../render/lines.ts';
import { paint, span, type Text } from '../render/text.ts';
import { changedLines } from '../render/unified-diff.ts';
import { renderValue } from '../render/value.ts';
import { countFlag, durationFlag, type CommandContext, type CommandDefinition, type Flags } from './command.ts';
import { streamed } from './streamed.ts';
import { describeEnd, describeMissed, exitCodeOf, watchFlags, watchOptions } from './watch-end.ts';

export const follow: CommandDefinition = {
  name: 'follow',
  summary: 'what an actor shows, and each change of it',
  target: 'agent',
  words: ['ACTOR'],
  required: () => 1,
  options: [
    { flags: '--every <time>', doc: `how often it is looked at, where it does not tell of changes (default: ${duration(limits.defaultFollowMs)})` },
    { flags: '--limit <n>', doc: `ends after as many changes (default: ${limits.defaultFollowedChanges})` },
    { flags: '--depth <n>', doc: `how many levels of its state are compared (default: ${limits.defaultFollowDepth})` },
    ...watchOptions,
  ],
  async run(context, { words: [actor = ''], flags }) {
    const params = followParams(actor, flags);
    const connection = await context.connect();
    const result = await streamed(connection, 'actor.follow', params, {
      context,
      lastsMs: params.forMs ?? limits.defaultWatchMs,
      hear: hearing(context, flags),
    });
    if (flags['json'] !== true) context.terminal.message(describeEnd(result, describeCounts(result)));
    return { json: result, text: '', exitCode: exitCodeOf(result) };
  },
};

/** @throws {KeyholeError} USAGE */
function followParams(actor: string, flags: Flags): Params<'actor.follow'> {
  const everyMs = durationFlag(flags, 'every', '--every', limits.minFollowMs, limits.maxFollowMs);
  const limit = countFlag(flags, 'limit', 1, limits.maxWatchedCalls);
  const depth = countFlag(flags, 'depth', 0, limits.maxDepthOfInspection);
  return {
    actor,
    ...(everyMs !== undefined && { everyMs }),
    ...(limit !== undefined && { limit }),
    ...(depth !== undefined && { depth }),
    ...watchFlags(flags),
  };
}

/** The first state whole, then what is another than before. */
function hearing({ terminal }: CommandContext, flags: Flags): (item: Record<string, unknown>) => void {
  let before = '';
  return (item) => {
    const said = item as unknown as FollowStarted | FollowChange;
    const now = linesOfActor(said);
    if (flags['json'] === true) {
      const { t: _, state, ...rest } = said;
      if (said.t === 'started') terminal.message(begins(said));
      terminal.jsonLine({ ...rest, state: paint(renderValue(state), false) });
    } else if (said.t === 'started') {
      terminal.message(begins(said));
      terminal.result(now);
    } else {
      const often = said.changes === undefined ? '' : span('dim', `  ${said.changes} changes`);
      terminal.result([span('dim', clockTime(said.at)), often, '\n', changedLines(before, now)]);
    }
    before = now;
  };
}

function begins({ actor, type, how, everyMs }: FollowStarted): Text {
  const way = how === 'told' ? 'it tells of each change' : `it is looked at every ${duration(everyMs)}`;
  return span('dim', `following ${actor} (${type}): ${way}; Ctrl-C ends it\n`);
}

/** A line for each leaf, so that lines can be compared. */
function linesOfActor({ state, mailbox, error }: FollowStarted | FollowChange): string {
  const lines = error === undefined ? linesOf(state) : [`(no state: ${error})`];
  return [...lines, ...(mailbox === null ? [] : [`(mailbox): ${mailbox}`])].map((line) => `${line}\n`).join('');
}

function describeCounts({ seen, shown, missed }: FollowResult): Text {
  return [`${seen} changes, ${shown} shown\n`, describeMissed({ rate: 0, unread: missed.unread }, ' changes')];
}
