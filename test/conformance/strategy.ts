/** How a strategy says what it can not do. Every entry is asserted by the suite and printed in docs/compatibility.md; `skip` is only for what no test can look at. */
import type { RowName } from './rows/index.ts';

/** Majors of the supported Nodes. */
export const nodes = [20, 22, 24, 26] as const;
export type NodeMajor = (typeof nodes)[number];

export interface Asserted {
  on?: NodeMajor[];
  /** Some step of the row is refused with a reason like this, and nothing has changed by it. */
  refused?: RegExp;
  /** What the row's looks give instead, in their order. */
  sees?: unknown[];
  why: string;
}

/** Not run at all: for what no test can look at. */
export interface Skipped {
  on?: NodeMajor[];
  skip: string;
}

export type Limit = Asserted | Skipped;

/** Limits by the name of the row. */
export type RowLimits = Partial<Record<string, Limit | Limit[]>>;

export type Limits = { [Name in RowName]?: Limit | Limit[] };

export interface Conformance {
  strategy: 'slots' | 'live-edit' | 'rebind';
  /** What it is for, in the words of docs/compatibility.md. */
  doc: string;
  /** Where it is not there at all: every patch is refused with this reason. */
  absent: { on: NodeMajor[]; refused: RegExp; why: string } | null;
  /** How often each row's patch is applied and taken back once more: where that costs seconds, a row of its own does it instead of all. */
  rounds: number;
  /** Whether the gate plays every row on every Node: not where a row costs about a second. Then the oldest Node plays all, and the others a part each that together are all of them again. */
  everywhere: boolean;
  /** Whether rows may share a process; not where a strategy looks at every living function, those of the other rows included. */
  shared: boolean;
  limits: Limits;
}

export function limitOf({ limits }: Conformance, name: string, major: NodeMajor): Limit | undefined {
  const given = (limits as RowLimits)[name];
  return [given ?? []].flat().find((each) => each.on === undefined || each.on.includes(major));
}
