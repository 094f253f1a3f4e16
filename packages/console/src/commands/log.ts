/** `keyhole log`: the journal, newest first. */
import type { ColdOrigin, JournalEntry, Result } from '@keyhole/agent/protocol';
import { span, type Text } from '../render/text.ts';
import { table } from '../render/table.ts';
import { countFlag, type CommandDefinition } from './command.ts';

const defaultCount = 50;
/** One page of `journal.read`. */
const pageSize = 500;
const maxCount = 100_000;

export const log: CommandDefinition = {
  name: 'log',
  summary: 'the journal, newest first',
  target: 'agent',
  words: [],
  required: () => 0,
  options: [
    { flags: '-n, --count <n>', doc: `how many entries (default: ${defaultCount})` },
    { flags: '--before <seq>', doc: 'only entries before that one' },
  ],
  async run(context, { flags }) {
    const wanted = countFlag(flags, 'count', 1, maxCount) ?? defaultCount;
    let before = countFlag(flags, 'before', 1, Number.MAX_SAFE_INTEGER);
    const connection = await context.connect();
    const entries: Result<'journal.read'>['entries'] = [];
    while (entries.length < wanted) {
      const count = Math.min(pageSize, wanted - entries.length);
      const page = await connection.call('journal.read', { count, ...(before !== undefined && { before }) }, context);
      entries.push(...page.entries);
      const oldest = page.entries.at(-1)?.seq;
      // An agent that does not go backwards would be read for ever.
      if (page.entries.length < count || oldest === undefined || oldest <= 1 || (before !== undefined && oldest >= before)) break;
      before = oldest;
    }
    const rows = entries.map((entry) => [
      String(entry.seq),
      span('dim', entry.time),
      'operator' in entry ? (entry.operator ?? '-') : '-',
      entry.kind,
      what(entry),
    ]);
    return { json: entries, text: table(['SEQ', 'TIME', 'OPERATOR', 'KIND', 'WHAT'], rows, 'the journal is empty') };
  },
};

function what(entry: JournalEntry): Text {
  switch (entry.kind) {
    case 'start':
      return `${entry.service} started, pid ${entry.pid}, ${entry.node}${entry.commit === null ? '' : `, commit ${entry.commit.slice(0, 12)}`}${cold(entry.cold)}`;
    case 'session':
      return `session ${entry.event === 'open' ? 'opened' : 'closed'}`;
    case 'refusal':
      return span('bad', `refused${entry.op === undefined ? '' : ` ${entry.op}`}: ${entry.why}`);
    case 'recovered':
      return span('warning', `a torn line of ${entry.bytes} bytes was cut off (${entry.file})`);
    default:
      return entry.phase === 'intent' ? request(entry.request) : outcome(entry);
  }
}

/** Not part of the program: somebody brought the agent in. */
function cold(origin: ColdOrigin | undefined): string {
  return origin === undefined ? '' : `; brought in from outside by ${origin.fingerprints.join(' or ')}, keys: ${origin.keys}`;
}

function request(params: Record<string, unknown>): Text {
  const patches = Array.isArray(params['patches']) ? params['patches'].map((each: { address?: unknown } | null) => String(each?.address)) : [];
  const ids = Array.isArray(params['ids']) ? params['ids'].map(String) : [];
  const parts = [
    ...patches,
    ...ids,
    ...(params['all'] === true ? ['all'] : []),
    ...(typeof params['expression'] === 'string' ? [params['expression']] : []),
  ];
  return [parts.join(', '), typeof params['reason'] === 'string' ? span('dim', `  (${params['reason']})`) : ''];
}

function outcome(entry: Extract<JournalEntry, { phase: 'outcome' }>): Text {
  const error = entry.error === undefined ? '' : `: ${entry.error.code}: ${entry.error.message}`;
  return [`  ${entry.intent}: `, span(entry.status === 'done' ? 'good' : 'bad', entry.status), error];
}
