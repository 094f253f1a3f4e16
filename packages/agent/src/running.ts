/** At most one agent in a process: `register` and `startAgent` share it. */
import { Sightings } from './adapters/sightings.ts';
import { RunningAgent } from './agent.ts';
import type { AgentConfig } from './config.ts';
import type { SlotTable } from './loader/index.ts';

// The one piece of state that belongs to the process and not to a caller.
let running: RunningAgent | null = null;

/**
 * The agent of this process; a second caller joins the first one's.
 * @param sightings what has been seen of libraries since they are loaded; without one they are looked at now.
 */
export function runAgent(config: () => AgentConfig, table: SlotTable | null, sightings: Sightings | null = null): RunningAgent {
  if (running !== null) running.replay(config().replay);
  else {
    const resolved = config();
    const agent = new RunningAgent(resolved, table, sightings ?? Sightings.ofLoaded(resolved.adapters));
    running = agent;
    const close = agent.close.bind(agent);
    agent.close = async () => {
      if (running === agent) running = null;
      await close();
    };
  }
  return running;
}
