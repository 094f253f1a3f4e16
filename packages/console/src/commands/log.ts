/** `keyhole log`: the journal, newest first. */
import { KeyholeError, type JournalEntry, type JournalFilter, type Result } from '@keyhole/agent/protocol';
import type { Connection } from '../client/connection.ts';
import { span } from '../render/text.ts';
import { table } from '../render/table.ts';
import { countFlag, momentFlag, textFlag, type CommandDefinition } from './command.ts';
import { ends, isIntent, renderBlocks } from './journal-blocks.ts';
import { describeEntry } from './journal-entry.ts';

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
    { flags: '-p, --patch', doc: 'each push with its difference: from the text that was edited to the new one, function by function' },
    { flags: '--oneline', doc: 'a line for each entry' },
    { flags: '-n, --count <n>', doc: `how many entries (default: ${defaultCount})` },
    { flags: '--before <seq>', doc: 'only entries before that one' },
    { flags: '--operator <name>', doc: 'only what that operator asked for' },
    { flags: '--address <address>', doc: 'only changes of functions whose address starts so' },
    { flags: '--kind <kind>', doc: 'only entries of that kind: eval, patch, revert, session, refusal, ...' },
    { flags: '--since <time>', doc: 'only entries from then on: 2026-01-31T12:00:00Z, or 15m, 24h, 7d ago' },
    { flags: '--until <time>', doc: 'only entries up to then' },
  ],
  async run(context, { flags }) {
    if (flags['oneline'] === true && flags['patch'] === true) throw new KeyholeError('USAGE', '--oneline has no room for -p');
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
    if (flags['oneline'] !== true) {
      // A script asks for entries, and pairs them itself.
      const outcomes = flags['json'] === true ? [] : await outcomesOf(connection, entries);
      return { json: entries, text: entries.length === 0 ? 'the journal is empty\n' : renderBlocks(entries, outcomes, flags['patch'] === true) };
    }
    const rows = entries.map((entry) => [
      String(entry.seq),
      span('dim', entry.time),
      'operator' in entry ? (entry.operator ?? '-') : '-',
      entry.kind,
      describeEntry(entry),
    ]);
    return { json: entries, text: table(['SEQ', 'TIME', 'OPERATOR', 'KIND', 'WHAT'], rows, 'the journal is empty') };
  },
};

/** An outcome names neither operator nor address, and may be younger than what was asked for: those that the filter left out are looked for by their kind. */
async function outcomesOf(connection: Connection, entries: readonly JournalEntry[]): Promise<JournalEntry[]> {
  const found: JournalEntry[] = [];
  const open = entries.filter((each) => isIntent(each) && !entries.some((other) => ends(other, each)));
  for (const kind of new Set(open.map((each) => each.kind))) {
    const oldest = open.findLast((each) => each.kind === kind);
    let before: number | undefined;
    for (;;) {
      const page = await connection.call('journal.read', { count: pageSize, kind, ...(before !== undefined && { before }) });
      found.push(...page.entries.filter((each) => 'phase' in each && each.phase === 'outcome'));
      const { next } = page;
      if (typeof next !== 'number' || (before !== undefined && next >= before) || next <= (oldest?.seq ?? next)) break;
      before = next;
    }
  }
  return found;
}
