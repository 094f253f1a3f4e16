/** `keyhole suspend` and `resume`: an actor takes no messages for a while. */
import { limits } from '@keyhole/agent/protocol';
import { duration } from '../render/duration.ts';
import { span } from '../render/text.ts';
import { durationFlag, reasonFor, reasonOption, type CommandDefinition } from './command.ts';
import { breakGlassOption, ownMsOf, reviewed } from './reviewed.ts';

export const suspend: CommandDefinition = {
  name: 'suspend',
  summary: 'an actor takes no more messages for a while; revert or resume ends that',
  target: 'agent',
  words: ['ACTOR'],
  required: () => 1,
  options: [
    { flags: '--for <time>', doc: `it goes on by itself after that (default: ${duration(limits.defaultSuspendMs)})` },
    reasonOption,
    breakGlassOption,
  ],
  async run(context, { words: [actor = ''], flags }) {
    const forMs = durationFlag(flags, 'for', '--for', limits.minSuspendMs, limits.maxSuspendMs);
    const reason = await reasonFor(context, flags);
    const connection = await context.connect();
    const { glass, options } = reviewed(context, connection, { flags, ownMs: ownMsOf(context) });
    const result = await connection.call('actor.suspend', { actor, reason, ...(forMs !== undefined && { forMs }), ...glass }, options);
    const waits = result.mailbox === null ? '' : `; ${result.mailbox} in its mailbox`;
    return {
      json: result,
      text: [span('warning', 'suspended'), ` ${result.id}  ${actor} for ${duration(result.forMs)}, or until it is resumed${waits}\n`],
    };
  },
};

export const resume: CommandDefinition = {
  name: 'resume',
  summary: 'a suspended actor goes on',
  target: 'agent',
  words: ['ACTOR'],
  required: () => 1,
  options: [reasonOption, breakGlassOption],
  async run(context, { words: [actor = ''], flags }) {
    const reason = await reasonFor(context, flags);
    const connection = await context.connect();
    const { glass, options } = reviewed(context, connection, { flags, ownMs: ownMsOf(context) });
    const result = await connection.call('actor.resume', { actor, reason, ...glass }, options);
    const waited = result.mailbox === null ? '' : `; ${result.mailbox} had waited`;
    return { json: result, text: [span('good', 'resumed'), ` ${result.id}  ${actor}${waited}\n`] };
  },
};
