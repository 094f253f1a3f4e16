/** `keyhole status`: the process against the repository, function by function. */
import { resolve } from 'node:path';
import type { FunctionStatus, ServiceStatus } from '../git/status.ts';
import { table } from '../render/table.ts';
import { span, type Text } from '../render/text.ts';
import { textFlag, type CommandDefinition } from './command.ts';

const tones = { 'live-only': 'warning', landed: 'good', diverged: 'bad', lost: 'bad' } as const;

export const status: CommandDefinition = {
  name: 'status',
  summary: 'the process against the repository: live only, landed, diverged, lost',
  target: 'agent',
  words: [],
  required: () => 0,
  options: [{ flags: '--repo <dir>', doc: 'the repository of the service (default: here)' }],
  async run(context, { flags }) {
    const connections = await context.connectAll();
    // Loaded when needed: the TypeScript it brings takes longer to load than most commands take to run.
    const { statusOf } = await import('../git/status.ts');
    const repo = resolve(context.cwd, textFlag(flags, 'repo') ?? '.');
    const found: { pid: number | null; status: ServiceStatus }[] = [];
    for (const connection of connections) {
      const pid = connections.length === 1 ? null : (await connection.call('info', {})).pid;
      found.push({ pid, status: await statusOf(connection, repo) });
    }
    const [first] = found;
    const functions = found.flatMap(({ pid, status: of }) => of.functions.map((each) => ({ ...each, ...(pid !== null && { pid }) })));
    if (functions.length === 0) context.terminal.message('no patch is live or lost\n');
    const text = [heading(found.map((each) => each.status)), table(['STATE', 'FUNCTION', 'PATCH', 'OPERATOR', 'AT', ''], functions.map(row), '')];
    const { commit = null, head = null, build = null } = first?.status ?? {};
    return { json: { commit, head, build, functions }, text };
  },
};

function heading(statuses: readonly ServiceStatus[]): Text {
  const commits = [...new Set(statuses.map(nameOf))];
  return `runs ${commits.join(' and ')}; HEAD is ${statuses[0]?.head.slice(0, 12) ?? '-'}\n`;
}

/** A build without a commit is known by what is loaded. */
function nameOf({ commit, build: { sources } }: ServiceStatus): string {
  if (commit !== null) return commit.slice(0, 12);
  return sources === null
    ? 'a commit that it does not know'
    : `a commit that it does not know (${sources.files} sources, sha256 ${sources.sha256.slice(0, 16)})`;
}

function row({ state, address, patch, operator, at, movedTo, threads, why, pid }: FunctionStatus & { pid?: number }): Text[] {
  const notes = [
    ...(pid === undefined ? [] : [`process ${pid}`]),
    ...(threads === undefined ? [] : [threads.length === 0 ? 'in no thread that runs' : `in thread ${threads.join(', ')}`]),
    ...(movedTo === undefined ? [] : [`now ${movedTo}`]),
    ...(why === undefined ? [] : [why]),
  ];
  return [span(tones[state], state), span('name', address), patch, operator, span('dim', at), notes.join('; ')];
}
