/**
 * A change in every process of a cluster: judged in all of them, then made in all. Each process applies, journals and proves it by itself, so there is no moment at which all
 * change at once; where it fails in one it is taken back in the others, and what became of each is said process by process.
 */
import { KeyholeError, type PatchRecord, type PatchRequest, type PatchResult, type RefusedPatch } from '@keyhole/agent/protocol';
import type { Connection } from '../client/connection.ts';
import { span, type Text } from '../render/text.ts';
import { applyPatches, outcomeOf } from './apply.ts';
import type { CommandContext, Flags, Outcome } from './command.ts';

export interface Plan {
  patches: PatchRequest[];
  refused: RefusedPatch[];
}

/** What became of one process. */
interface InProcess {
  pid: number;
  ok: boolean;
  patches: PatchResult['patches'];
  refused: RefusedPatch[];
  error?: { code: string; message: string; hint?: string };
  /** Only where it was made and taken back again, or should have been. */
  undone?: boolean;
}

interface Member {
  connection: Connection;
  plan: Plan;
}

export interface ClusterChange {
  reason: string;
  commits: string[];
  partial: boolean;
  flags: Flags;
}

export async function pushToAll(context: CommandContext, all: readonly Member[], change: ClusterChange): Promise<Outcome> {
  const dryRun = change.flags['dryRun'] === true;
  const judge = ({ connection, plan }: Member): Promise<InProcess> =>
    inProcess(connection, () => applyPatches(context, connection, { ...plan, ...change, partial: true, flags: { ...change.flags, dryRun: true } }));
  const judged = await Promise.all(all.map(judge));
  const out = new Set(judged.flatMap((each) => each.refused.map(({ address }) => address)));
  const broken = judged.some((each) => each.error !== undefined);
  if (dryRun || broken || (out.size > 0 && !change.partial)) {
    const ok = !broken && (out.size === 0 || change.partial);
    return report(dryRun ? judged : judged.map((each) => ({ ...each, patches: [], ok: false })), ok, dryRun);
  }

  const members = all.map(({ connection, plan }) => ({
    connection,
    plan: { patches: plan.patches.filter(({ address }) => !out.has(address)), refused: [] },
  }));
  const made = await Promise.all(
    members.map(({ connection, plan }) => inProcess(connection, () => applyPatches(context, connection, { ...plan, ...change }))),
  );
  for (const [index, each] of made.entries()) each.refused.push(...(judged[index]?.refused ?? []));
  const failed = made.find((each) => each.error !== undefined || !each.ok);
  if (failed === undefined) return report(made, true, false);
  await Promise.all(
    made.map(async (each, index) => {
      const member = members[index];
      if (member !== undefined && each.patches.length > 0) await takeBack(context, member.connection, each, failed.pid);
    }),
  );
  return report(made, false, false);
}

/** The loaded code back, and where an earlier patch was live, that one again: at once, whoever would have to approve a patch. */
async function takeBack(context: CommandContext, connection: Connection, done: InProcess, failedIn: number): Promise<void> {
  const reason = `taken back: the same change failed in process ${failedIn}`;
  done.ok = false;
  try {
    done.undone = (await connection.call('patch.revert', { ids: done.patches.map((each) => each.id), earlier: true, reason }, context)).ok;
  } catch (error) {
    done.undone = false;
    done.error = said(error);
  }
}

/**
 * Reverts the same change in every process: each numbers its patches by itself, so an id names a change (a function and its new text), and the change is what is looked for.
 */
export async function revertInAll(
  context: CommandContext,
  connections: readonly Connection[],
  ids: readonly string[],
  all: boolean,
  reason: string,
): Promise<Outcome> {
  const lists = await Promise.all(connections.map(async (connection) => (await connection.call('patch.list', {}, context)).patches));
  const wanted = new Set(ids.map((id) => changeNamed(id, lists.flat())));
  const reverted = await Promise.all(
    connections.map(async (connection, index): Promise<InProcess> => {
      const here = (lists[index] ?? []).filter((record) => all || wanted.has(changeOf(record))).map((record) => record.id);
      if (here.length === 0) return { pid: connection.welcome.pid, ok: true, patches: [], refused: [] };
      return inProcess(connection, () => connection.call('patch.revert', { ids: here, reason }, context));
    }),
  );
  return report(
    reverted,
    reverted.every((each) => each.ok),
    false,
    'reverted',
  );
}

