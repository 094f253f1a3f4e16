import type { Operations, Params, Result } from '@keyhole/agent/protocol';

/** What is needed of a connection. */
export interface AgentCalls {
  call<O extends keyof Operations>(op: O, params: Params<O>): Promise<Result<O>>;
}
