/** `keyhole journal verify`: recomputes the chain, of a running agent or of a directory without one. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { verifyJournal } from '@keyhole/agent/journal';
import { errorTable, type JournalReport } from '@keyhole/agent/protocol';
import { span, type Text } from '../render/text.ts';
import type { CommandDefinition } from './command.ts';

export const journalVerify: CommandDefinition = {
  name: 'journal verify',
  summary: "recomputes a journal's chain",
  target: 'directory',
  words: [],
  required: () => 0,
  options: [],
  async run(context, { target }) {
    const dir = target === null ? null : resolve(context.cwd, target);
    const offline = dir !== null && statSync(dir, { throwIfNoEntry: false })?.isDirectory() === true;
    const report: JournalReport = offline ? verifyJournal(dir) : await (await context.connect()).call('journal.verify', {}, context);
    const { ok, entries, head, firstBroken } = report;
    return {
      json: { ok, entries, head, ...(firstBroken !== undefined && { firstBroken }) },
      text: render(report),
      exitCode: ok ? 0 : errorTable.JOURNAL.exitCode,
    };
  },
};

function render({ ok, entries, head, firstBroken }: JournalReport): Text {
  const found = `${entries} entries, head ${head ?? 'none'}\n`;
  if (ok) return [span('good', 'ok'), `  ${found}`];
  const where = firstBroken === undefined ? '' : `entry ${firstBroken.seq}, ${firstBroken.file}:${firstBroken.line}: ${firstBroken.why}\n`;
  return [span('bad', 'broken'), `  ${where}`, `before it: ${found}`];
}
