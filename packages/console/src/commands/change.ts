/** What is pushed: edits of the working tree, a commit, a range or a patch file. */
import * as path from 'node:path';
import { KeyholeError } from '@keyhole/agent/protocol';
import type { ChangeSet } from '../git/change-set.ts';
import type { AgentCalls } from '../typescript/calls.ts';
import type { PushPlan } from '../typescript/changes.ts';
import type { ChangePlan } from '../typescript/commit-plan.ts';
import { textFlag, type CommandContext, type Flags } from './command.ts';

export type Planned = ChangePlan;

export interface Change {
  plan(connection: AgentCalls): Promise<Planned>;
  /** For processes of one service; a file may be loaded in some of them only. */
  planAll(connections: readonly AgentCalls[]): Promise<Planned[]>;
  /** What is pushed is made of these commits; none for edits and patch files. */
  commits: string[];
  /** Why, where the change itself says so. */
  reason?: string;
  /** What is said where every function runs already as it should. */
  nothing: string;
  /** What `--json` adds. */
  facts: Record<string, unknown>;
}

/** @throws {KeyholeError} USAGE for two kinds of change at once. */
export async function changeOf(context: CommandContext, flags: Flags, words: string[]): Promise<Change> {
  const given = (['commit', 'range', 'patch'] as const).filter((each) => flags[each] !== undefined);
  const [kind, other] = given;
  if (other !== undefined) throw new KeyholeError('USAGE', `push takes --${given.join(' or --')}, not both`);
  const repo = path.resolve(context.cwd, textFlag(flags, 'repo') ?? '.');
  if (kind === undefined) {
    if (flags['repo'] !== undefined) throw new KeyholeError('USAGE', '--repo goes with --commit, --range or --patch');
    return workingTree(context.cwd, words);
  }
  const value = textFlag(flags, kind) ?? '';
  if (kind === 'patch') return patchFile(context, repo, path.resolve(context.cwd, value), words);
  // Loaded when needed: the TypeScript it brings takes longer to load than most commands take to run.
  const { commitChange, rangeChange } = await import('../git/revision.ts');
  const change = await (kind === 'commit' ? commitChange(repo, value) : rangeChange(repo, value));
  const reason = change.commit === null ? {} : { reason: `${change.commit.subject} (${change.commit.id.slice(0, 12)})`.slice(0, 2_000) };
  return {
    ...each((connection) => planOf(connection, change, context.cwd, words)),
    ...reason,
    commits: change.commits,
    nothing: `nothing to push: what the process runs is as in ${change.title} already\n`,
    facts: { change: change.title, ...(change.commit !== null && { commit: change.commit.id }) },
  };
}

function each(plan: Change['plan']): Pick<Change, 'plan' | 'planAll'> {
  return {
    plan,
    async planAll(connections) {
      const plans = await Promise.all(connections.map(plan));
      // What one process has not loaded another has.
      if (!plans.every(({ absent }) => absent === true)) for (const each of plans) if (each.absent === true) each.refused = [];
      return plans;
    },
  };
}

async function planOf(connection: AgentCalls, change: ChangeSet, cwd: string, words: readonly string[]): Promise<Planned> {
  const { planChange } = await import('../typescript/commit-plan.ts');
  const paths = words.map((word) => path.relative(change.top, path.resolve(cwd, word)).split(path.sep).join('/'));
  return planChange(connection, change, paths);
}

async function patchFile(context: CommandContext, repo: string, file: string, words: readonly string[]): Promise<Change> {
  const { withPatchFile } = await import('../git/patch-file.ts');
  const title = path.basename(file);
  return {
    ...each(async (connection) => {
      const { commit, service } = await connection.call('info', {});
      if (commit === null) {
        throw new KeyholeError(
          'GIT',
          `${service} does not know which commit it runs, so nobody can tell what the patch is of`,
          'Start it in its repository or with GIT_COMMIT set, or push with --range.',
        );
      }
      return withPatchFile({ repo, file, base: commit }, (change) => planOf(connection, change, context.cwd, words));
    }),
    commits: [],
    nothing: `nothing to push: what the process runs is as in ${title} already\n`,
    facts: { change: title },
  };
}

async function workingTree(cwd: string, words: string[]): Promise<Change> {
  const { planPush } = await import('../typescript/changes.ts');
  const planned = (plan: PushPlan): Planned => ({ ...plan, apart: [] });
  return {
    plan: async (connection) => planned(await planPush(connection, { paths: words, cwd })),
    async planAll(connections) {
      const plans = connections.map((): Planned => ({ patches: [], refused: [], unchanged: [], stays: [], leftOut: [], apart: [] }));
      for (const paths of words.length === 0 ? [[]] : words.map((word) => [word])) {
        let absent: KeyholeError | null = null;
        let found = false;
        for (const [index, connection] of connections.entries()) {
          try {
            const { patches, refused, stays, leftOut } = await planPush(connection, { paths, cwd });
            found = true;
            plans[index]?.patches.push(...patches);
            plans[index]?.refused.push(...refused);
            plans[index]?.stays.push(...stays);
            plans[index]?.leftOut.push(...leftOut);
          } catch (error) {
            if (!(error instanceof KeyholeError) || error.code !== 'NOT_FOUND') throw error;
            absent = error;
          }
        }
        if (!found && absent !== null) throw absent;
      }
      return plans;
    },
    commits: [],
    nothing: 'nothing to push: no function differs from what runs\n',
    facts: {},
  };
}
