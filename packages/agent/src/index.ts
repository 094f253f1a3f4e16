/** @keyhole/agent: lets an operator look into this process, and patch it, through a door with a key. */
import { isMainThread } from 'node:worker_threads';
import type { Agent } from './agent.ts';
import { resolveConfig } from './config.ts';
import type { AgentOptions } from './config.ts';
import { runAgent } from './running.ts';

export type { Agent, AgentProblem, AgentStatus } from './agent.ts';
export type { AgentOptions } from './config.ts';
export type { ListenOptions } from './server/listen-options.ts';
export type { Adapter, FoundActor, Mailbox } from './host/actors/adapter.ts';
export type { ActorOptions } from './host/actors/registry.ts';

/**
 * Starts the agent of this process, or joins the one that `--import @keyhole/agent/register` has started (its configuration then stands).
 *
 * It never rejects because of the outside world: a service must start. What is wrong stands in `agent.status.problems`, and once on stderr.
 *
 * @throws {TypeError} on an unknown option or a wrong type, naming the option; in a worker thread.
 * @example
 * const agent = await startAgent({ service: 'rooms' });
 * agent.actors.register('room/lobby', lobby, { type: 'Room', mailbox: (room) => room.queue.length });
 */
export async function startAgent(options: AgentOptions = {}): Promise<Agent> {
  if (!isMainThread) throw new TypeError('startAgent belongs on the main thread');
  const config = resolveConfig(options, process.argv[1]);
  const agent = runAgent(() => config, null);
  await agent.ready();
  return agent;
}