/** Ends the probation of the same change in every process where it is on one. */
export async function confirmInAll(context: CommandContext, connections: readonly Connection[], id: string): Promise<Outcome> {
  const lists = await Promise.all(connections.map(async (connection) => (await connection.call('patch.list', {}, context)).patches));
  const change = changeNamed(id, lists.flat());
  const processes = await Promise.all(
    connections.flatMap((connection, index) => {
      const here = lists[index]?.find((record) => changeOf(record) === change && record.trial?.confirmWithinMs !== undefined);
      return here === undefined ? [] : [confirmIn(context, connection, here.id)];
    }),
  );
  if (processes.length === 0) throw new KeyholeError('NOT_FOUND', `${id} is not on probation in any process of the cluster`);
  const ok = processes.every((each) => each.error === undefined);
  const patches = processes.flatMap((each) => each.patches);
  const text = processes.map((each): Text => [
    span('heading', `process ${each.pid}  `),
    each.error === undefined ? [span('good', 'confirmed '), each.patches.join(', ')] : span('bad', `NOT confirmed: ${each.error.message}`),
    '\n',
  ]);
  return { json: { ok, id, patches, processes }, text, exitCode: ok ? 0 : 1 };
}

async function confirmIn(
  context: CommandContext,
  connection: Connection,
  id: string,
): Promise<{ pid: number; patches: string[]; error?: NonNullable<InProcess['error']> }> {
  const { pid } = connection.welcome;
  try {
    return { pid, patches: (await connection.call('patch.confirm', { id }, context)).patches };
  } catch (error) {
    return { pid, patches: [], error: said(error) };
  }
}

function changeOf({ address, code }: PatchRecord): string {
  return `${address}\n${code}`;
}

function changeNamed(id: string, records: readonly PatchRecord[]): string {
  const changes = new Set(records.filter((record) => record.id === id).map(changeOf));
  const [change, ...others] = changes;
  if (change === undefined) throw new KeyholeError('NOT_FOUND', `no patch ${id} is live in any process of the cluster`);
  if (others.length > 0) throw new KeyholeError('AMBIGUOUS', `${id} is another change in each of several processes`, 'Give NAME#PID as the target');
  return change;
}

async function inProcess(connection: Connection, work: () => Promise<PatchResult>): Promise<InProcess> {
  const { pid } = connection.welcome;
  try {
    const { ok, patches, refused } = await work();
    return { pid, ok, patches, refused };
  } catch (error) {
    return { pid, ok: false, patches: [], refused: [], error: said(error) };
  }
}

function said(thrown: unknown): NonNullable<InProcess['error']> {
  const { code, message, hint } = KeyholeError.from(thrown);
  return { code, message, ...(hint !== undefined && { hint }) };
}

function report(processes: readonly InProcess[], ok: boolean, dryRun: boolean, done = 'patched'): Outcome {
  const patches = processes.flatMap((each) => each.patches.map((patch) => ({ ...patch, pid: each.pid })));
  const refused = processes.flatMap((each) => each.refused.map((refusal) => ({ ...refusal, pid: each.pid })));
  const text = processes.map((each): Text => {
    const state = outcomeOf({ ...each, ok: each.ok || each.error !== undefined, dryRun }, done).text;
    const error =
      each.error === undefined
        ? ''
        : [span('bad', `${each.error.code}: ${each.error.message}`), '\n', each.error.hint === undefined ? '' : `  ${each.error.hint}\n`];
    const undone = each.undone === undefined ? '' : each.undone ? 'taken back\n' : [span('bad', 'COULD NOT BE TAKEN BACK: it is live here'), '\n'];
    const nothing = each.ok && each.patches.length === 0 && each.refused.length === 0 ? span('dim', 'nothing to do here\n') : '';
    return [span('heading', `process ${each.pid}\n`), state, error, undone, nothing];
  });
  return { json: { ok, dryRun, patches, refused, processes }, text, exitCode: ok ? 0 : 1 };
}
