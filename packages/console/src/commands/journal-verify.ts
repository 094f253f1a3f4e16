/** `keyhole journal verify`: recomputes the chain and checks the signatures, of a running agent or of a directory without one. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { verifyJournal } from '@keyhole/agent/journal';
import { errorTable, KeyholeError, type JournalReport } from '@keyhole/agent/protocol';
import { span, type Text } from '../render/text.ts';
import { textFlag, type CommandContext, type CommandDefinition } from './command.ts';

/** A journal of a million entries takes its time. */
const verifyTimeoutMs = 600_000;

export const journalVerify: CommandDefinition = {
  name: 'journal verify',
  summary: "recomputes a journal's chain and checks its signatures",
  target: 'directory',
  words: [],
  required: () => 0,
  options: [
    { flags: '--against <head>', doc: 'an entry that has to be there, SEQ:HASH or HASH: a head that was written down elsewhere' },
    { flags: '--chain-only', doc: 'leaves the signatures out' },
  ],
  async run(context, { target, flags }) {
    const against = headOf(textFlag(flags, 'against'));
    const signatures = flags['chainOnly'] !== true;
    const dir = directoryOf(context, target);
    const report: JournalReport =
      dir !== null
        ? await verifyJournal(dir, { signatures, ...(against !== undefined && { against }) })
        : await (
            await context.connect()
          ).call('journal.verify', { signatures, ...against }, { ...context, timeoutMs: context.timeoutMs ?? verifyTimeoutMs });
    return {
      json: report,
      text: render(report),
      exitCode: report.ok ? 0 : errorTable.JOURNAL.exitCode,
    };
  },
};

/** The target where it is a directory, so that no agent is needed. */
export function directoryOf(context: CommandContext, target: string | null): string | null {
  const dir = target === null ? null : resolve(context.cwd, target);
  return dir !== null && statSync(dir, { throwIfNoEntry: false })?.isDirectory() === true ? dir : null;
}

/** `120:5f70...` or only the hash. */
function headOf(text: string | undefined): { seq?: number; hash: string } | undefined {
  if (text === undefined) return undefined;
  const [, seq, hash] = /^(?:([1-9]\d{0,15}):)?([0-9a-f]{64})$/.exec(text) ?? [];
  if (hash === undefined) throw new KeyholeError('USAGE', `--against takes SEQ:HASH or HASH (64 hex digits), not ${text}`);
  return seq === undefined ? { hash } : { seq: Number(seq), hash };
}

function render({ ok, entries, first, head, firstBroken, signatures }: JournalReport): Text {
  const since = first > 1 ? ` from ${first} on (what came before was removed; a checkpoint says so)` : '';
  const found = `${entries} entries${since}, head ${head ?? 'none'}\n`;
  if (!ok) {
    const where = firstBroken === undefined ? '' : `entry ${firstBroken.seq}, ${firstBroken.file}:${firstBroken.line}: ${firstBroken.why}\n`;
    return [span('bad', 'broken'), `  ${where}`, `before it: ${found}`];
  }
  if (signatures === null || signatures === undefined) return [span('good', 'ok'), `  ${found}`, span('dim', 'signatures were not checked\n')];
  const redacted = signatures.redacted === 0 ? '' : `, ${signatures.redacted} of them of requests that were redacted`;
  return [
    [span('good', 'ok'), `  ${found}`],
    `${signatures.checked} signatures${redacted}\n`,
    ...signatures.operators.map(({ operator, fingerprint }) => `  ${operator}  ${fingerprint}\n`),
  ];
}
