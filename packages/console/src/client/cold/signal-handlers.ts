/**
 * Whether a Node program handles a signal itself. The kernel only says that a signal is caught, and Node catches SIGUSR1 for its inspector; what tells the two apart is libuv's tree of
 * signal watchers in the process's memory. It only reads, and where it can not be sure it says so: whoever sends the signal to a program that handles it runs that handler.
 *
 *   uv__signal_tree -> uv_signal_t { data 0, loop 8, type 16, ..., signum 104, left 112, right 120, ... }   (libuv 1, 64 bit)
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { findSymbols } from './elf.ts';

const watcherBytes = 128;
const offsets = { type: 16, signum: 104, left: 112, right: 120 };
/** `UV_SIGNAL` of `uv_handle_type`. */
const signalHandleType = 16;
const highestSignal = 64;
/** More watchers than this is no tree, but something else that we take for one. */
const maxWatchers = 10_000;

/** @returns the signals the program listens to, or null where that can not be seen from outside. */
export function handledSignals(pid: number): Set<number> | null {
  try {
    const found = findSymbols(`/proc/${pid}/exe`, 'local', 'uv__signal_tree');
    const [value, ...others] = found?.values ?? [];
    if (found === null || value === undefined || others.length > 0) return null;
    const base = found.relocatable ? loadAddress(pid) : 0n;
    return base === null ? null : readTree(pid, base + value);
  } catch {
    // Not allowed to read that memory (kernel.yama.ptrace_scope), or it changed under our eyes.
    return null;
  }
}

function readTree(pid: number, root: bigint): Set<number> | null {
  const fd = openSync(`/proc/${pid}/mem`, 'r');
  try {
    const read = (at: bigint, length: number): Buffer => {
      const bytes = Buffer.alloc(length);
      if (readSync(fd, bytes, 0, length, at) !== length) throw new Error('short read');
      return bytes;
    };
    const signals = new Set<number>();
    const waiting = [read(root, 8).readBigUInt64LE()];
    for (let seen = 0; waiting.length > 0;) {
      const at = waiting.pop() ?? 0n;
      if (at === 0n) continue;
      seen += 1;
      if (seen > maxWatchers) return null;
      const watcher = read(at, watcherBytes);
      const signal = watcher.readInt32LE(offsets.signum);
      if (watcher.readInt32LE(offsets.type) !== signalHandleType || signal < 1 || signal > highestSignal) return null;
      signals.add(signal);
      waiting.push(watcher.readBigUInt64LE(offsets.left), watcher.readBigUInt64LE(offsets.right));
    }
    return signals;
  } finally {
    closeSync(fd);
  }
}

/** Where the program's own image begins. */
function loadAddress(pid: number): bigint | null {
  const maps = readFileSync(`/proc/${pid}/maps`, 'utf8');
  // The first mapping of a position-independent program is its file's first page.
  const [, start, offset] = /^([0-9a-f]+)-[0-9a-f]+ \S+ ([0-9a-f]+) /.exec(maps) ?? [];
  return start === undefined || Number(`0x${offset}`) !== 0 ? null : BigInt(`0x${start}`);
}
