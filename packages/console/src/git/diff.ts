/** Placeholder until the git part is merged: the live patches function by function. */
import type { Connection } from '../client/connection.ts';
import { unifiedDiff } from '../render/unified-diff.ts';

export async function diffOf(connection: Connection, ids: string[], _cwd: string): Promise<string> {
  const { patches } = await connection.call('patch.list', {});
  return patches
    .filter((patch) => ids.length === 0 || ids.includes(patch.id))
    .map((patch) => unifiedDiff(`a/${patch.file}`, `b/${patch.file}`, patch.baseSource, patch.source))
    .join('');
}
