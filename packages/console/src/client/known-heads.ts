/**
 * What this console saw last of each service's journal. A chain does not notice that its end was cut off; whoever remembers its head does. One small file a journal, replaced
 * as a whole.
 */
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JournalHead } from '@keyhole/agent/protocol';
import { stateDir } from './state-dir.ts';

export interface KnownHead extends JournalHead {
  /** When it was seen; ISO 8601. */
  at: string;
}

export interface JournalPlace {
  service: string;
  dir: string;
  /** Null for this one. */
  machine: string | null;
}

export class HeadMemory {
  readonly #file: string;
  readonly #journal: JournalPlace;
  #known: KnownHead | null;

  /** @throws {Error} where the state directory can not be made */
  constructor(env: NodeJS.ProcessEnv, journal: JournalPlace) {
    this.#journal = journal;
    const { service, dir, machine } = journal;
    const named = [service, dir, ...(machine === null ? [] : [machine])].join('\0');
    const name = createHash('sha256').update(named).digest('hex').slice(0, 32);
    this.#file = join(stateDir(env, 'heads'), `${name}.json`);
    this.#known = read(this.#file);
  }

  get known(): KnownHead | null {
    return this.#known;
  }

  /** The journal has come to this entry; an earlier one is no news. */
  saw(head: JournalHead): void {
    if (this.#known !== null && head.seq <= this.#known.seq) return;
    this.#write(head);
  }

  /** Starts again from this entry, whatever was remembered. */
  trust(head: JournalHead | null): void {
    if (head !== null) return this.#write(head);
    this.#known = null;
    rmSync(this.#file, { force: true });
  }

  #write({ seq, hash }: JournalHead): void {
    this.#known = { seq, hash, at: new Date().toISOString() };
    const part = `${this.#file}.${process.pid}`;
    writeFileSync(part, JSON.stringify({ ...this.#journal, ...this.#known }), { mode: 0o600 });
    renameSync(part, this.#file);
  }
}

function read(file: string): KnownHead | null {
  try {
    const { seq, hash, at } = JSON.parse(readFileSync(file, 'utf8')) as Partial<KnownHead>;
    return typeof seq === 'number' && typeof hash === 'string' && typeof at === 'string' ? { seq, hash, at } : null;
  } catch {
    // Never seen before, or not by this user.
    return null;
  }
}
