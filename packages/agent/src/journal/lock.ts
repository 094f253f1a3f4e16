/** One writer per directory: a file that names its process. A lock whose process is gone is taken over. */
import { closeSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import * as path from 'node:path';

/** @returns a function that gives the lock back, or null where a living process holds it. */
export function lockDirectory(dir: string): (() => void) | null {
  const file = path.join(dir, 'lock');
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      const fd = openSync(file, 'wx', 0o600);
      writeSync(fd, String(process.pid));
      closeSync(fd);
      return () => {
        try {
          unlinkSync(file);
        } catch {
          // Somebody removed it by hand: it is given back all the same.
        }
      };
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
    }
    if (isHeld(file)) return null;
    try {
      unlinkSync(file);
    } catch {
      // Another process was faster; the next attempt sees its lock.
    }
  }
  return null;
}

function isHeld(file: string): boolean {
  let pid: number;
  try {
    pid = Number(readFileSync(file, 'utf8'));
  } catch {
    return false;
  }
  // Our own number in a file we did not write: a container that was started again with the same numbers.
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
}
