/** Operations that say something until they are ended: each item is handed on as it comes. Ctrl-C ends them there, and the answer says how they ended. */
import { KeyholeError, type OperationName, type Params, type Result } from '@keyhole/agent/protocol';
import type { Connection } from '../client/connection.ts';
import type { CommandContext } from './command.ts';

/** From the end there to the answer here. */
const answerGraceMs = 15_000;

/**
 * @param lastsMs how long it may go on.
 * @param hear takes one item, which comes from outside: where it can not be shown, the operation is ended.
 * @throws {KeyholeError} what the agent answered, or BAD_FRAME for an item that is none.
 */
export async function streamed<O extends OperationName>(
  connection: Connection,
  op: O,
  params: Params<O>,
  { context, lastsMs, hear }: { context: CommandContext; lastsMs: number; hear: (item: Record<string, unknown>) => void },
): Promise<Result<O>> {
  const broken = new AbortController();
  let failure: KeyholeError | null = null;
  const onEvent = (_: string, items: unknown): void => {
    if (failure !== null) return;
    try {
      for (const item of items as Record<string, unknown>[]) hear(item);
    } catch (thrown) {
      failure = new KeyholeError(
        'BAD_FRAME',
        `the agent sent something that can not be shown: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      );
      broken.abort();
    }
  };
  const signal = AbortSignal.any([context.signal, broken.signal]);
  const result = await connection.call(op, params, { timeoutMs: lastsMs + answerGraceMs, signal, onEvent, handOver: context.handOver });
  if (failure !== null) throw failure as KeyholeError;
  return result;
}
