/** Where the prompt's history lies, one for each service: what operators type holds secrets. */
import { join } from 'node:path';
import { stateDir } from '../client/state-dir.ts';

export function historyFile(env: NodeJS.ProcessEnv, service: string): string {
  return join(stateDir(env), `history-${encodeURIComponent(service)}`);
}
