/** `keyhole push`: the functions that changed in the working tree, into the process: all of them in one turn, or none. */
import { applyOptions, applyPatches, outcomeOf } from './apply.ts';
import { reasonFor, type CommandDefinition } from './command.ts';

export const push: CommandDefinition = {
  name: 'push',
  summary: 'changed functions into the process',
  target: 'agent',
  words: ['[PATH...]'],
  required: () => 0,
  options: [...applyOptions, { flags: '--partial', doc: 'applies what can be applied' }],
  async run(context, { words, flags }) {
    const connection = await context.connect();
    // Loaded when needed: the TypeScript it brings takes longer to load than most commands take to run.
    const { planPush } = await import('../typescript/changes.ts');
    const plan = await planPush(connection, { paths: words, cwd: context.cwd });
    if (plan.patches.length === 0 && plan.refused.length === 0) {
      context.terminal.message('nothing to push: no function differs from what runs\n');
      return outcomeOf({ ok: true, dryRun: flags['dryRun'] === true, patches: [], refused: [] }, 'patched');
    }
    if (plan.unchanged.length > 0) context.terminal.message(`unchanged: ${plan.unchanged.join(', ')}\n`);
    const reason = await reasonFor(context, flags);
    const result = await applyPatches(context, connection, { ...plan, reason, partial: flags['partial'] === true, flags });
    return outcomeOf(result, 'patched');
  },
};
