/** All rows, by name. */
import type { Row } from '../row.ts';
import { honesty } from './honesty.ts';
import { kinds } from './kinds.ts';
import { life } from './life.ts';
import { modules } from './modules.ts';
import { parameters } from './parameters.ts';
import { scope } from './scope.ts';

const all = { ...kinds, ...parameters, ...scope, ...modules, ...life, ...honesty };

export type RowName = keyof typeof all;

/** The rows in groups, as docs/compatibility.md prints them. */
export const rowGroups: Record<string, Record<string, Row>> = {
  'Function kinds': kinds,
  Parameters: parameters,
  Scope: scope,
  Modules: modules,
  Life: life,
  Honesty: honesty,
};

export const rows: Record<RowName, Row> = all;
