/** `keyhole instances`: every living instance of a class, with the pause that it takes. */
import { limits } from '@keyhole/agent/protocol';
import { span } from '../render/text.ts';
import { renderValue } from '../render/value.ts';
import { countFlag, textFlag, type CommandDefinition } from './command.ts';
import { described } from './eval.ts';

export const instances: CommandDefinition = {
  name: 'instances',
  summary: 'living instances of a class, and the pause that finding them takes',
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
    const { count: all, classes, instances: shown, expectedMs, pauseMs } = found;
    return {
      json: { class: found.class, count: all, classes, instances: shown.map(described), expectedMs, pauseMs },
      text: [
        span('heading', `${all} of ${found.class}`),
        span('dim', `, subclasses included; the process stood still for ${pauseMs} ms (${expectedMs} expected)\n`),
        classes.length > 1 ? `by class: ${classes.map(({ name, count: each }) => `${name} ${each}`).join(', ')}\n` : '',
        shown.map((value) => [renderValue(value), '\n']),
        all > shown.length ? span('dim', `... ${all - shown.length} more\n`) : '',
      ],
    };
  },
};
