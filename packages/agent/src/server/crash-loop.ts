/** A hotfix must not make a service unstartable: a patch with which the process ended within a minute, twice in a row, is not replayed a third time. */
import type { PatchHistory, Run } from '../journal/index.ts';

/** A process that has lived this long with its replayed patches was not ended by them. */
export const standsAfterMs = 60_000;
const inARow = 2;

/** Why a patch is not replayed again, or null. The last run of the history is the one that begins. */
export function endedSoonTwice({ runs }: PatchHistory, id: string): string | null {
  const before = runs.slice(-1 - inARow, -1);
  if (before.length < inARow || !before.every((run) => endedSoon(run, id))) return null;
  return `the process ended within ${standsAfterMs / 1_000} s of its replay twice in a row; push it again when it is not the cause`;
}

function endedSoon({ replays, stood }: Run, id: string): boolean {
  return !stood && [...replays.values()].some((replay) => replay.id === id);
}
