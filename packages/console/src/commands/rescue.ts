/** `keyhole rescue`: where a main thread hangs, and the end of that one execution. */
import type { HotFunction, Rescue, RescueEnd, StackFrame } from '@keyhole/agent/protocol';
import { KeyholeError } from '@keyhole/agent/protocol';
import { duration } from '../render/duration.ts';
import { table } from '../render/table.ts';
import { span, type Text } from '../render/text.ts';
import { reasonFor, reasonOption, type CommandDefinition, type Outcome } from './command.ts';

export const rescue: CommandDefinition = {
  name: 'rescue',
  summary: 'the stack of a main thread that hangs; --terminate ends that execution',
  target: 'agent',
  words: [],
  required: () => 0,
  options: [{ flags: '--terminate', doc: 'ends the execution that hangs, so that the service serves on' }, reasonOption],
  async run(context, { flags }): Promise<Outcome> {
    if (flags['terminate'] !== true) {
      if (flags['reason'] !== undefined) throw new KeyholeError('USAGE', '--reason is for --terminate', 'keyhole rescue --help');
      const found = await (await context.connect()).call('rescue', {}, context);
      return { json: { ...found, terminated: false }, text: describe(found) };
    }
    const reason = await reasonFor(context, flags);
    const ended = await (await context.connect()).call('rescue.end', { reason }, context);
    return { json: ended, text: describeEnd(ended), exitCode: ended.answers ? 0 : 1 };
  },
};

function describe({ state, blockedMs, stack, hottest, native }: Rescue): Text {
  if (state === 'answers') return 'the main thread answers; keyhole profile shows what keeps it busy\n';
  const silent = ['the main thread has not answered for ', span('bad', duration(blockedMs))];
  if (state === 'javascript')
    return [silent, ':\n', stackTable(stack), sampleTable(hottest), 'keyhole rescue --terminate --reason WHY ends what hangs\n'];
  const children = (native?.children ?? []).map(({ pid, command }) => `  child ${pid}: ${command}\n`);
  const asleep =
    native?.asleep === true
      ? 'it sleeps in a system call: a synchronous child process, a synchronous read, or a lock\n'
      : 'it computes in a built-in function, which V8 can not interrupt: no stack can be had, and nothing can be ended\n';
  return [silent, ', and runs no JavaScript: ', native?.asleep === null ? 'this system does not tell more\n' : asleep, ...children];
}

function describeEnd({ blockedMs, stack, answers }: RescueEnd): Text {
  return [
    span('good', 'ended'),
    ` what had held the main thread for ${duration(blockedMs)}:\n`,
    stackTable(stack),
    answers ? 'the main thread answers again\n' : span('bad', 'the main thread has not answered since: it hangs again\n'),
    span(
      'dim',
      "No finally of the service's ran in it. A request that it was about gets no answer. Promise jobs that waited when a promise job was ended are gone.\n",
    ),
  ];
}

function stackTable(stack: StackFrame[]): Text {
  const rows = stack.map((frame) => {
    const isNode = frame.file.startsWith('node:');
    const cell = (text: string): Text => (isNode ? span('dim', text) : text);
    return [cell(frame.function === '' ? '(anonymous)' : frame.function), cell(placeOf(frame)), cell(frame.address ?? '')];
  });
  return table(['FUNCTION', 'AT', 'ADDRESS'], rows, 'no call of JavaScript is under way\n');
}

function sampleTable(hottest: HotFunction[]): Text {
  if (hottest.length === 0) return '';
  return [
    '\n',
    table(
      ['CPU', 'FUNCTION', 'FILE'],
      hottest.map((each) => [`${Math.round(each.self * 100)} %`, each.function, placeOf(each)]),
      '',
    ),
    '\n',
  ];
}

function placeOf({ file, line }: StackFrame): string {
  return file === '' ? '' : `${file}:${line}`;
}
