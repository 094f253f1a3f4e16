/** The user's state directory of the console, readable by nobody else: what operators typed, and what they saw of journals. */
import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** `$XDG_STATE_HOME/keyhole`, else `~/.local/state/keyhole`; it exists then. */
export function stateDir(env: NodeJS.ProcessEnv, ...below: string[]): string {
  const state = env['XDG_STATE_HOME'];
  const base = state !== undefined && isAbsolute(state) ? state : join(env['HOME'] ?? homedir(), '.local', 'state');
  const dir = join(base, 'keyhole', ...below);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return dir;
}
