/** The host keys of agents that this user has met: `known_hosts` in the state directory, lines `PLACE ssh-ed25519 AAAA...`. It may be written by hand. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stateDir } from './state-dir.ts';

export class KnownHosts {
  readonly file: string;

  constructor(env: NodeJS.ProcessEnv) {
    this.file = join(stateDir(env), 'known_hosts');
  }

  /** The keys of a place, and the number of the first one's line. */
  of(place: string): { keys: string[]; line: number } | null {
    const found = this.#lines()
      .map((text, index) => ({ words: text.trim().split(/\s+/), line: index + 1 }))
      .filter(({ words: [name, type, key] }) => name === place && type !== undefined && key !== undefined);
    const [first] = found;
    return first === undefined ? null : { keys: found.map(({ words: [, type, key] }) => `${type} ${key}`), line: first.line };
  }

  /** From now on it is this key, and no other. */
  remember(place: string, key: string): void {
    const lines = this.#lines().filter((line) => line !== '' && line.trim().split(/\s+/)[0] !== place);
    const part = `${this.file}.${process.pid}`;
    writeFileSync(part, [...lines, `${place} ${key}`, ''].join('\n'), { mode: 0o600 });
    renameSync(part, this.file);
  }

  #lines(): string[] {
    try {
      return readFileSync(this.file, 'utf8').split('\n');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }
}
