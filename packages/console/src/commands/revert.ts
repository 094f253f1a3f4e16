/** `keyhole revert`: the original code back, what an actor's state was before a `set`, or a suspended actor resumed. */
import { KeyholeError } from '@keyhole/agent/protocol';
import { outcomeOf } from './apply.ts';
import { revertInAll } from './cluster.ts';
import { threadOf, threadOption } from './threads.ts';
import type { Connection } from '../client/connection.ts';
import { span } from '../render/text.ts';
import { reasonFor, reasonOption, type CommandContext, type CommandDefinition, type Outcome } from './command.ts';

/** Of a patch, p17; of a change of an actor, s17. */
const ofState = /^s\d+$/;

export const revert: CommandDefinition = {
  name: 'revert',
  summary: 'the original code back, the state before a set, or a suspended actor resumed',
  target: 'agent',
  words: ['ID...'],
  required: (flags) => (flags['all'] === true ? 0 : 1),
  options: [{ flags: '--all', doc: 'every live patch' }, reasonOption, threadOption],
  async run(context, { words, flags }) {
    const all = flags['all'] === true;
    if (all && words.length > 0) throw new KeyholeError('USAGE', 'revert takes patch ids or --all, not both');
    const reason = await reasonFor(context, flags);
    const connections = await context.connectAll();
    const [connection] = connections;
    if (connection === undefined) throw new KeyholeError('NO_TARGET', 'there is no agent');
    if (connections.length > 1) {
      if (flags['thread'] !== undefined) throw new KeyholeError('USAGE', '--thread means a thread of one process', 'Give NAME#PID as the target');
      const [change] = words.filter((word) => ofState.test(word));
      if (change !== undefined) throw new KeyholeError('USAGE', `${change} is a change in one process`, 'Give NAME#PID as the target');
      return revertInAll(context, connections, words, all, reason);
    }
    const changes = words.filter((word) => ofState.test(word));
    if (changes.length > 0) {
      if (changes.length < words.length)
        throw new KeyholeError('USAGE', 'patches and changes of state are reverted one after the other', 'One command for p... and one for s...');
      return restore(context, connection, changes, reason);
    }
    const result = await connection.call('patch.revert', { ids: words, ...(all && { all }), reason, ...threadOf(flags) }, context);
    return outcomeOf(result, 'reverted');
  },
};

async function restore(context: CommandContext, connection: Connection, ids: readonly string[], reason: string): Promise<Outcome> {
  const changes: { id: string; actor: string; path?: string; resumed?: true }[] = [];
  const refused: { id: string; why: string }[] = [];
  for (const id of ids) {
    try {
      const { ok: _, ...change } = await connection.call('actor.restore', { id, reason }, context);
      changes.push(change);
    } catch (thrown) {
      const error = KeyholeError.from(thrown);
      // What concerns all of them is no refusal of one.
      if (ids.length === 1 || error.code === 'NOT_ALLOWED' || error.code === 'UNREACHABLE' || error.code === 'JOURNAL') throw error;
      refused.push({ id, why: error.message });
    }
  }
  return {
    json: { ok: refused.length === 0, dryRun: false, patches: [], refused, changes },
    text: [
      ...changes.map(({ id, actor, path }) => [span('good', 'reverted'), ` ${id}  ${actor} ${path ?? 'resumed'}\n`]),
      ...refused.map(({ id, why }) => [span('bad', 'refused '), `${id}: ${why}\n`]),
    ],
    exitCode: refused.length === 0 ? 0 : 1,
  };
}
