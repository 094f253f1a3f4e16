/**
 * What a row of the conformance suite is: a program, patches, and what must hold before, after and after the revert. A row says what users expect; what a strategy can not do
 * of it stands in that strategy's list.
 */

/** Address -> new text; several are one transaction. A name alone is in the entry file. */
export type Patch = Record<string, string>;

export type Step =
  /** Code run in the program's process, with `m` (the entry's exports), `keep` (the row's own object, with its `folder`) and `require`. */
  | { run: string }
  | { apply: string; patch: Patch; refused?: RegExp }
  /** Names of `apply` steps; none means all that is live. */
  | { revert: string[] }
  /** Applied and taken back again, so many times. */
  | { rounds: number; patch: Patch }
  /** The same as often as the strategy's list says, then applied once more: what `observe` gives then. Left out where the list says 0. */
  | { again: unknown; patch: Patch }
  /** What `observe` gives. */
  | { sees: unknown };

export interface Row {
  files: Record<string, string>;
  /** The file that is loaded: `.mjs` by an import, `.cjs` by a require. */
  entry: string;
  /** Run once, after the program was loaded. */
  arrange: string;
  /** An expression, or statements in braces; called as often as a strategy needs the function to be called, so calling it twice in a row gives the same twice. */
  observe: string;
  steps: Step[];
  /** Flags of Node; such a row has a process of its own. `<folder>` is the row's. */
  flags?: string[];
  env?: Record<string, string>;
  /** A fresh process without flags, for rows that measure or disturb it. */
  alone?: boolean;
  /** What the process leaves in the row's folder when it ends. */
  leaves?: { file: RegExp; holds: RegExp };
}

/** What most rows are: the program says 'old' and the patch says 'new'. */
interface Plain extends Partial<Omit<Row, 'files' | 'entry' | 'steps'>> {
  before?: unknown;
  after?: unknown;
  /** Default: as before. */
  reverted?: unknown;
  /** Once more patched after several rounds; default: as after. */
  again?: unknown;
  /** Part of the reason, where every strategy has to refuse the patch. */
  refused?: RegExp;
}

type Program = string | Record<string, string>;

function plain(entry: string, program: Program, patch: Patch, more: Plain): Row {
  const { before = 'old', after = 'new', reverted = before, again = after, refused, ...rest } = more;
  const steps: Step[] =
    refused === undefined
      ? [{ sees: before }, { apply: 'patch', patch }, { sees: after }, { revert: [] }, { sees: reverted }, { again, patch }]
      : [{ sees: before }, { apply: 'patch', patch, refused }, { sees: before }];
  return { arrange: '', observe: 'm.f()', ...rest, ...place(entry, program), steps };
}

function place(entry: string, program: Program): Pick<Row, 'files' | 'entry'> {
  return typeof program === 'string' ? { files: { [entry]: program }, entry } : { files: program, entry: Object.keys(program)[0] ?? entry };
}

/** An ES module, or several files of which the first is loaded. */
export const esm = (program: Program, patch: Patch, more: Plain = {}): Row => plain('program.mjs', program, patch, more);
export const cjs = (program: Program, patch: Patch, more: Plain = {}): Row => plain('program.cjs', program, patch, more);

/** A row with a course of its own. */
export const course = (program: Program, steps: Step[], more: Partial<Omit<Row, 'files' | 'entry' | 'steps'>> = {}): Row => ({
  arrange: '',
  observe: 'm.f()',
  ...more,
  ...place('program.mjs', program),
  steps,
});

export const applies = (name: string, patch: Patch): Step => ({ apply: name, patch });
export const refuses = (patch: Patch, refused: RegExp): Step => ({ apply: 'refused', patch, refused });
export const reverts = (...names: string[]): Step => ({ revert: names });
export const sees = (value: unknown): Step => ({ sees: value });
export const runs = (code: string): Step => ({ run: code });
