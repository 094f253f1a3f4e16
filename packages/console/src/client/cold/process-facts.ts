/** What `/proc` says about a process. It only reads, and sends nothing. */
import { readFileSync, readlinkSync } from 'node:fs';
import { KeyholeError } from '@keyhole/agent/protocol';
import { findSymbols } from './elf.ts';
import { handledSignals } from './signal-handlers.ts';

export interface ProcessFacts {
  pid: number;
  /** The process it is a thread of: its own number where it is a process. */
  threadGroup: number;
  uid: number;
  /** One letter: `R` runs, `S` sleeps, `T` is stopped, `Z` has ended. */
  state: string;
  /** Clock ticks since the machine started: with the pid it names one process and no later one. */
  startedAt: string;
  exe: string;
  isNode: boolean;
  args: string[];
  environment: Record<string, string>;
  /** In another container than this console: with another file system, other ports, other numbers. */
  elsewhere: boolean;
  sigusr1: { caught: boolean; ignored: boolean; blocked: boolean };
  /** Whether the program listens to SIGUSR1 itself; null where that can not be seen. */
  handlesSigusr1: boolean | null;
}

const sigusr1 = 10;
/** `node::Start(int, char**)`, which Node exports. */
const nodeStart = '_ZN4node5StartEiPPc';

/** What everybody may read, and what only its user may: null where it belongs to somebody else. */
export type ReadableFacts = Pick<ProcessFacts, 'pid' | 'threadGroup' | 'uid' | 'state' | 'sigusr1'>;

/** @throws {KeyholeError} NO_TARGET where there is no such process. */
export function readStatus(pid: number): ReadableFacts {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    throw new KeyholeError('NO_TARGET', `there is no process ${pid}`, 'keyhole ps lists the agents of this machine.');
  }
  const field = (name: string): string => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1] ?? '';
  const has = (name: string): boolean => ((BigInt(`0x${field(name) || '0'}`) >> BigInt(sigusr1 - 1)) & 1n) === 1n;
  return {
    pid,
    threadGroup: Number(field('Tgid')),
    uid: Number(field('Uid')),
    state: field('State'),
    sigusr1: { caught: has('SigCgt'), ignored: has('SigIgn'), blocked: has('SigBlk') },
  };
}

/** @throws {Error} where it has ended meanwhile, or may not be read. */
export function readProcess(status: ReadableFacts): ProcessFacts {
  const { pid } = status;
  const exe = readlinkSync(`/proc/${pid}/exe`);
  const isNode =
    (findSymbols(`/proc/${pid}/exe`, 'dynamic', nodeStart)?.values.length ?? 0) > 0 ||
    /\/libnode\.so/.test(readFileSync(`/proc/${pid}/maps`, 'utf8'));
  const strings = (name: string): string[] => readFileSync(`/proc/${pid}/${name}`, 'utf8').split('\0').slice(0, -1);
  const environment = strings('environ').map((line): [string, string] => {
    const at = line.indexOf('=');
    return [line.slice(0, at), line.slice(at + 1)];
  });
  return {
    ...status,
    startedAt: startOf(pid),
    exe,
    isNode,
    args: strings('cmdline'),
    environment: Object.fromEntries(environment),
    elsewhere: ['mnt', 'net', 'pid'].some((kind) => readlinkSync(`/proc/${pid}/ns/${kind}`) !== readlinkSync(`/proc/self/ns/${kind}`)),
    // Costs some ten milliseconds, and means nothing where Node does not run.
    handlesSigusr1: isNode && status.sigusr1.caught ? (handledSignals(pid)?.has(sigusr1) ?? null) : null,
  };
}

/** The process's start in clock ticks; its name may hold blanks and brackets. */
export function startOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
