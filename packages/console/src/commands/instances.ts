/** `keyhole instances`: every living instance of a class, with the pause that it takes. */
import { limits, type Result } from '@keyhole/agent/protocol';
import { span, type Text } from '../render/text.ts';
import { renderValue } from '../render/value.ts';
import { countFlag, textFlag, type CommandDefinition } from './command.ts';
import { described } from './eval.ts';

export const instances: CommandDefinition = {
  name: 'instances',
  summary: 'living instances of a class, and the pause that finding them takes; listeners of EventEmitters',
  target: 'agent',
  words: ['CLASS'],
  required: () => 1,
  options: [
    { flags: '--in <file>', doc: 'the module that the class stands in' },
    { flags: '--count <n>', doc: `how many are shown (default: ${limits.maxPageSize})` },
    { flags: '--max-pause <ms>', doc: `refused when the process would stand still longer (default: ${limits.defaultMaxPauseMs})` },
    { flags: '--insist', doc: 'also where the heap is nearly full' },
  ],
  async run(context, { words: [of = ''], flags }) {
    const file = textFlag(flags, 'in');
    const count = countFlag(flags, 'count', 1, limits.maxPageSize);
    const maxPauseMs = countFlag(flags, 'maxPause', 0, 3_600_000, '--max-pause');
    const params = {
      of,
      ...(file !== undefined && { in: file }),
      ...(count !== undefined && { count }),
      ...(maxPauseMs !== undefined && { maxPauseMs }),
      ...(flags['insist'] === true && { insist: true }),
    };
    const found = await (await context.connect()).call('instances', params, context);
    const { count: all, classes, instances: shown, listeners, expectedMs, pauseMs } = found;
    const listed = shown.map((value, index) => ({ value, listeners: listeners?.[index] }));
    return {
      json: {
        class: found.class,
        count: all,
        classes,
        instances: listed.map(({ value, listeners: each }) => ({ ...described(value), ...(each !== undefined && { listeners: each }) })),
        expectedMs,
        pauseMs,
      },
      text: [
        span('heading', `${all} of ${found.class}`),
        span('dim', `, subclasses included; the process stood still for ${pauseMs} ms (${expectedMs} expected)\n`),
        classes.length > 1 || listeners !== undefined ? `by class: ${classes.map(classText).join(', ')}\n` : '',
        listed.map(({ value, listeners: each }) => [renderValue(value), '\n', each === undefined ? '' : listenersText(each)]),
        all > shown.length ? span('dim', `... ${all - shown.length} more\n`) : '',
      ],
    };
  },
};

function classText({ name, count, listeners }: Result<'instances'>['classes'][number]): string {
  return `${name} ${count}${listeners === undefined ? '' : ` (${listeners} listeners)`}`;
}

function listenersText(listeners: readonly { event: string; count: number }[]): Text {
  if (listeners.length === 0) return span('dim', '  no listeners\n');
  return span('dim', `  listeners: ${listeners.map(({ event, count }) => `${event} ${count}`).join(', ')}\n`);
}
