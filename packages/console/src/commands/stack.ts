/** `keyhole stack`: who calls a function: the ways to it, the most frequent first. */
import { limits, type StackResult, type WatchStarted } from '@keyhole/agent/protocol';
import { span, type Text } from '../render/text.ts';
import { countFlag, type CommandDefinition } from './command.ts';
import { streamed } from './streamed.ts';
import { describeEnd, describeStart, exitCodeOf, watchFlags, watchOptions } from './watch-end.ts';

export const stack: CommandDefinition = {
  name: 'stack',
  summary: 'who calls a function: the ways to it, counted',
  target: 'agent',
  words: ['ADDRESS...'],
  required: () => 1,
  options: [
    { flags: '--calls <n>', doc: `ends after as many calls (default: ${limits.defaultStackCalls})` },
    { flags: '--frames <n>', doc: `how many frames of each way (default: ${limits.defaultStackFrames})` },
    { flags: '--rate <n>', doc: `looks at no more than that in a second (default: ${limits.defaultWatchRate})` },
    ...watchOptions,
  ],
  async run(context, { words, flags }) {
    const calls = countFlag(flags, 'calls', 1, limits.maxStackCalls);
    const frames = countFlag(flags, 'frames', 1, limits.maxWatchStack);
    const rate = countFlag(flags, 'rate', 1, limits.maxWatchRate);
    const params = {
      addresses: words,
      ...(calls !== undefined && { calls }),
      ...(frames !== undefined && { frames }),
      ...(rate !== undefined && { rate }),
      ...watchFlags(flags),
    };
    const { terminal } = context;
    const result = await streamed(await context.connect(), 'stack', params, {
      context,
      lastsMs: params.forMs ?? limits.defaultWatchMs,
      hear: (item) => terminal.message(describeStart(item as unknown as WatchStarted)),
    });
    if (flags['json'] !== true) terminal.message(describeEnd(result, `${result.seen} calls, ${result.looked} looked at\n`));
    return { json: result, text: ways(result), exitCode: exitCodeOf(result) };
  },
};

function ways({ stacks, others, looked }: StackResult): Text {
  return [
    stacks.map(({ frames, calls }) => [
      span('heading', `${calls} calls`),
      span('dim', `, ${Math.round((calls / Math.max(1, looked)) * 100)} %\n`),
      frames.length === 0 ? '  from nothing of the service: a timer, or Node itself\n' : frames.map((frame) => `  ${frame}\n`),
    ]),
    others === 0 ? '' : span('warning', `${others} calls came by other ways, too many to be told apart\n`),
  ];
}
