/** `keyhole approve`: the second pair of eyes. It shows what its author signed, and signs exactly that. */
import { createHash } from 'node:crypto';
import {
  canonicalRequest,
  KeyholeError,
  limits,
  type AskedChange,
  type Params,
  type PatchRequest,
  type StateValue,
  type WaitingChange,
} from '@keyhole/agent/protocol';
import type { Connection } from '../client/connection.ts';
import { duration } from '../render/duration.ts';
import { importLine } from '../render/import-line.ts';
import { table } from '../render/table.ts';
import { span, type Text } from '../render/text.ts';
import { renderDiff, unifiedDiff } from '../render/unified-diff.ts';
import type { CommandContext, CommandDefinition, Outcome } from './command.ts';

interface Shown {
  connection: Connection;
  waiting: WaitingChange;
  asked: AskedChange;
  /** What a `set` would replace. */
  before: StateValue | null;
}

export const approve: CommandDefinition = {
  name: 'approve',
  summary: 'seconds a change that waits for another operator; without ID lists what waits',
  target: 'agent',
  words: ['[ID]'],
  required: () => 0,
  options: [{ flags: '-y, --yes', doc: 'asks nothing: you have seen it already' }],
  async run(context, { words: [id], flags }) {
    const connections = await context.connectAll();
    if (id === undefined) return listed(context, connections);
    const shown = (await Promise.all(connections.map((connection) => lookUp(context, connection, id)))).filter((each) => each !== null);
    if (shown.length === 0) throw new KeyholeError('NOT_FOUND', `nothing waits as ${id}`, 'keyhole approve without an ID lists what does.');
    // Every process of a cluster is asked for itself, and each must be asked for the same.
    const texts = new Map(shown.map((each) => [JSON.stringify(each.asked.params), each]));
    for (const each of texts.values()) context.terminal.message(describe(each));
    if (texts.size > 1) context.terminal.message(span('warning', `${id} is not the same change in all processes: there are ${texts.size}\n`));
    if (flags['yes'] !== true) {
      if (!context.interactive) throw new KeyholeError('USAGE', 'there is nobody to ask whether you approve it', '--yes says that you have seen it');
      if (!/^y(es)?$/i.test((await context.ask('Approve it? [y/N] ')).trim())) throw new KeyholeError('INTERRUPTED', 'it was not approved');
    }
    let missing = 0;
    for (const { connection, asked } of shown) {
      const digest = createHash('sha512').update(canonicalRequest(asked), 'utf8').digest('hex');
      missing = Math.max(missing, (await connection.call('approval.give', { id, digest }, context)).missing);
    }
    const left = missing === 0 ? '' : `; ${missing} more must approve it`;
    return { json: { ok: true, id, missing }, text: [span('good', 'approved '), `${id}${left}\n`] };
  },
};

async function listed(context: CommandContext, connections: readonly Connection[]): Promise<Outcome> {
  const lists = await Promise.all(connections.map(async (connection) => (await connection.call('approval.list', {}, context)).waiting));
  const waiting = lists.flatMap((each, index) => each.map((change) => ({ ...change, pid: connections[index]?.welcome.pid ?? 0 })));
  const rows = waiting.map(({ id, operator, leftMs, what, reason, pid }) => [
    id,
    String(pid),
    operator,
    duration(leftMs),
    what.join(', '),
    span('dim', reason),
  ]);
  return { json: waiting, text: table(['ID', 'PID', 'OPERATOR', 'LEFT', 'WHAT', 'REASON'], rows, 'nothing waits for approval') };
}

async function lookUp(context: CommandContext, connection: Connection, id: string): Promise<Shown | null> {
  const { waiting } = await connection.call('approval.list', {}, context);
  if (!waiting.some((each) => each.id === id)) return null;
  const { waiting: still, asked, before } = await connection.call('approval.list', { id }, context);
  const [found] = still;
  if (found === undefined || asked === null) return null;
  return { connection, waiting: found, asked, before };
}

