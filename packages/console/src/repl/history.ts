/** Where the prompt's history lies: what operators type holds secrets. */
import { join } from 'node:path';
import { stateDir } from '../client/state-dir.ts';

export function historyFile(env: NodeJS.ProcessEnv): string {
  return join(stateDir(env), 'history');
}
