/** `keyhole push`: the functions that changed in the working tree, a commit, a range or a patch file, into the process: all of them in one turn, or none. */
import { KeyholeError } from '@keyhole/agent/protocol';
import type { Connection } from '../client/connection.ts';
import { firstOf } from '../render/text.ts';
import { applyOptions, applyPatches, outcomeOf } from './apply.ts';
import { lookingAs } from './threads.ts';
import { pushToAll } from './cluster.ts';
import { allowImports, importsOption } from './with-imports.ts';
import { changeOf, type Change, type Planned } from './change.ts';
import { reasonFor, textFlag, type CommandContext, type CommandDefinition, type Flags, type Outcome } from './command.ts';

export const push: CommandDefinition = {
  name: 'push',
  summary: 'changed functions into the process',
  target: 'agent',
  words: ['[PATH...]'],
  required: () => 0,
  options: [
    { flags: '--commit <rev>', doc: 'what that commit changed, instead of the working tree' },
    { flags: '--range <a..b>', doc: 'what changed from one commit to another' },
    { flags: '--patch <file>', doc: 'what a diff or a mail of git format-patch changes, applied to the commit that runs' },
    { flags: '--repo <dir>', doc: 'the repository of the service (default: here)' },
    importsOption,
    ...applyOptions,
    { flags: '--partial', doc: 'applies what can be applied' },
  ],
  async run(context, { words, flags }) {
    const connections = await context.connectAll();
    const [connection] = connections;
    if (connection === undefined) throw new KeyholeError('NO_TARGET', 'there is no agent');
    const change = await changeOf(context, flags, words);
    if (connections.length > 1) return pushToCluster(context, connections, change, flags);
    const plan = await change.plan(lookingAs(connection, flags));
    await allowImports(context, flags, [{ connection, plan }]);
    const dryRun = flags['dryRun'] === true;
    if (plan.patches.length === 0 && plan.refused.length === 0) {
      if (plan.stays.length === 0) context.terminal.message(change.nothing);
      sayWhatStays(context, plan);
      return withFacts(outcomeOf({ ok: true, dryRun, patches: [], refused: [] }, 'patched'), change, plan);
    }
    sayWhatStays(context, plan);
    const reason = await reasonOf(context, change, flags);
    const result = await applyPatches(context, connection, { ...plan, reason, commits: change.commits, partial: flags['partial'] === true, flags });
    return withFacts(outcomeOf(result, 'patched'), change, plan);
  },
};

/** A commit says why it was made. */
function reasonOf(context: CommandContext, change: Change, flags: Flags): Promise<string> | string {
  if (change.reason === undefined || textFlag(flags, 'reason') !== undefined) return reasonFor(context, flags);
  context.terminal.message(`reason: ${change.reason}\n`);
  return change.reason;
}

function sayWhatStays({ terminal }: CommandContext, { unchanged, stays, leftOut, apart }: Planned): void {
  if (unchanged.length > 0) terminal.message(`unchanged: ${unchanged.join(', ')}\n`);
  for (const { address, patch } of stays)
    terminal.message(`${address} goes on with ${patch}, which the file does not have: keyhole revert takes it off\n`);
  if (leftOut.length > 0) terminal.message(`not compared, for they run without slots: ${firstOf(leftOut)}; name those that you mean\n`);
  for (const { file, why } of apart) terminal.message(`not in the process: ${file} (${why})\n`);
}

function withFacts(outcome: Outcome, change: Change, { unchanged, stays, leftOut, apart }: Planned): Outcome {
  return { ...outcome, json: { ...(outcome.json as object), ...change.facts, unchanged, stays, ...(leftOut.length > 0 && { leftOut }), apart } };
}

/** Every process is asked for itself: what runs there may differ, and not every one has loaded every file. */
async function pushToCluster(context: CommandContext, connections: readonly Connection[], change: Change, flags: Flags): Promise<Outcome> {
  if (flags['thread'] !== undefined) throw new KeyholeError('USAGE', '--thread means a thread of one process', 'Give NAME#PID as the target');
  for (const flag of ['shadow', 'ifErrors'].filter((each) => flags[each] !== undefined)) {
    const said = flag === 'shadow' ? '--shadow looks at calls' : '--if-errors counts calls';
    throw new KeyholeError('USAGE', `${said} of one process, and this is a cluster of ${connections.length}`, 'Give NAME#PID as the target');
  }
  const plans = (await change.planAll(connections.map((each) => lookingAs(each, flags)))).map((plan, index) => ({
    connection: connections[index] as Connection,
    plan,
  }));
  await allowImports(context, flags, plans);
  if (plans.every(({ plan }) => plan.patches.length === 0 && plan.refused.length === 0)) {
    context.terminal.message('nothing to push: no function differs from what runs in any process\n');
  }
  const reason = await reasonOf(context, change, flags);
  const outcome = await pushToAll(context, plans, { reason, commits: change.commits, partial: flags['partial'] === true, flags });
  const apart = new Map<string, { file: string; why: string }>();
  for (const { file, why } of plans.flatMap(({ plan }) => plan.apart)) {
    const where = plans.filter(({ plan }) => plan.apart.some((each) => each.file === file)).map(({ connection }) => connection.welcome.pid);
    apart.set(file, { file, why: where.length === plans.length ? why : `process ${where.join(', ')}: ${why}` });
  }
  const stays = new Map(plans.flatMap(({ plan }) => plan.stays.map((each) => [each.address, each])));
  const all: Planned = {
    patches: [],
    refused: [],
    unchanged: [],
    stays: [...stays.values()],
    leftOut: [...new Set(plans.flatMap(({ plan }) => plan.leftOut))],
    apart: [...apart.values()],
  };
  sayWhatStays(context, all);
  return { ...outcome, json: { ...(outcome.json as object), ...change.facts, stays: all.stays, apart: all.apart } };
}