/** Everything that will be done is shown, and made from what is signed. @throws {KeyholeError} BAD_FRAME for what this console does not know how to show. */
function describe(shown: Shown): Text {
  const { waiting, asked } = shown;
  const what = asked.op === 'patch.apply' ? patchText(shown) : asked.op === 'patch.shadow' ? shadowText(asked) : actorText(shown);
  if (what === null) throw new KeyholeError('BAD_FRAME', `what waits as ${waiting.id} is nothing that this console knows: ${asked.op}`);
  return [span('heading', `${waiting.id}: ${waiting.operator} (${waiting.fingerprint})\n`), `  ${String(asked.params['reason'])}\n`, what];
}

function actorText({ asked, before }: Shown): Text | null {
  const { actor, path, value, message, forMs, ...others } = asked.params;
  const known = Object.keys(others).every((name) => ['reason', 'dryRun', 'breakGlass'].includes(name));
  if (typeof actor !== 'string' || !known) return null;
  const of = span('name', actor);
  if (asked.op === 'actor.set')
    return ['  set ', of, ` ${String(path)}: `, span('removed', before?.text ?? 'unknown'), ' -> ', span('added', String(value)), '\n'];
  if (asked.op === 'actor.send') return ['  send to ', of, ': ', span('added', String(message)), '\n'];
  if (asked.op === 'actor.suspend')
    return ['  suspend ', of, ` for ${duration(typeof forMs === 'number' ? forMs : limits.defaultSuspendMs)} at most\n`];
  return asked.op === 'actor.resume' ? ['  resume ', of, '\n'] : null;
}

function patchText({ waiting, asked }: Shown): Text | null {
  if (!Array.isArray(asked.params['patches'])) return null;
  const { patches, confirmMs, ifErrors, partial, maxPauseMs } = asked.params as Params<'patch.apply'>;
  const pauses = new Map(waiting.expected.map(({ address, strategy, pauseMs }) => [address, `${strategy}, expected pause ${pauseMs} ms`]));
  const terms = [
    confirmMs === undefined ? [] : [`undone after ${duration(confirmMs)} unless confirmed`],
    ifErrors === undefined ? [] : [`undone when more than ${ifErrors} of its calls fail`],
    partial === true ? ['as far as it can be done'] : [],
    maxPauseMs === undefined ? [] : [`a pause of ${maxPauseMs} ms is allowed`],
  ].flat();
  return [
    terms.map((term) => `  ${term}\n`),
    patches.map((patch) => [span('name', patch.address), `  ${pauses.get(patch.address) ?? 'is refused'}\n`, differences(patch)]),
  ];
}

function shadowText({ params }: AskedChange): Text | null {
  const { patches, calls, timeoutMs = limits.defaultShadowMs, reason: _, thread: __, ...others } = params as Params<'patch.shadow'>;
  if (!Array.isArray(patches) || Object.keys(others).length > 0) return null;
  return [
    `  a shadow run: the new code on copies of the next ${calls} calls, for ${duration(timeoutMs)} at most; its results are not used, and what else it does is done\n`,
    patches.map((patch) => [span('name', patch.address), '\n', differences(patch)]),
  ];
}

/** The author's text, and besides it the JavaScript that runs where that is another: only the latter is what comes into effect. */
function differences({ address, code, baseCode, source, baseSource, imports = [] }: PatchRequest): Text {
  const brought = imports.map((each) => ['  ', span('good', `+${importLine(each)}`), `  (${each.from}, as ${each.name})\n`]);
  const running = renderDiff(unifiedDiff(`a/${address}`, `b/${address}`, lined(baseCode), lined(code)));
  if (code === source && baseCode === baseSource) return [brought, running];
  const written = renderDiff(unifiedDiff(`a/${address}`, `b/${address}`, lined(baseSource), lined(source)));
  return [brought, '  as its author wrote it:\n', written, '  as it will run:\n', running];
}

function lined(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}
