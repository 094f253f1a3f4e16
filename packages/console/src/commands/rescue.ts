/** `keyhole rescue`: where a main thread hangs, and the end of that one execution. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { HotFunction, Rescue, RescueEnd, StackFrame } from '@keyhole/agent/protocol';
import { KeyholeError } from '@keyhole/agent/protocol';
import { duration } from '../render/duration.ts';
import { table } from '../render/table.ts';
import { span, type Text } from '../render/text.ts';
import { reasonFor, reasonOption, textFlag, type CommandContext, type CommandDefinition, type Outcome } from './command.ts';

/** Calls that begin before the patch is in run the old code, and may hang again. */
const maxEnds = 3;
/** To find what runs and to put something else there takes the main thread some moments. */
const patchMs = 15_000;

export const rescue: CommandDefinition = {
  name: 'rescue',
  summary: 'the stack of a main thread that hangs; --terminate ends that execution',
  target: 'agent',
  words: [],
  required: () => 0,
  options: [
    { flags: '--terminate', doc: 'ends the execution that hangs, so that the service serves on' },
    { flags: '--patch <file>', doc: 'with --terminate: then pushes what you changed in that file, as keyhole push does' },
    reasonOption,
  ],
  async run(context, { flags }): Promise<Outcome> {
    if (flags['terminate'] !== true) {
      for (const option of ['reason', 'patch']) {
        if (flags[option] !== undefined) throw new KeyholeError('USAGE', `--${option} is for --terminate`, 'keyhole rescue --help');
      }
      const found = await (await context.connect()).call('rescue', {}, context);
      return { json: { ...found, terminated: false }, text: describe(found) };
    }
    const reason = await reasonFor(context, flags);
    const file = textFlag(flags, 'patch');
    if (file !== undefined) return endAndPatch(context, file, reason);
    const ended = await (await context.connect()).call('rescue.end', { reason }, context);
    return { json: ended, text: describeEnd(ended), exitCode: ended.terminated ? 0 : 1 };
  },
};

/** What runs can only be looked up and replaced by the main thread, so the patch comes right after the end: a call in between may hang again, and is ended too. */
async function endAndPatch(context: CommandContext, file: string, reason: string): Promise<Outcome> {
  const path = resolve(context.cwd, file);
  if (!existsSync(path)) throw new KeyholeError('NOT_FOUND', `there is no file ${path}`, 'Nothing was ended.');
  const { push } = await import('./push.ts');
  const connection = await context.connect();
  const ends: RescueEnd[] = [];
  for (;;) {
    ends.push(await connection.call('rescue.end', { reason }, context));
    try {
      const { json, text, exitCode } = await push.run({ ...context, timeoutMs: patchMs }, { target: null, words: [file], flags: { reason } });
      return { json: { ...ends.at(-1), ended: ends.length, push: json }, text: [ends.map(describeEnd), text], exitCode: exitCode ?? 0 };
    } catch (thrown) {
      const error = KeyholeError.from(thrown);
      if (error.code !== 'TIMEOUT' || ends.length === maxEnds)
        throw new KeyholeError(error.code, `what hung was ended, but ${file} is not in: ${error.message}`, error.hint, {
          ...error.details,
          ended: ends.length,
        });
      context.terminal.message(span('warning', 'it hung again before the patch was in\n'));
    }
  }
}

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

function describeEnd({ blockedMs, stack, terminated }: RescueEnd): Text {
  return [
    terminated ? span('good', 'ended') : span('bad', 'told to end'),
    ` what had held the main thread for ${duration(blockedMs)}:\n`,
    stackTable(stack),
    terminated ? 'the main thread answers again\n' : span('bad', 'the main thread has not answered since: it goes on, or something else hangs\n'),
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
