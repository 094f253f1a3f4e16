/** `keyhole logpoint`: what an expression gives whenever a line is reached. */
import { KeyholeError, limits, type LogpointHit, type LogpointResult, type LogpointStarted } from '@keyhole/agent/protocol';
import { clockTime } from '../render/call.ts';
import { span, type Text } from '../render/text.ts';
import { renderValue } from '../render/value.ts';
import { countFlag, type CommandDefinition } from './command.ts';
import { streamed } from './streamed.ts';
import { describeEnd, describeMissed, exitCodeOf, hearing, watchFlags, watchOptions } from './watch-end.ts';

export const logpoint: CommandDefinition = {
  name: 'logpoint',
  summary: 'what an expression gives whenever a line is reached, instrumented or not',
  target: 'agent',
  words: ['FILE:LINE', 'EXPR'],
  required: () => 2,
  options: [
    { flags: '--limit <n>', doc: `ends after as many (default: ${limits.defaultWatchedCalls})` },
    { flags: '--rate <n>', doc: `shows no more than that in a second (default: ${limits.defaultWatchRate})` },
    { flags: '--depth <n>', doc: 'how many levels of objects are shown (default: 2)' },
    { flags: '--stack <n>', doc: 'also the stack: as many frames' },
    { flags: '--max-pause <ms>', doc: `refuses when the process would stop longer (default: ${limits.defaultMaxPauseMs})` },
    ...watchOptions,
  ],
  async run(context, { words, flags }) {
    const [place = '', expression = ''] = words;
    const [, file, line] = /^(.+):(\d+)$/.exec(place) ?? [];
    if (file === undefined) throw new KeyholeError('USAGE', `${place} is no place`, 'A file and a line: src/pricing.ts:12');
    const counts = {
      limit: countFlag(flags, 'limit', 1, limits.maxWatchedCalls),
      rate: countFlag(flags, 'rate', 1, limits.maxWatchRate),
      depth: countFlag(flags, 'depth', 0, limits.maxDepthOfInspection),
      stack: countFlag(flags, 'stack', 1, limits.maxWatchStack),
      maxPauseMs: countFlag(flags, 'maxPause', 0, 3_600_000, '--max-pause'),
    };
    const given = Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== undefined));
    const params = { file, line: Number(line), expression, ...given, ...watchFlags(flags) };
    const result = await streamed(await context.connect(), 'logpoint', params, {
      context,
      lastsMs: params.forMs ?? limits.defaultWatchMs,
      hear: hearing<LogpointHit, LogpointStarted>(context, flags, { begins: describePlaces, render: renderHit }),
    });
    if (flags['json'] !== true) context.terminal.message(describeEnd(result, describeCounts(result)));
    return { json: result, text: '', exitCode: exitCodeOf(result) };
  },
};

function describePlaces({ places, pauseMs, otherThreads }: LogpointStarted): Text {
  return [
    places.map(({ address, file, line, running }) =>
      span('dim', `watching ${file}:${line} in ${address ?? 'the module'} (${running}); Ctrl-C ends it\n`),
    ),
    span('dim', `the process stood still for ${pauseMs} ms; each hit takes it 0.1 ms or more\n`),
    otherThreads.map(({ id, name }) => span('warning', `thread ${id} (${name}) has loaded it too: it is not looked at there\n`)),
  ];
}

function renderHit({ at, address, value, error, stack, missed }: LogpointHit): Text {
  return [
    missed == null ? '' : span('warning', `  ${missed} before it are not shown\n`),
    span('dim', `${clockTime(at)} `),
    span('name', address ?? 'the module'),
    ' ',
    value == null ? span('bad', error ?? '') : renderValue(value),
    '\n',
    (stack ?? []).map((frame) => span('dim', `    at ${frame}\n`)),
  ];
}

function describeCounts({ seen, shown, missed }: LogpointResult): Text {
  return [`reached ${seen} times, ${shown} shown\n`, describeMissed(missed, '')];
}
