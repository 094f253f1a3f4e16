/** `keyhole diff`: what is live, as a unified diff against what was loaded. */
import { renderDiff } from '../render/unified-diff.ts';
import type { CommandDefinition } from './command.ts';
import { describeTrial } from './trial.ts';

export const diff: CommandDefinition = {
  name: 'diff',
  summary: 'unified diff of what is live',
  target: 'agent',
  words: ['[ID...]'],
  required: () => 0,
  options: [],
  async run(context, { words }) {
    // Loaded when needed: the TypeScript it brings takes longer to load than most commands take to run.
    const { diffOf } = await import('../git/diff.ts');
    const { text, patches } = await diffOf(await context.connect(), words, context.cwd);
    if (text === '') context.terminal.message('nothing is patched\n');
    for (const { id, trial } of patches) if (trial !== undefined) context.terminal.message(describeTrial(id, trial));
    return { json: { diff: text }, text: renderDiff(text), exact: text };
  },
};
