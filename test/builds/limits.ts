/** What can not be pushed into which build. Every entry is asserted by the suite and printed in docs/compatibility.md. */
import type { BuildName } from './builds.ts';
import type { ChangeName } from './changes.ts';

export interface Limit {
  /** What the operator is told: the place, and why. Null: it is patched and does what it has to, but what runs is not to the letter what a new build has. */
  refused: RegExp | null;
  why: string;
}

const unexported: Limit = {
  refused: /top-level function price changed: it takes a restart/,
  why: 'a function that is not exported counts as a top-level value',
};
const rewritten: Limit = { refused: /does not come from this text of it/, why: 'the compiler says it in another way than its author' };
const renamed: Limit = { refused: /src\/\w+\.ts has no function/, why: 'it, or what it stands in, runs under another name' };
const otherName: Limit = { refused: /is not defined in src\/\w+\.ts/, why: 'what it uses now runs under another name' };
const imports: Limit = { refused: /the running code never brought in \w+/, why: 'how this compiler says an import is not followed' };
const nameless: Limit = { refused: /tools is not defined/, why: 'a nameless function in it is taken for another one' };
const classOfItself: Limit = {
  refused: /Ledger belongs to an enclosing function/,
  why: 'its class has a name of its own inside, that it did not use',
};

const otherImport: Limit = { refused: null, why: 'of two imports of one module the other is used' };

type Cells = Partial<Record<ChangeName, Limit>>;

const plain: Cells = { taxPrice: unexported, shippingPrice: unexported, receipt: nameless };
const tsc: Cells = { ...plain, taxOf: rewritten };
const lowered: Cells = { ...tsc, add: rewritten, summary: rewritten, onClose: renamed };
const commonJs: Cells = { ...plain, summary: imports, quote: imports, numbered: imports, receipt: imports };

export const limits: Partial<Record<BuildName, Cells>> = {
  'tsc, CommonJS': { ...tsc, quote: otherImport },
  'tsc, ES modules': tsc,
  'tsc, target ES2015': { ...lowered, quote: rewritten, numbered: rewritten },
  'tsc, target ES2021': lowered,
  'Node, types stripped': plain,
  tsx: { ...plain, onClose: renamed },
  'esbuild, CommonJS files': { ...plain, summary: imports, quote: otherImport, receipt: imports },
  'esbuild, ES module files': plain,
  'esbuild, bundle': { ...lowered, add: renamed, summary: renamed, quote: rewritten, numbered: rewritten, receipt: rewritten },
  'esbuild, minified bundle': {
    taxOf: renamed,
    taxPrice: renamed,
    shippingPrice: renamed,
    add: renamed,
    summary: renamed,
    onClose: renamed,
    next: renamed,
    quote: renamed,
    numbered: renamed,
    receipt: renamed,
  },
  'swc, CommonJS': commonJs,
  'swc, ES modules': plain,
  'Babel, CommonJS': commonJs,
  'Babel, ES modules': plain,
  rollup: { ...tsc, quote: otherName, numbered: otherName, receipt: rewritten },
  'Vite, SSR': { ...tsc, summary: classOfItself, quote: otherName, numbered: otherName, receipt: rewritten },
};
