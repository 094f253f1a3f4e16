/** Why a change is made in no thread. */
import type { PatchRequest, RefusedPatch } from '../../protocol/index.ts';
import { splitAddress } from '../../source/index.ts';
import type { ThreadPlan } from './messages.ts';

/** What no thread has loaded, and what a thread refuses, which is then out for all of them. */
export function refusals(patches: readonly PatchRequest[], plans: ReadonlyMap<number, ThreadPlan>, thread: number | undefined): RefusedPatch[] {
  const refused: RefusedPatch[] = [];
  for (const { address } of patches) {
    const said = [...plans].flatMap(([id, plan]) => plan.result.refused.filter((each) => each.address === address).map(({ why }) => ({ id, why })));
    const [first] = said;
    if (first !== undefined) {
      const same = said.every(({ why }) => why === first.why) && said.length === plans.size;
      refused.push({ address, why: same ? first.why : said.map(({ id, why }) => `thread ${id}: ${why}`).join('; ') });
    } else if (![...plans.values()].some(({ loaded }) => loaded.includes(address))) {
      const { file } = splitAddress(address);
      refused.push({
        address,
        why: thread === undefined ? `no module of this process comes from ${file}` : `thread ${thread} has not loaded ${file}`,
      });
    }
  }
  return refused;
}

/** Calls are looked at in the main thread: functions are not sent to other ones, and what these do would be left out. */
export function onMainThreadOnly(what: string, others: readonly { label: string; silent?: boolean }[]): string | null {
  const [first] = others;
  if (first === undefined) return null;
  return `${what} in the main thread only, and thread ${first.label} ${first.silent === true ? 'does not say whether it has' : 'has'} loaded the function too; --thread 0 is about the main thread alone`;
}

/** Refuses what can be done in the main thread alone, and concerns others too. */
export function onlyInMain(
  what: string,
  addresses: readonly string[],
  plans: ReadonlyMap<number, ThreadPlan>,
  labelOf: (thread: number) => string,
): RefusedPatch[] {
  return addresses.flatMap((address) => {
    const others = [...plans].filter(([id, { loaded }]) => id !== 0 && loaded.includes(address));
    const why = onMainThreadOnly(
      what,
      others.map(([id]) => ({ label: labelOf(id) })),
    );
    return why === null ? [] : [{ address, why }];
  });
}
