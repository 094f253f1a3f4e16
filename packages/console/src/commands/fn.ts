/** `keyhole fn`: one function as its author wrote it and how it can be patched, or with a prefix the list. */
import { KeyholeError, type FunctionDetail, type FunctionSummary, type Result } from '@keyhole/agent/protocol';
import type { Connection } from '../client/connection.ts';
import { table } from '../render/table.ts';
import { firstOf, joined, span, type Text } from '../render/text.ts';
import type { AgentCalls } from '../typescript/calls.ts';
import type { CommandContext, CommandDefinition, Outcome } from './command.ts';
import { lookingAs, threadOf, threadOption } from './threads.ts';
import { describeTrial } from './trial.ts';

export const fn: CommandDefinition = {
  name: 'fn',
  summary: 'one function, or with a prefix the list',
  target: 'agent',
  words: ['ADDRESS'],
  required: () => 1,
  options: [threadOption],
  async run(context, { words, flags }) {
    const [address = ''] = words;
    const connection = await context.connect();
    // Without a colon it can only be a file or a part of one.
    if (!address.includes(':')) return list(await functionsBelow(connection, address, context), address, context);
    let detail: FunctionDetail;
    try {
      detail = await connection.call('fn.get', { address, ...threadOf(flags) }, context);
    } catch (error) {
      if (!(error instanceof KeyholeError) || error.code !== 'NOT_FOUND') throw error;
      const found = await functionsBelow(connection, address, context);
      if (found.functions.length === 0) throw error;
      return list(found, address, context);
    }
    return show(detail, await textsOf(lookingAs(connection, flags), detail, context.cwd));
  },
};

function functionsBelow(connection: Connection, prefix: string, context: CommandContext): Promise<Result<'fn.list'>> {
  return connection.call('fn.list', { prefix }, context);
}

/** The author's texts; where neither the process nor the repository knows them, what runs. */
export async function textsOf(connection: AgentCalls, detail: FunctionDetail, cwd: string): Promise<{ source: string; original: string }> {
  if (detail.source !== null && detail.original !== null) return { source: detail.source, original: detail.original };
  try {
    // Loaded when needed: the TypeScript it brings takes longer to load than most commands take to run.
    const { authorText } = await import('../typescript/edit.ts');
    return await authorText(connection, detail.address, cwd);
  } catch (error) {
    if (!(error instanceof KeyholeError) || error.code === 'UNREACHABLE') throw error;
    return { source: detail.code, original: detail.originalCode };
  }
}

function list({ functions, silent = [], leftOut = [] }: Result<'fn.list'>, prefix: string, { terminal }: CommandContext): Outcome {
  for (const { id, name } of silent) terminal.message(`thread ${id} (${name}) does not answer: what only it has loaded is missing here\n`);
  if (leftOut.length > 0) terminal.message(`not listed, for they run without slots (name one to see its functions): ${firstOf(leftOut)}\n`);
  const several = functions.some((each) => each.threads !== undefined);
  const row = (each: FunctionSummary): Text[] => [
    span('name', each.address),
    String(each.line),
    each.kind,
    ...(several ? [each.threads?.join(', ') ?? ''] : []),
    each.patched ? span('warning', 'patched') : '',
  ];
  return {
    json: functions.map(({ address, file, line, kind, patched, threads }) => ({
      address,
      file,
      line,
      kind,
      patched,
      ...(threads !== undefined && { threads }),
    })),
    text: table(['FUNCTION', 'LINE', 'KIND', ...(several ? ['THREADS'] : []), ''], functions.map(row), `no function starts with ${prefix}`),
  };
}

function show(detail: FunctionDetail, { source, original }: { source: string; original: string }): Outcome {
  const { address, file, line, strategies, reachable, patches, threads, trial } = detail;
  const verdicts: Text = strategies.map((strategy) => [
    '  ',
    strategy.possible ? span('good', strategy.name) : span('dim', strategy.name),
    strategy.possible ? `  pause ${strategy.pauseMs} ms` : '  not possible',
    strategy.why === '' ? '\n' : `: ${strategy.why}\n`,
  ]);
  return {
    json: { address, file, line, source, original, strategies, reachable, patches, threads, ...(trial !== undefined && { trial }) },
    text: [
      [span('heading', address), span('dim', `  ${file}:${line}\n`)],
      `${source}\n`,
      [span('heading', 'strategies\n'), verdicts],
      [span('heading', 'outer variables  '), reachable.length === 0 ? span('dim', 'none of its own') : joined(reachable, ', '), '\n'],
      patches.length === 0 ? '' : [span('heading', 'patches  '), span('warning', patches.join(', ')), '\n'],
      trial === undefined ? '' : describeTrial(patches[0] ?? '', trial),
      threads.length < 2 ? '' : [span('heading', 'threads\n'), threads.map(inOneThread)],
    ],
  };
}

function inOneThread({ id, name, patched, patch = '', why }: FunctionDetail['threads'][number]): Text {
  const state = patched === null ? span('warning', 'unknown') : patched ? span('warning', `patched ${patch}`) : 'as it was loaded';
  return [`  ${id} ${name}  `, state, why === undefined ? '\n' : `: ${why}\n`];
}
