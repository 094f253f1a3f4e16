/** Which traps are refused in which build, and which are fallen into. Every entry is asserted by the suite and printed in docs/compatibility.md. */
import type { BuildName } from './builds.ts';
import { enclosed, global, helper, leftOut, renamed, rewritten, wrong, type Cells } from './limits.ts';

const fromBundle = wrong('import() is resolved against the place of the bundle');
const ofNode = wrong("import() is left to Node, whose namespace of CommonJS is another one than the compiler's");

export const trapLimits: Partial<Record<BuildName, Cells>> = {
  'tsc, target ES2015': { ...helper('holds') },
  'tsc, target ES2021': { ...helper('holds') },
  'esbuild, bundle': {
    ...rewritten('runningNames'),
    ...global('globalName'),
    ...leftOut('elided', 'shaken', 'properties', 'callees', 'numericEnum', 'madeAsync', 'defaults', 'packages'),
    ...fromBundle('dynamicImport'),
    ...enclosed('coins'),
  },
  'esbuild, minified bundle': {
    ...rewritten('runningNames'),
    ...renamed('ownNames', 'elided', 'properties', 'madeAsync', 'packages'),
    ...leftOut('shaken', 'numericEnum'),
    ...helper('callees', 'defaults'),
    ...fromBundle('dynamicImport'),
    ...enclosed('coins'),
  },
  'esbuild, bundle, names kept, path aliases': {
    ...rewritten('runningNames', 'shortNames'),
    ...leftOut('ownNames', 'elided', 'shaken', 'properties', 'numericEnum', 'defaults'),
    ...global('globalName'),
    ...helper('callees', 'madeAsync', 'packages'),
    ...fromBundle('dynamicImport'),
    ...enclosed('coins'),
  },
  'swc, CommonJS': { ...ofNode('dynamicImport') },
  'swc, target ES5': { ...rewritten('defaults', 'dynamicImport', 'holds', 'awaited', 'coins') },
  'Babel, CommonJS': { ...leftOut('runningNames', 'ownNames', 'properties', 'callees', 'packages'), ...rewritten('shortNames', 'liveExport') },
  rollup: { ...global('globalName'), ...leftOut('shaken', 'properties'), ...fromBundle('dynamicImport') },
  'rollup, then Terser': {
    ...renamed(
      'runningNames',
      'shortNames',
      'ownNames',
      'globalName',
      'elided',
      'shaken',
      'constant',
      'properties',
      'callees',
      'numericEnum',
      'madeAsync',
      'defaults',
      'dynamicImport',
      'strictness',
      'modern',
      'packages',
    ),
    ...enclosed('coins'),
  },
  'webpack, sources named from the map': {
    ...rewritten('runningNames'),
    ...enclosed('shortNames', 'ownNames', 'shaken', 'holds', 'awaited', 'coins'),
    ...leftOut('properties', 'numericEnum', 'defaults'),
    ...helper('callees', 'madeAsync', 'packages'),
    ...fromBundle('dynamicImport'),
  },
  'Vite, SSR': {
    ...rewritten('runningNames'),
    ...global('globalName'),
    ...leftOut('shaken', 'properties', 'callees', 'madeAsync', 'defaults'),
    ...fromBundle('dynamicImport'),
    ...enclosed('coins'),
  },
};
