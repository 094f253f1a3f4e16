/** `keyhole threads`: the threads of a service; and how the other commands mean one of them. */
import { table } from '../render/table.ts';
import { span } from '../render/text.ts';
import type { AgentCalls } from '../typescript/calls.ts';
import { countFlag, durationMs, textFlag, type CommandDefinition, type Flags, type OptionDefinition } from './command.ts';

export const threadOption: OptionDefinition = { flags: '--thread <id>', doc: 'one thread of the service alone; 0 is the main thread' };

/** What a request says about the thread it means: nothing where none was named. */
export function threadOf(flags: Flags): { thread?: number } {
  const thread = countFlag(flags, 'thread', 0, Number.MAX_SAFE_INTEGER);
  return thread === undefined ? {} : { thread };
}

/** How long a change may stop the service, and what is looked at for it: nothing where nobody said so. */
export function maxPauseOf(flags: Flags): { maxPauseMs?: number } {
  const maxPause = textFlag(flags, 'maxPause');
  return maxPause === undefined ? {} : { maxPauseMs: durationMs('--max-pause', maxPause, 1) };
}

/** The same connection, looking at functions and modules of the thread that was named, and stopping it no longer than was allowed for the change. */
export function lookingAs(connection: AgentCalls, flags: Flags): AgentCalls {
  const how = { ...threadOf(flags), ...maxPauseOf(flags) };
  return { call: (op, params) => connection.call(op, op === 'fn.get' || op === 'module.get' ? { ...params, ...how } : params) };
}

export const threads: CommandDefinition = {
  name: 'threads',
  summary: 'threads of the service, and what is patched in each',
  target: 'agent',
  words: [],
  required: () => 0,
  options: [],
  async run(context) {
    const { threads: all } = await (await context.connect()).call('threads.list', {}, context);
    const rows = all.map(({ id, name, state, parent, patches }) => [
      String(id),
      span('name', name === '' ? '-' : name),
      state === 'ready' ? state : span('warning', state),
      parent === null ? '-' : String(parent),
      patches.join(', '),
    ]);
    return {
      json: all.map(({ id, name, state, parent, patches }) => ({ id, name, state, parent, patches })),
      text: table(['ID', 'NAME', 'STATE', 'STARTED BY', 'PATCHES'], rows, ''),
    };
  },
};
