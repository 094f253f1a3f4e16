/** `keyhole push`: the functions that changed in the working tree, into the process: all of them in one turn, or none. */
import { KeyholeError } from '@keyhole/agent/protocol';
import type { Connection } from '../client/connection.ts';
import { applyOptions, applyPatches, outcomeOf } from './apply.ts';
import { inThread, threadOf } from './threads.ts';
import { pushToAll, type Plan } from './cluster.ts';
import { reasonFor, type CommandContext, type CommandDefinition, type Flags, type Outcome } from './command.ts';

export const push: CommandDefinition = {
  name: 'push',
  summary: 'changed functions into the process',
  target: 'agent',
  words: ['[PATH...]'],
  required: () => 0,
  options: [...applyOptions, { flags: '--partial', doc: 'applies what can be applied' }],
  async run(context, { words, flags }) {
    const connections = await context.connectAll();
    const [connection] = connections;
    if (connection === undefined) throw new KeyholeError('NO_TARGET', 'there is no agent');
    // Loaded when needed: the TypeScript it brings takes longer to load than most commands take to run.
    const { planPush } = await import('../typescript/changes.ts');
    if (connections.length > 1) return pushToCluster(context, connections, words, flags);
    const plan = await planPush(inThread(connection, threadOf(flags)), { paths: words, cwd: context.cwd });
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

/** Every process is asked for itself: what runs there may differ, and not every one has loaded every file. */
async function pushToCluster(context: CommandContext, connections: readonly Connection[], paths: string[], flags: Flags): Promise<Outcome> {
  if (flags['thread'] !== undefined) throw new KeyholeError('USAGE', '--thread means a thread of one process', 'Give NAME#PID as the target');
  for (const flag of ['shadow', 'ifErrors'].filter((each) => flags[each] !== undefined)) {
    const said = flag === 'shadow' ? '--shadow looks at calls' : '--if-errors counts calls';
    throw new KeyholeError('USAGE', `${said} of one process, and this is a cluster of ${connections.length}`, 'Give NAME#PID as the target');
  }
  const { planPush } = await import('../typescript/changes.ts');
  const plans = connections.map((connection) => ({ connection, plan: { patches: [], refused: [] } as Plan }));
  for (const given of paths.length === 0 ? [[]] : paths.map((path) => [path])) {
    let absent: KeyholeError | null = null;
    let found = false;
    for (const { connection, plan } of plans) {
      try {
        const { patches, refused } = await planPush(connection, { paths: given, cwd: context.cwd });
        found = true;
        plan.patches.push(...patches);
        plan.refused.push(...refused);
      } catch (error) {
        if (!(error instanceof KeyholeError) || error.code !== 'NOT_FOUND') throw error;
        absent = error;
      }
    }
    if (!found && absent !== null) throw absent;
  }
  if (plans.every(({ plan }) => plan.patches.length === 0 && plan.refused.length === 0)) {
    context.terminal.message('nothing to push: no function differs from what runs in any process\n');
  }
  return pushToAll(context, plans, { reason: await reasonFor(context, flags), partial: flags['partial'] === true, flags });
}
