/** Patches that the journal knows, also those of earlier processes. */
import type { HistoricPatch, Params } from '@keyhole/agent/protocol';
import type { AgentCalls } from '../typescript/calls.ts';

/** Page by page, newest first. It goes on for as long as the agent has more to say: whoever reads it has a bound of his own. */
export async function* historyPages(connection: AgentCalls, asked: Params<'patch.history'>): AsyncGenerator<HistoricPatch[]> {
  let params = asked;
  for (;;) {
    const { patches, next } = await connection.call('patch.history', params);
    yield patches;
    if (typeof next !== 'string') return;
    params = { ...asked, before: next };
  }
}
