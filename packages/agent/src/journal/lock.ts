/** One writer per directory: a file that names its process. A lock whose process is gone is taken over; what cannot be told is taken for held. */
import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';

export interface Lock {
  /** Whether the file is still there and ours: somebody may have removed the directory. */
  isOurs(): boolean;
  release(): void;
}

/** @returns null where a living process holds it. */
export function lockDirectory(dir: string): Lock | null {
  const file = path.join(dir, 'lock');
  const ours = ownerText();
  const mine = path.join(dir, `lock.${process.pid}`);
  writeFileSync(mine, ours, { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      try {
        // A link is there whole or not at all: nobody ever reads half a lock.
        linkSync(mine, file);
        return { isOurs: () => readOwner(file) === ours, release: () => release(file, ours) };
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
      }
      const owner = readOwner(file);
      if (owner !== null && isAlive(owner)) return null;
      takeAway(file, owner);
    }
    return null;
  } finally {
    unlinkSync(mine);
  }
}

function release(file: string, ours: string): void {
  try {
    if (readOwner(file) === ours) unlinkSync(file);
  } catch {
    // Somebody removed it by hand: it is given back all the same.
  }
}

/** Of two processes that find the same dead lock, one renames it away; the other may get hold of the first one's new lock, and puts it back. */
function takeAway(file: string, dead: string | null): void {
  const aside = `${file}.${process.pid}.dead`;
  try {
    renameSync(file, aside);
    if (readOwner(aside) !== dead) linkSync(aside, file);
    unlinkSync(aside);
  } catch {
    // Another process was faster; the next attempt sees its lock.
  }
}

function readOwner(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

/** Process id and, where the system tells it, when the process started: a number is given again, a moment is not. */
function ownerText(): string {
  return `${process.pid} ${startOf(process.pid) ?? ''}`.trimEnd();
}

function startOf(pid: number): string | null {
  try {
    // The name of the program stands in brackets and may hold anything.
    return (
      readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')[19] ?? null
    );
  } catch {
    return null;
  }
}

function isAlive(owner: string): boolean {
  const [pidText, startedAt] = owner.split(' ');
  const pid = Number(pidText);
  // Our own number in a file that this worker did not write: an earlier worker of this process, or a container that was started again with the same numbers.
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const now = startOf(pid);
  return startedAt === undefined || now === null || now === startedAt;
}
