/**
 * Two CPU profiles held against each other, function by function. Shares are of the whole time of the main thread, idle time included: under the same load a function that became faster has
 * less of it, and the others have what they had. A profile is a sample, so each difference comes with what chance alone would make of it.
 */
import type { CpuFrame, CpuProfile } from './cpu-profile.ts';

/** Parts of the whole, from 0 to 1. */
export interface Difference {
  before: number;
  after: number;
  change: number;
  /** Three standard errors of the change. */
  noise: number;
  withinNoise: boolean;
}

export interface FunctionDifference {
  function: string;
  file: string;
  line: number;
  /** How often it was on top of the stack. */
  samples: { before: number; after: number };
  self: Difference;
  /** With what it called. */
  total: Difference;
}

export interface ProfileSide {
  samples: number;
  ms: number;
  /** What was not idle. */
  busy: number;
}

export interface ProfileDifference {
  before: ProfileSide;
  after: ProfileSide;
  /** Those that differ by more than noise first, the largest differences first. */
  functions: FunctionDifference[];
}

interface Share {
  frame: CpuFrame;
  samples: number;
  /** Microseconds by stretch of the profile. */
  selfUs: Float64Array;
  totalUs: Float64Array;
}

interface Side extends ProfileSide {
  shares: Map<string, Share>;
  /** Microseconds by stretch. */
  us: Float64Array;
}

/**
 * What a program does comes in bursts, so samples that follow each other are alike and count for less than as many independent ones. How much a share varies between stretches of the profile shows it.
 */
const stretches = 20;
const standardErrors = 3;
const idle = '(idle)';
const root = '(root)';

export function compareProfiles(before: CpuProfile, after: CpuProfile): ProfileDifference {
  const [old, now] = [sideOf(before), sideOf(after)];
  const functions: FunctionDifference[] = [];
  for (const key of new Set([...old.shares.keys(), ...now.shares.keys()])) {
    const [was, is] = [old.shares.get(key), now.shares.get(key)];
    // Where both know it, its line is that of now.
    const frame = is?.frame ?? was?.frame;
    if (frame === undefined) continue;
    functions.push({
      function: frame.functionName,
      file: frame.url,
      line: frame.url === '' ? 0 : frame.lineNumber + 1,
      samples: { before: was?.samples ?? 0, after: is?.samples ?? 0 },
      self: difference(old, was?.selfUs, now, is?.selfUs),
      total: difference(old, was?.totalUs, now, is?.totalUs),
    });
  }
  const weight = ({ self, total }: FunctionDifference): number => Math.max(...[self, total].map(significance));
  const size = ({ self, total }: FunctionDifference): number => Math.abs(self.change) + Math.abs(total.change) / 1_000;
  functions.sort((a, b) => Number(weight(b) > 0) - Number(weight(a) > 0) || size(b) - size(a));
  return { before: shown(old), after: shown(now), functions };
}

/** Whether a function differs by more than chance explains, by itself or with what it called. */
export function differs({ self, total }: FunctionDifference): boolean {
  return !self.withinNoise || !total.withinNoise;
}

function significance({ change, withinNoise }: Difference): number {
  return withinNoise ? 0 : Math.abs(change);
}

function shown({ samples, ms, busy }: Side): ProfileSide {
  return { samples, ms, busy };
}

function sideOf({ nodes, samples, timesUs }: CpuProfile): Side {
  const allUs = timesUs.reduce((sum, us) => sum + us, 0);
  const us = new Float64Array(stretches);
  const byNode = new Map<number, { samples: number; us: Float64Array }>();
  let passedUs = 0;
  for (const [index, id] of samples.entries()) {
    const lasted = timesUs[index] ?? 0;
    const stretch = Math.min(stretches - 1, Math.floor((passedUs / Math.max(1, allUs)) * stretches));
    passedUs += lasted;
    us[stretch] = (us[stretch] ?? 0) + lasted;
    let seen = byNode.get(id);
    if (seen === undefined) byNode.set(id, (seen = { samples: 0, us: new Float64Array(stretches) }));
    seen.samples += 1;
    seen.us[stretch] = (seen.us[stretch] ?? 0) + lasted;
  }
  const shares = new Map<string, Share>();
  let idleUs = 0;
  const parents = new Map(nodes.flatMap(({ id, children }) => children.map((child) => [child, id] as const)));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  for (const [id, seen] of byNode) {
    const top = byId.get(id)?.callFrame;
    if (top?.functionName === idle) idleUs += sum(seen.us);
    // A function that calls itself counts once; a circle, which no profile of V8's has, ends.
    const counted = new Set<string>();
    const passed = new Set<number>();
    for (let at: number | undefined = id; at !== undefined && !passed.has(at); at = parents.get(at)) {
      passed.add(at);
      const frame = byId.get(at)?.callFrame;
      if (frame === undefined || frame.functionName === idle || frame.functionName === root) continue;
      const key = keyOf(frame);
      if (counted.has(key)) continue;
      counted.add(key);
      let share = shares.get(key);
      if (share === undefined) {
        share = { frame, samples: 0, selfUs: new Float64Array(stretches), totalUs: new Float64Array(stretches) };
        shares.set(key, share);
      }
      if (frame === top) {
        share.samples += seen.samples;
        add(share.selfUs, seen.us);
      }
      add(share.totalUs, seen.us);
    }
  }
  return { samples: samples.length, ms: Math.round(allUs / 1_000), busy: allUs === 0 ? 0 : 1 - idleUs / allUs, shares, us };
}

/** Between two builds lines move, names seldom do. */
function keyOf({ functionName, url, lineNumber }: CpuFrame): string {
  return functionName === '' ? `${url}\n:${lineNumber}` : `${url}\n${functionName}`;
}

function difference(old: Side, wasUs: Float64Array | undefined, now: Side, isUs: Float64Array | undefined): Difference {
  const [was, is] = [estimate(old, wasUs), estimate(now, isUs)];
  const change = is.share - was.share;
  const noise = standardErrors * Math.hypot(was.error, is.error);
  return { before: was.share, after: is.share, change, noise, withinNoise: Math.abs(change) <= noise };
}

/** A share and its standard error: the larger one of what counting so few samples makes, and of what the stretches of the profile show. */
function estimate({ us, samples }: Side, partUs: Float64Array | undefined): { share: number; error: number } {
  const allUs = sum(us);
  if (allUs === 0) return { share: 0, error: 1 };
  const share = partUs === undefined ? 0 : sum(partUs) / allUs;
  // One more of each, so that what was never seen is not taken for impossible.
  const counted = (share * samples + 1) / (samples + 2);
  const byCount = Math.sqrt((counted * (1 - counted)) / (samples + 2));
  const parts = [...us].flatMap((length, index) => (length === 0 ? [] : [(partUs?.[index] ?? 0) / length]));
  if (parts.length < 2) return { share, error: 1 };
  const mean = parts.reduce((all, part) => all + part, 0) / parts.length;
  const variance = parts.reduce((all, part) => all + (part - mean) ** 2, 0) / (parts.length - 1);
  return { share, error: Math.max(byCount, Math.sqrt(variance / parts.length)) };
}

function sum(numbers: Float64Array): number {
  return numbers.reduce((all, each) => all + each, 0);
}

function add(to: Float64Array, from: Float64Array): void {
  for (const [index, each] of from.entries()) to[index] = (to[index] ?? 0) + each;
}
