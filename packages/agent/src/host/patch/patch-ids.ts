/** How patches are named: after the journal entry of their push. */
import { KeyholeError } from '../../protocol/index.ts';
import type { Params, PatchRecord } from '../../protocol/index.ts';
import type { HostContext } from '../bridge.ts';

/** `p17`, or `p17-1` and so on, by address. */
export function patchIds({ patches, dryRun }: Params<'patch.apply'>, intent: HostContext['intent']): Record<string, string> {
  const prefix = dryRun === true ? 'dry-run' : `p${intent?.entry}`;
  return Object.fromEntries(patches.map(({ address }, index) => [address, patches.length === 1 ? prefix : `${prefix}-${index + 1}`]));
}

export function noSuchPatch(id: string, live: readonly PatchRecord[]): KeyholeError {
  const ids = live.map((each) => each.id).join(', ');
  return new KeyholeError('NOT_FOUND', `no patch ${id} is live`, ids === '' ? 'No patch is live.' : `Live are ${ids}.`);
}

/** @throws {KeyholeError} NOT_FOUND */
export function select(records: readonly PatchRecord[], ids: readonly string[]): PatchRecord[] {
  return ids.map((id) => {
    const found = records.find((each) => each.id === id);
    if (found === undefined) throw noSuchPatch(id, records);
    return found;
  });
}
