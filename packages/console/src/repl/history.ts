/** Where the prompt's history lies: in the user's state directory, readable by nobody else, since what operators type holds secrets. */
import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** The file's path; its directory exists then. */
export function historyFile(env: NodeJS.ProcessEnv): string {
  const state = env['XDG_STATE_HOME'];
  const base = state !== undefined && isAbsolute(state) ? state : join(env['HOME'] ?? homedir(), '.local', 'state');
  const dir = join(base, 'keyhole');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return join(dir, 'history');
}
