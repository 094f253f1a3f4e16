/** At most one agent in a process: `register` and `startAgent` share it. */
import { RunningAgent } from './agent.ts';
import type { AgentConfig } from './config.ts';
import type { SlotTable } from './loader/index.ts';

// The one piece of state that belongs to the process and not to a caller.
let running: RunningAgent | null = null;

/** The agent of this process; a second caller joins the first one's. */
export function runAgent(config: () => AgentConfig, table: SlotTable | null): RunningAgent {
  if (running !== null) running.replay(config().replay);
  else {
    const agent = new RunningAgent(config(), table);
    running = agent;
    const close = agent.close.bind(agent);
    agent.close = async () => {
      if (running === agent) running = null;
      await close();
    };
  }
  return running;
}
