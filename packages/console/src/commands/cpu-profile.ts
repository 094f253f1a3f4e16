/** V8's CPU profiles as they stand in a file: read, and looked through by function. What has not the shape of one is an error: it comes from outside. */
import { KeyholeError } from '@keyhole/agent/protocol';

export interface CpuFrame {
  functionName: string;
  url: string;
  /** From 0. */
  lineNumber: number;
}

interface CpuNode {
  id: number;
  callFrame: CpuFrame;
  children: number[];
}

/** What {@link noted} put into the file. */
export interface ProfileNote {
  service: string;
  pid: number;
  /** ISO 8601: when it was asked for. */
  at: string;
  /** Those that were live when it was taken. */
  patches: { id: string; address: string }[];
}

export interface CpuProfile {
  nodes: CpuNode[];
  /** Of the node that was on top. */
  samples: number[];
  /** Microseconds before each sample. */
  timesUs: number[];
  note: ProfileNote | null;
}

/** @param what how it is named in the error. @throws {KeyholeError} USAGE */
export function parseCpuProfile(text: string, what: string): CpuProfile {
  const fail = (why: string): never => {
    throw new KeyholeError('USAGE', `${what} is no CPU profile: ${why}`, 'keyhole profile writes one (.cpuprofile).');
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    return fail((error as Error).message);
  }
  if (!isRecord(parsed)) return fail('it is no object');
  if ('head' in parsed) return fail('it is a sample of allocations');
  const { nodes, samples, timeDeltas, keyhole } = parsed;
  if (!Array.isArray(nodes) || !nodes.every(isNode)) return fail('it has no nodes');
  if (!isNumbers(samples) || !isNumbers(timeDeltas) || samples.length !== timeDeltas.length) return fail('it has no samples with their times');
  return {
    nodes: nodes.map(({ id, callFrame, children }) => ({ id, callFrame, children: children ?? [] })),
    samples,
    timesUs: timeDeltas.map((us) => Math.max(0, us)),
    note: isNote(keyhole) ? keyhole : null,
  };
}

/** The text of a profile with a note that its viewers pass over. */
export function noted(profile: string, keyhole: ProfileNote): string {
  return JSON.stringify({ ...(JSON.parse(profile) as object), keyhole });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((each) => Number.isFinite(each));
}

function isNode(value: unknown): value is { id: number; callFrame: CpuFrame; children?: number[] } {
  if (!isRecord(value) || !Number.isFinite(value['id'])) return false;
  const { callFrame, children } = value;
  if (children !== undefined && !isNumbers(children)) return false;
  if (!isRecord(callFrame)) return false;
  return typeof callFrame['functionName'] === 'string' && typeof callFrame['url'] === 'string' && Number.isFinite(callFrame['lineNumber']);
}

function isNote(value: unknown): value is ProfileNote {
  if (!isRecord(value)) return false;
  const { service, pid, at, patches } = value;
  return (
    typeof service === 'string' &&
    typeof pid === 'number' &&
    typeof at === 'string' &&
    Array.isArray(patches) &&
    patches.every((each: unknown) => isRecord(each) && typeof each['id'] === 'string' && typeof each['address'] === 'string')
  );
}
