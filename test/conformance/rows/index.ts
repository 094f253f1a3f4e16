/** All rows, by name. */
import type { Row } from '../row.ts';
import { kinds } from './kinds.ts';

const groups = { 'Function kinds': kinds };

export type RowName = keyof typeof kinds;

/** The rows in groups, as docs/compatibility.md prints them. */
export const rowGroups: Record<string, Record<string, Row>> = groups;

export const rows: Record<RowName, Row> = { ...kinds };
