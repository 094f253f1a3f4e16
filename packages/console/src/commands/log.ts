/** `keyhole log`: the journal, newest first. */
import type { ColdOrigin, JournalEntry, JournalFilter, Result } from '@keyhole/agent/protocol';
import { span, type Text } from '../render/text.ts';
import { table } from '../render/table.ts';
import { countFlag, momentFlag, textFlag, type CommandDefinition } from './command.ts';
import { describeUndone } from './trial.ts';

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
    { flags: '--operator <name>', doc: 'only what that operator asked for' },
    { flags: '--address <address>', doc: 'only changes of functions whose address starts so' },
    { flags: '--kind <kind>', doc: 'only entries of that kind: eval, patch, revert, session, refusal, ...' },
    { flags: '--since <time>', doc: 'only entries from then on: 2026-01-31T12:00:00Z, or 15m, 24h, 7d ago' },
    { flags: '--until <time>', doc: 'only entries up to then' },
  ],
  async run(context, { flags }) {
    const wanted = countFlag(flags, 'count', 1, maxCount) ?? defaultCount;
    let before = countFlag(flags, 'before', 1, Number.MAX_SAFE_INTEGER);
    const filter: JournalFilter = {};
    for (const name of ['operator', 'address', 'kind'] as const) {
      const value = textFlag(flags, name);
      if (value !== undefined) filter[name] = value;
    }
    for (const name of ['since', 'until'] as const) {
      const value = momentFlag(flags, name);
      if (value !== undefined) filter[name] = value;
    }
    const connection = await context.connect();
    const entries: Result<'journal.read'>['entries'] = [];
    while (entries.length < wanted) {
      const count = Math.min(pageSize, wanted - entries.length);
      const page = await connection.call('journal.read', { count, ...filter, ...(before !== undefined && { before }) }, context);
      entries.push(...page.entries);
      // A page may be short, or empty, where little fits the filter. An agent that does not go backwards would be read for ever.
      const next = page.next === undefined ? page.entries.at(-1)?.seq : page.next;
      if (typeof next !== 'number' || next <= 1 || (before !== undefined && next >= before)) break;
      before = next;
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
      return entry.event === 'continued'
        ? span('dim', 'session continued in a new segment')
        : `session ${entry.event === 'open' ? 'opened' : 'closed'}`;
    case 'refusal':
      return span('bad', `refused${entry.op === undefined ? '' : ` ${entry.op}`}: ${entry.why}`);
    case 'recovered':
      return span('warning', `a torn line of ${entry.bytes} bytes was cut off (${entry.file})`);
    case 'witness':
      return span('bad', `remembers entry ${entry.known.seq} with another hash: the journal was cut, rolled back or replaced`);
    case 'rotated':
      return span('dim', `segment full; ${entry.next} follows`);
    case 'segment':
      return entry.gap === undefined ? span('dim', 'new segment') : span('warning', `new segment after a failure: ${entry.gap.why}`);
    case 'checkpoint':
      return span('warning', `removed: ${entry.removed.map((each) => `${each.file} (up to entry ${each.last.seq})`).join(', ')}`);
    default:
      if (entry.phase === 'outcome') return outcome(entry);
      if (entry.phase === 'undone') return describeUndone(entry);
      if (entry.phase === 'due') return `${entry.id} ${entry.address}, again${entry.hotfix === undefined ? '' : `, from ${entry.hotfix.file}`}`;
      if (entry.phase === 'refused') return span('warning', `${entry.id} ${entry.address} not again: ${entry.why}`);
      if (entry.phase === 'stood') return span('dim', 'the process lives on with its replayed patches');
      return [request(entry.request), entry.phase === 'late' ? span('warning', '  while the journal could not be written') : ''];
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
    ...(typeof params['id'] === 'string' ? [params['id']] : []),
    ...(params['all'] === true ? ['all'] : []),
    ...(params['breakGlass'] === true ? ['WITHOUT APPROVAL'] : []),
    ...(typeof params['expression'] === 'string' ? [params['expression']] : []),
  ];
  return [parts.join(', '), typeof params['reason'] === 'string' ? span('dim', `  (${params['reason']})`) : ''];
}

function outcome(entry: Extract<JournalEntry, { phase: 'outcome' }>): Text {
  const error = entry.error === undefined ? '' : `: ${entry.error.code}: ${entry.error.message}`;
  return [`  ${entry.intent}: `, span(entry.status === 'done' ? 'good' : 'bad', entry.status), error];
}
