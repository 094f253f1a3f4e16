/** `keyhole watch`: calls of functions as they happen, until there were enough, or Ctrl-C. */
import { limits, type Params, type WatchedCall, type WatchEnd, type WatchItem, type WatchResult, type WatchStarted } from '@keyhole/agent/protocol';
import { milliseconds, renderCall } from '../render/call.ts';
import { duration } from '../render/duration.ts';
import { span, type Text } from '../render/text.ts';
import { countFlag, durationFlag, textFlag, type CommandContext, type CommandDefinition, type Flags } from './command.ts';
import { streamed } from './streamed.ts';

export const watch: CommandDefinition = {
  name: 'watch',
  summary: 'calls as they happen: arguments, result or throw, duration',
  target: 'agent',
  words: ['ADDRESS...'],
  required: () => 1,
  options: [
    { flags: '--limit <n>', doc: `ends after as many calls (default: ${limits.defaultWatchedCalls})` },
    { flags: '--rate <n>', doc: `shows no more than that in a second, and counts the others (default: ${limits.defaultWatchRate})` },
    { flags: '--for <time>', doc: `ends after that time (default: ${duration(limits.defaultWatchMs)})` },
    { flags: '--if <expr>', doc: 'only calls of which this is true: args, parameters by name, this, result, error, ms' },
    { flags: '--slower <ms>', doc: 'only calls that took longer' },
    { flags: '--throws', doc: 'only calls that throw or reject' },
    { flags: '--depth <n>', doc: 'how many levels of objects are shown (default: 2)' },
    { flags: '--stack <n>', doc: 'also who called: as many frames' },
    { flags: '--budget <percent>', doc: `ends when looking takes more of the main thread (default: ${limits.defaultWatchBudgetPercent})` },
  ],
  async run(context, { words, flags }) {
    const params = watchParams(words, flags);
    const connection = await context.connect();
    const result = await streamed(connection, 'watch', params, {
      context,
      lastsMs: params.forMs ?? limits.defaultWatchMs,
      hear: (item) => show(item as unknown as WatchItem, context, flags['json'] === true),
    });
    if (flags['json'] !== true) context.terminal.message(describeEnd(result));
    return { json: result, text: '', exitCode: exitCodeOf(result.ended) };
  },
};

/** @throws {KeyholeError} USAGE */
function watchParams(addresses: string[], flags: Flags): Params<'watch'> {
  const limit = countFlag(flags, 'limit', 1, limits.maxWatchedCalls);
  const rate = countFlag(flags, 'rate', 1, limits.maxWatchRate);
  const forMs = durationFlag(flags, 'for', '--for', limits.minWatchMs, limits.maxWatchMs);
  const condition = textFlag(flags, 'if');
  const slowerMs = countFlag(flags, 'slower', 0, limits.maxWatchMs);
  const depth = countFlag(flags, 'depth', 0, limits.maxDepthOfInspection);
  const stack = countFlag(flags, 'stack', 1, limits.maxWatchStack);
  const budgetPercent = countFlag(flags, 'budget', 1, limits.maxWatchBudgetPercent);
  return {
    addresses,
    ...(limit !== undefined && { limit }),
    ...(rate !== undefined && { rate }),
    ...(forMs !== undefined && { forMs }),
    ...(condition !== undefined && { if: condition }),
    ...(slowerMs !== undefined && { slowerMs }),
    ...(flags['throws'] === true && { throws: true }),
    ...(depth !== undefined && { depth }),
    ...(stack !== undefined && { stack }),
    ...(budgetPercent !== undefined && { budgetPercent }),
  };
}

function show(item: WatchItem, { terminal }: CommandContext, asJson: boolean): void {
  if (item.t === 'started') return terminal.message(describeStart(item));
  const { t: _, ...call } = item;
  if (asJson) terminal.jsonLine(call satisfies Omit<WatchedCall, 't'>);
  else terminal.result(renderCall(item));
}

function describeStart({ functions, skipped, otherThreads }: WatchStarted): Text {
  return [
    span('dim', `watching ${functions.join(', ')}; Ctrl-C ends it\n`),
    skipped.map(({ address, why }) => span('warning', `not ${address}: ${why}\n`)),
    otherThreads.map(({ id, name }) => span('warning', `thread ${id} (${name}) has loaded it too: calls there are not seen\n`)),
  ];
}

/** Whether what was asked for came about. */
function exitCodeOf(ended: WatchEnd): number {
  return ended === 'limit' || ended === 'time' || ended === 'stopped' ? 0 : 1;
}

const reasons: Record<WatchEnd, string> = {
  limit: 'so many calls were asked for',
  time: 'the time is up',
  stopped: 'you ended it',
  gone: 'the console was gone',
  'not allowed': 'you may not trace any more',
  budget: 'it took more of the main thread than it may; --if, a smaller --depth or --rate take less, --budget allows more',
};

function describeEnd({ ended, tookMs, functions, missed, conditionErrors, open, spentMs, spentPercent }: WatchResult): Text {
  return [
    span(exitCodeOf(ended) === 0 ? 'dim' : 'warning', `ended after ${duration(tookMs)}: ${reasons[ended] ?? ended}\n`),
    functions.map(({ address, seen, shown }) => `${address}: ${seen} calls, ${shown} shown\n`),
    missed.rate === 0 ? '' : span('warning', `${missed.rate} calls were not looked at: they came too fast (--rate)\n`),
    missed.unread === 0 ? '' : span('warning', `${missed.unread} calls were left out: this console did not read as fast\n`),
    missed.failed === 0 ? '' : span('warning', `${missed.failed} calls could not be looked at\n`),
    conditionErrors.calls === 0
      ? ''
      : span('warning', `--if failed for ${conditionErrors.calls} calls, which are not shown: ${conditionErrors.first ?? ''}\n`),
    open === 0 ? '' : `${open} calls had begun and were not over\n`,
    span('dim', `looking took ${milliseconds(spentMs)}, ${spentPercent} % of the main thread; the functions are as they were\n`),
  ];
}
