/** Which patches are exported, and how each came to be: what an earlier push of the same function had made of it is a commit of its own. */
import { KeyholeError, type HistoricPatch, type PatchRecord } from '@keyhole/agent/protocol';
import type { AgentCalls } from '../typescript/calls.ts';
import { historyPages } from './history.ts';
import { checkRecords } from './record.ts';

/** One function, from what was loaded to what shall be exported. */
export interface PatchChain {
  /** Oldest first; each was replaced by the next one. */
  steps: readonly [PatchRecord, ...PatchRecord[]];
  tip: PatchRecord;
  /** Whether the process runs it now. */
  live: boolean;
  /** The thread that it was pushed into alone. */
  thread?: number;
  /** The build that it was made for, as the process names it. */
  commit: string;
}

export interface Selection {
  service: string;
  /** The folder of the service that files are named relative to. */
  root: string;
  chains: PatchChain[];
  /** What somebody should know of a patch that is not live. */
  notes: string[];
}

const pageSize = 200;
/** Patches of the journal that are looked at: who pushes more often than that has another problem. */
const maxHistory = 5_000;

/**
 * @param ids of patches, live or not; none means every live one.
 * @throws {KeyholeError} NOT_FOUND for an id that the journal does not know; GIT where the agent sends something else than records, or does not know the commit.
 */
export async function selectPatches(connection: AgentCalls, asked: readonly string[]): Promise<Selection> {
  const ids = [...new Set(asked)];
  const history = await readHistory(connection);
  const past = ids.flatMap((id) => history.get(id) ?? []).filter(({ state }) => state !== 'live');
  const liveIds = ids.filter((id) => !past.some((each) => each.id === id));
  const nothingLive = ids.length > 0 && liveIds.length === 0;
  // Of what is live the process itself is asked; that somebody took it home is journaled, live or not.
  const { service, root, commit } = await connection.call('info', {});
  const taken = await connection.call('patch.export', { ids: liveIds, ...(past.length > 0 && { past: past.map(({ id }) => id) }) });
  const live = nothingLive ? [] : taken.patches;
  checkRecords(live);
  const chainOf = (tip: PatchRecord, isLive: boolean, build: string | null): PatchChain => {
    if (build === null) {
      throw new KeyholeError(
        'GIT',
        `nobody knows the commit that patch ${tip.id} was made for`,
        'Start the service in its repository, or with GIT_COMMIT set.',
      );
    }
    const thread = history.get(tip.id)?.thread;
    return { steps: stepsTo(tip, history), tip, live: isLive, commit: build, ...(thread !== undefined && { thread }) };
  };
  const chains = whole([...live.map((patch) => chainOf(patch, true, commit)), ...past.map((each) => chainOf(each, false, each.commit))]);
  const notes = past.map(({ id, state, since, why }) => `${id} is not live: ${state} since ${since}${why === undefined ? '' : ` (${why})`}`);
  return { service, root, chains, notes };
}

/** What a later patch of the same function was made from comes with that one. */
function whole(chains: readonly PatchChain[]): PatchChain[] {
  const kept = chains.filter(({ tip }) => !chains.some((other) => other.tip.id !== tip.id && other.steps.some(({ id }) => id === tip.id)));
  for (const { tip, commit } of kept) {
    const rival = kept.find((other) => other.tip.id !== tip.id && other.tip.address === tip.address && other.commit === commit);
    if (rival !== undefined) {
      throw new KeyholeError(
        'GIT',
        `${tip.id} and ${rival.tip.id} are both of ${tip.address}, and neither was made from the other`,
        'Export one of them, or one after the other.',
      );
    }
  }
  return kept;
}

async function readHistory(connection: AgentCalls): Promise<Map<string, HistoricPatch>> {
  const history = new Map<string, HistoricPatch>();
  for await (const patches of historyPages(connection, { count: pageSize })) {
    checkRecords(patches);
    const known = history.size;
    for (const patch of patches) history.set(patch.id, patch);
    // An agent that does not go backwards would be read for ever.
    if (history.size === known || history.size >= maxHistory) break;
  }
  return history;
}

/** The pushes of one function that led to a patch. */
function stepsTo(tip: PatchRecord, history: ReadonlyMap<string, HistoricPatch>): [PatchRecord, ...PatchRecord[]] {
  const steps: [PatchRecord, ...PatchRecord[]] = [tip];
  for (;;) {
    const [first] = steps;
    const replaced = [...history.values()].find((each) => each.state === 'replaced' && each.by === first.id && each.address === first.address);
    if (replaced === undefined || steps.includes(replaced)) return steps;
    steps.unshift(replaced);
  }
}
