/** What can not be pushed into which build. Every entry is asserted by the suite and printed in docs/compatibility.md. */
import type { BuildName } from './builds.ts';
import type { ChangeName } from './changes.ts';
import type { TrapName } from './traps.ts';

/**
 * What became of a change. `in other words`: it does what it has to, and what runs is not to the letter what a new build has. `wrong`: it is accepted, and does something else; each is a fault of ours
 * that was found here.
 */
export type Verdict = 'right' | 'in other words' | 'refused' | 'wrong';

export type Limit = { verdict: 'refused'; refused: RegExp; why: string } | { verdict: 'in other words' | 'wrong'; why: string };

type Names = (ChangeName | TrapName)[];
export type Cells = Partial<Record<ChangeName | TrapName, Limit>>;

/** @param what the operator is told: the place, and why. */
export function refused(what: RegExp, why: string): (...names: Names) => Cells {
  return (...names) => each({ verdict: 'refused', refused: what, why }, names);
}

function each(limit: Limit, names: Names): Cells {
  return Object.fromEntries(names.map((name) => [name, limit]));
}

export const rewritten = refused(
  /src\/\w+\.ts:[\w.-]+ .* is not shown to come from this text of it/,
  'the build says it in another way than its author',
);
export const renamed = refused(/src\/\w+\.ts has no function/, 'it runs under another name or in the place of its calls, and nothing tells where');
export const leftOut = refused(
  /the running code never brought in \w+|nobody knows the text of \.\/\w+\.js/,
  'the build left out what it uses now, or put something else in its place',
);
export const helper = refused(
  /a function of the compiler's that the running module does not have|the running code never brought in \w+/,
  'it needs a function of the compiler that the build did not need before',
);
export const enclosed = refused(
  /\w+ belongs to an enclosing function and is not captured|the new text uses [#\w]+, which the running code does not|#\w+ is not known to the running class/,
  'what it uses now stands in a function that the build put around it, or is the inner name of its class, and it did not use that before',
);
export const global = refused(/the new text means the global \w+/, 'another file of the bundle has something else of that name');
const reworded = (...names: Names): Cells => each({ verdict: 'in other words', why: 'it has other names for the same' }, names);

export const limits: Partial<Record<BuildName, Cells>> = {
  'tsc, target ES2015': { ...helper('numbered'), ...reworded('receipt') },
  tsx: reworded('taxPrice', 'receipt'),
  'esbuild, CommonJS files': reworded('taxPrice'),
  'esbuild, ES module files': reworded('taxPrice'),
  'esbuild, bundle': { ...rewritten('taxOf'), ...leftOut('taxPrice', 'receipt'), ...reworded('quote', 'numbered') },
  'esbuild, minified bundle': { ...rewritten('taxOf'), ...leftOut('taxPrice', 'receipt') },
  'esbuild, bundle, names kept, path aliases': { ...rewritten('taxOf', 'quote', 'receipt'), ...leftOut('taxPrice', 'summary', 'numbered') },
  'swc, target ES5': {
    ...rewritten('taxOf', 'add', 'quote', 'numbered', 'receipt'),
    ...renamed('summary', 'onClose'),
    ...reworded('next', 'taxPrice'),
  },
  'Babel, CommonJS': reworded('quote'),
  'rollup, then Terser': { ...rewritten('taxOf'), ...renamed('taxPrice', 'shippingPrice', 'next', 'numbered', 'receipt') },
  'webpack, sources named from the map': {
    ...rewritten('taxOf'),
    ...leftOut('taxPrice'),
    ...enclosed('shippingPrice', 'add', 'summary', 'onClose', 'next', 'quote', 'numbered'),
    ...reworded('receipt'),
  },
  'Vite, SSR': { ...rewritten('taxOf'), ...leftOut('taxPrice') },
};
