/** What the system knows of a main thread that runs no JavaScript. Linux only; elsewhere nothing is known. */
import { readFileSync } from 'node:fs';

export interface NativeFacts {
  /** It waits in the kernel (for a child, a file, a lock) instead of computing; null where that can't be told. */
  asleep: boolean | null;
  children: { pid: number; command: string }[];
}

const maxChildren = 5;
const maxCommand = 200;

export function nativeFacts(pid: number): NativeFacts {
  // The main thread's number is the process's.
  const task = `/proc/self/task/${pid}`;
  const status = read(`${task}/stat`);
  // After the name, which may hold anything but ends with the last bracket.
  const state = status === null ? null : (status.slice(status.lastIndexOf(')') + 2)[0] ?? null);
  const children = (read(`${task}/children`) ?? '').split(' ').filter((each) => each !== '');
  return {
    asleep: state === null ? null : state !== 'R',
    children: children.slice(0, maxChildren).map((child) => ({
      pid: Number(child),
      command: (read(`/proc/${child}/cmdline`) ?? '').split('\0').join(' ').trim().slice(0, maxCommand),
    })),
  };
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
