/** `.replay N`: calls a function again with what a recorded call had; with `--edited` the text of the working tree, which is not applied. */
import * as path from 'node:path';
import { KeyholeError, limits, type PatchRequest, type ReplayedCall } from '@keyhole/agent/protocol';
import type { Connection } from '../client/connection.ts';
import { endings, milliseconds } from '../render/call.ts';
import { span, type Text } from '../render/text.ts';
import { renderValue } from '../render/value.ts';
import { countWord, type CommandContext, type CommandDefinition } from './command.ts';

/** The answer of a call that ended at its limit is still on its way. */
const answerGraceMs = 5_000;

export const replay: CommandDefinition = {
  name: 'replay',
  summary: 'in the REPL: calls a function again with what a recorded call had; its effects happen',
  target: 'agent',
  words: ['N'],
  required: () => 1,
  options: [{ flags: '--edited', doc: "runs the function's text in the working tree, without applying it" }],
  async run(context, { words, flags }) {
    const number = countWord('N', words[0] ?? '', 1, Number.MAX_SAFE_INTEGER);
    const connection = await context.connect();
    const patch = flags['edited'] === true ? await editedText(connection, number, context) : undefined;
    const timeoutMs = Math.min(context.timeoutMs ?? limits.defaultEvaluationTimeoutMs, limits.maxEvaluationTimeoutMs);
    const params = { number, timeoutMs, ...(patch !== undefined && { patch }) };
    const result = await connection.call('recording.replay', params, { ...context, timeoutMs: 2 * timeoutMs + answerGraceMs });
    return { json: result, text: renderReplay(result) };
  },
};

/** What a push of its file would make of the function. */
async function editedText(connection: Connection, number: number, context: CommandContext): Promise<PatchRequest> {
  const { calls } = await connection.call('recording.list', {}, context);
  const call = calls.find(({ recorded }) => recorded === number);
  if (call === undefined) throw new KeyholeError('NOT_FOUND', `there is no recorded call ${number}`, '.recorded lists them');
  const { address } = call;
  const file = address.slice(0, address.lastIndexOf(':'));
  // Loaded when needed: the TypeScript it brings takes longer to load than most commands take to run.
  const { planPush } = await import('../typescript/changes.ts');
  const { patches, refused } = await planPush(connection, { paths: [path.resolve(context.cwd, file)], cwd: context.cwd });
  const why = refused.find((each) => each.address === address)?.why;
  if (why !== undefined) throw new KeyholeError('NOT_PATCHABLE', `${address}: ${why}`);
  const patch = patches.find((each) => each.address === address);
  if (patch === undefined)
    throw new KeyholeError('NOT_FOUND', `${file} has no other text of ${address} than what runs`, 'Edit the function first, or leave --edited out.');
  return patch;
}

function renderReplay({ address, text, before, now, ms }: ReplayedCall): Text {
  const line = (label: string, { how, value }: ReplayedCall['before'] | ReplayedCall['now']): Text => {
    const { word, role } = endings[how] ?? { word: how, role: 'dim' };
    return [span('dim', label.padEnd(8)), span(role, word), ' ', renderValue(value)];
  };
  const ran = text === 'edited' ? 'the edited text, not applied' : text === 'loaded' ? 'the loaded text' : `patch ${text}`;
  return [
    span('heading', address),
    span('dim', `  ${ran}\n`),
    line('before', before),
    '\n',
    line('now', now),
    span('dim', `  ${milliseconds(ms)}\n`),
  ];
}
