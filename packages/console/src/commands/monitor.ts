/** `keyhole monitor`: how often functions are called, fail, and how long they take, interval by interval. */
import { limits, type MonitorInterval, type MonitoredCalls } from '@keyhole/agent/protocol';
import { clockTime, milliseconds } from '../render/call.ts';
import { duration } from '../render/duration.ts';
import { table } from '../render/table.ts';
import { span, type Text } from '../render/text.ts';
import { countFlag, durationFlag, type CommandDefinition } from './command.ts';
import { streamed } from './streamed.ts';
import { describeEnd, describeStart, exitCodeOf, hearing, watchFlags, watchOptions } from './watch-end.ts';

export const monitor: CommandDefinition = {
  name: 'monitor',
  summary: 'how often functions are called, fail, and how long they take, per interval',
  target: 'agent',
  words: ['ADDRESS...'],
  required: () => 1,
  options: [
    { flags: '--every <time>', doc: `how long an interval is (default: ${duration(limits.defaultMonitorMs)})` },
    { flags: '--count <n>', doc: 'ends after as many intervals' },
    ...watchOptions,
  ],
  async run(context, { words, flags }) {
    const everyMs = durationFlag(flags, 'every', '--every', limits.minMonitorMs, limits.maxMonitorMs);
    const count = countFlag(flags, 'count', 1, limits.maxMonitorIntervals);
    const params = { addresses: words, ...(everyMs !== undefined && { everyMs }), ...(count !== undefined && { count }), ...watchFlags(flags) };
    const result = await streamed(await context.connect(), 'monitor', params, {
      context,
      lastsMs: params.forMs ?? limits.defaultWatchMs,
      hear: hearing<MonitorInterval>(context, flags, {
        begins: describeStart,
        render: ({ at, forMs, functions }) => [span('dim', `${clockTime(at)}, ${duration(forMs)}\n`), counts(functions), '\n'],
      }),
    });
    if (flags['json'] !== true) context.terminal.message(describeEnd(result, [span('heading', 'in all\n'), counts(result.functions)]));
    return { json: result, text: '', exitCode: exitCodeOf(result) };
  },
};

function counts(functions: readonly MonitoredCalls[]): Text {
  const rows = functions.map(({ address, calls, failed, open, ms }) => [
    span('name', address),
    String(calls),
    failed === 0 ? '0' : span('bad', String(failed)),
    String(open),
    ...(ms == null ? ['-', '-', '-', '-', '-'] : [ms.mean, ms.p50, ms.p90, ms.p99, ms.max].map(milliseconds)),
  ]);
  return table(['FUNCTION', 'CALLS', 'FAILED', 'OPEN', 'MEAN', 'P50', 'P90', 'P99', 'MAX'], rows, '');
}
