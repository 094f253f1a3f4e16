/** What all commands that look at calls say at the beginning and at the end, and the options that they share. */
import { limits, type WatchEnd, type WatchEnded, type WatchStarted } from '@keyhole/agent/protocol';
import { milliseconds } from '../render/call.ts';
import { duration } from '../render/duration.ts';
import { span, type Text } from '../render/text.ts';
import { countFlag, durationFlag, type CommandContext, type Flags, type OptionDefinition } from './command.ts';

export const watchOptions: OptionDefinition[] = [
  { flags: '--for <time>', doc: `ends after that time (default: ${duration(limits.defaultWatchMs)})` },
  { flags: '--budget <percent>', doc: `ends when looking takes more of the main thread (default: ${limits.defaultWatchBudgetPercent})` },
];

/** @throws {KeyholeError} USAGE */
export function watchFlags(flags: Flags): { forMs?: number; budgetPercent?: number } {
  const forMs = durationFlag(flags, 'for', '--for', limits.minWatchMs, limits.maxWatchMs);
  const budgetPercent = countFlag(flags, 'budget', 1, limits.maxWatchBudgetPercent);
  return { ...(forMs !== undefined && { forMs }), ...(budgetPercent !== undefined && { budgetPercent }) };
}

export function describeStart({ functions, skipped, otherThreads }: WatchStarted): Text {
  const shown = functions.length > 8 ? `${functions.length} functions` : functions.join(', ');
  return [
    span('dim', `watching ${shown}; Ctrl-C ends it\n`),
    skipped.map(({ address, why }) => span('warning', `not ${address}: ${why}\n`)),
    otherThreads.map(({ id, name }) => span('warning', `thread ${id} (${name}) has loaded it too: calls there are not seen\n`)),
  ];
}

/** What comes: the beginning as a message, each item after it as a line of JSON, or in words. */
export function hearing<Item extends { t: string }, Started extends { t: 'started' } = WatchStarted>(
  { terminal }: Pick<CommandContext, 'terminal'>,
  flags: Flags,
  { begins, render }: { begins: (started: Started) => Text; render: (item: Item) => Text },
): (item: Record<string, unknown>) => void {
  return (item) => {
    const said = item as unknown as Item | Started;
    if (said.t === 'started') return terminal.message(begins(said as Started));
    const { t: _, ...rest } = said;
    if (flags['json'] === true) terminal.jsonLine(rest);
    else terminal.result(render(said as Item));
  };
}

/** @param what is not shown, with a blank before it: ` calls`; empty where it was said before. */
export function describeMissed({ rate, unread }: { rate: number; unread: number }, what: string): Text {
  return [
    rate === 0 ? '' : span('warning', `${rate}${what} were not looked at: they came too fast (--rate)\n`),
    unread === 0 ? '' : span('warning', `${unread}${what} were left out: this console did not read as fast\n`),
  ];
}

/** Whether what was asked for came about. */
export function exitCodeOf({ ended }: WatchEnded): number {
  return ended === 'limit' || ended === 'time' || ended === 'stopped' || ended === 'actor' ? 0 : 1;
}

const reasons: Record<WatchEnd, string> = {
  limit: 'there were as many as were asked for',
  time: 'the time is up',
  stopped: 'you ended it',
  gone: 'the console was gone',
  'not allowed': 'you may not trace any more',
  budget: 'it took more of the main thread than it may; looking at less (--if, --depth, --rate, fewer functions) takes less, --budget allows more',
  actor: 'the actor has come to its end, or is gone',
  replaced: 'the function around the line runs another text now: it was patched, or is being watched',
};

/** @param left what of it is left in the service: only what was asked for. */
export function describeEnd(result: WatchEnded, said: Text, left = 'nothing of it is left in the service'): Text {
  const { ended, tookMs, spentMs, spentPercent } = result;
  return [
    span(exitCodeOf(result) === 0 ? 'dim' : 'warning', `ended after ${duration(tookMs)}: ${reasons[ended] ?? ended}\n`),
    said,
    span('dim', `looking took ${milliseconds(spentMs)}, ${spentPercent} % of the main thread; ${left}\n`),
  ];
}
