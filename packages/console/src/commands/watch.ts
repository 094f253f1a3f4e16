/** `keyhole watch`: calls of functions as they happen, until there were enough, or Ctrl-C. */
import { KeyholeError, limits, type Params, type WatchedCall, type WatchResult } from '@keyhole/agent/protocol';
import { renderCall } from '../render/call.ts';
import { span, type Text } from '../render/text.ts';
import { countFlag, textFlag, type CommandDefinition, type Flags } from './command.ts';
import { streamed } from './streamed.ts';
import { describeEnd, describeMissed, describeStart, exitCodeOf, hearing, watchFlags, watchOptions } from './watch-end.ts';

export const watch: CommandDefinition = {
  name: 'watch',
  summary: 'calls as they happen: arguments, result or throw, duration',
  target: 'agent',
  words: ['ADDRESS...'],
  required: () => 1,
  options: [
    { flags: '--limit <n>', doc: `ends after as many calls (default: ${limits.defaultWatchedCalls})` },
    { flags: '--rate <n>', doc: `shows no more than that in a second, and counts the others (default: ${limits.defaultWatchRate})` },
    { flags: '--if <expr>', doc: 'only calls of which this is true: args, parameters by name, this, result, error, ms' },
    { flags: '--slower <ms>', doc: 'only calls that took longer' },
    { flags: '--throws', doc: 'only calls that throw or reject' },
    { flags: '--depth <n>', doc: 'how many levels of objects are shown (default: 2)' },
    { flags: '--stack <n>', doc: 'also who called: as many frames' },
    { flags: '--record', doc: 'in the REPL: keeps the calls that are shown, for .recorded and .replay' },
    ...watchOptions,
  ],
  async run(context, { words, flags }) {
    const params = watchParams(words, flags);
    if (flags['record'] === true && !context.attached) {
      throw new KeyholeError(
        'USAGE',
        'what is recorded lives as long as the session, which ends with this command',
        'Use .watch --record in keyhole attach.',
      );
    }
    const connection = await context.connect();
    const result = await streamed(connection, 'watch', params, {
      context,
      lastsMs: params.forMs ?? limits.defaultWatchMs,
      hear: hearing<WatchedCall>(context, flags, { begins: describeStart, render: renderCall }),
    });
    const left = flags['record'] === true ? 'what was recorded stays there until you leave, and nothing else' : undefined;
    if (flags['json'] !== true) context.terminal.message(describeEnd(result, describeCounts(result), left));
    return { json: result, text: '', exitCode: exitCodeOf(result) };
  },
};

/** @throws {KeyholeError} USAGE */
function watchParams(addresses: string[], flags: Flags): Params<'watch'> {
  const limit = countFlag(flags, 'limit', 1, limits.maxWatchedCalls);
  const rate = countFlag(flags, 'rate', 1, limits.maxWatchRate);
  const condition = textFlag(flags, 'if');
  const slowerMs = countFlag(flags, 'slower', 0, limits.maxWatchMs);
  const depth = countFlag(flags, 'depth', 0, limits.maxDepthOfInspection);
  const stack = countFlag(flags, 'stack', 1, limits.maxWatchStack);
  return {
    addresses,
    ...(limit !== undefined && { limit }),
    ...(rate !== undefined && { rate }),
    ...(condition !== undefined && { if: condition }),
    ...(slowerMs !== undefined && { slowerMs }),
    ...(flags['throws'] === true && { throws: true }),
    ...(flags['record'] === true && { record: true }),
    ...(depth !== undefined && { depth }),
    ...(stack !== undefined && { stack }),
    ...watchFlags(flags),
  };
}

function describeCounts({ functions, missed, conditionErrors, open }: WatchResult): Text {
  return [
    functions.map(({ address, seen, shown }) => `${address}: ${seen} calls, ${shown} shown\n`),
    describeMissed(missed, ' calls'),
    missed.failed === 0 ? '' : span('warning', `${missed.failed} calls could not be looked at\n`),
    conditionErrors.calls === 0
      ? ''
      : span('warning', `--if failed for ${conditionErrors.calls} calls, which are not shown: ${conditionErrors.first ?? ''}\n`),
    open === 0 ? '' : `${open} calls had begun and were not over\n`,
  ];
}
