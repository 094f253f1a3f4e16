/** `keyhole trace`: what a function calls, as a tree with times. */
import { limits, type CallTree, type TraceResult } from '@keyhole/agent/protocol';
import { clockTime, milliseconds } from '../render/call.ts';
import { span, type Text } from '../render/text.ts';
import { countFlag, type CommandDefinition } from './command.ts';
import { streamed } from './streamed.ts';
import { describeEnd, describeMissed, describeStart, exitCodeOf, hearing, watchFlags, watchOptions } from './watch-end.ts';

export const trace: CommandDefinition = {
  name: 'trace',
  summary: 'what a function calls, as a tree with times',
  target: 'agent',
  words: ['ADDRESS', '[BELOW...]'],
  required: () => 1,
  options: [
    { flags: '--limit <n>', doc: `ends after as many calls (default: ${limits.defaultTrees})` },
    { flags: '--rate <n>', doc: 'shows no more than that in a second (default: 10)' },
    ...watchOptions,
  ],
  async run(context, { words, flags }) {
    const [address = '', ...below] = words;
    const limit = countFlag(flags, 'limit', 1, limits.maxTrees);
    const rate = countFlag(flags, 'rate', 1, limits.maxWatchRate);
    const params = {
      address,
      ...(below.length > 0 && { below }),
      ...(limit !== undefined && { limit }),
      ...(rate !== undefined && { rate }),
      ...watchFlags(flags),
    };
    const result = await streamed(await context.connect(), 'trace', params, {
      context,
      lastsMs: params.forMs ?? limits.defaultWatchMs,
      hear: hearing<CallTree>(context, flags, { begins: describeStart, render: renderTree }),
    });
    if (flags['json'] !== true) context.terminal.message(describeEnd(result, describeCounts(result)));
    return { json: result, text: '', exitCode: exitCodeOf(result) };
  },
};

function renderTree({ at, nodes, left, missed }: CallTree): Text {
  const whole = nodes[0]?.ms ?? 0;
  return [
    missed == null ? '' : span('warning', `${missed} calls before it are not shown\n`),
    span('dim', `${clockTime(at)}\n`),
    nodes.map(({ level, address, calls, failed, ms, selfMs }) => [
      span('dim', `${String(whole === 0 ? 0 : Math.round((ms / whole) * 100)).padStart(4)} % `),
      '  '.repeat(level),
      span('name', address),
      calls === 1 ? '' : ` ${calls} calls`,
      ` ${milliseconds(ms)}`,
      selfMs === ms ? '' : span('dim', ` (${milliseconds(selfMs)} of its own)`),
      failed === 0 ? '' : span('bad', ` ${failed} failed`),
      '\n',
    ]),
    left == null ? '' : span('warning', `${left} more calls found no place in the tree\n`),
  ];
}

function describeCounts({ seen, shown, missed, open }: TraceResult): Text {
  return [`${seen} calls, ${shown} shown\n`, describeMissed(missed, ' calls'), open === 0 ? '' : `${open} calls had begun and were not over\n`];
}
