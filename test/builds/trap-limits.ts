/** Which traps are refused in which build, and which are fallen into. Every entry is asserted by the suite and printed in docs/compatibility.md. */
import type { BuildName } from './builds.ts';
import { enclosed, global, helper, leftOut, refused, renamed, rewritten, type Cells } from './limits.ts';

const imported = refused(/the new text (?:uses import\(\)|needs __importStar)/, 'what the build makes of import() is not known');
const callers = refused(
  /the build may have changed its calls/,
  'the build changed its calls, knowing what it did: left them out, or their arguments, or put its body there',
);

export const trapLimits: Partial<Record<BuildName, Cells>> = {
  'tsc, CommonJS': imported('dynamicImport'),
  'tsc, target ES2015': { ...helper('holds'), ...imported('dynamicImport') },
  'esbuild, CommonJS files': imported('dynamicImport'),
  'tsc, target ES2021': { ...helper('holds') },
  'esbuild, bundle': {
    ...rewritten('runningNames'),
    ...global('globalName'),
    ...leftOut('elided', 'shaken', 'properties', 'callees', 'numericEnum', 'madeAsync', 'defaults'),
    ...imported('dynamicImport'),
  },
  'esbuild, minified bundle': {
    ...callers('inlined', 'emptyCall'),
    ...rewritten('runningNames'),
    ...renamed('ownNames', 'elided', 'properties', 'madeAsync', 'packages'),
    ...leftOut('shaken', 'numericEnum'),
    ...helper('callees', 'defaults'),
    ...imported('dynamicImport'),
  },
  'esbuild, bundle, names kept, path aliases': {
    ...rewritten('runningNames', 'shortNames'),
    ...leftOut('ownNames', 'elided', 'shaken', 'properties', 'numericEnum', 'defaults'),
    ...global('globalName'),
    ...helper('callees', 'madeAsync', 'dynamicImport'),
  },
  'swc, CommonJS': { ...imported('dynamicImport') },
  'swc, target ES5': {
    ...rewritten('defaults', 'dynamicImport', 'holds', 'awaited', 'coins', 'staticCall', 'methodCall', 'propertyCall'),
    ...renamed('madeInVain'),
  },
  'Babel, CommonJS': { ...rewritten('liveExport'), ...imported('dynamicImport') },
  rollup: {
    ...callers('inlined', 'removedCall', 'unusedParameter', 'emptyCall', 'staticCall', 'madeInVain', 'tableCall', 'propertyCall', 'handedOn'),
    ...global('globalName'),
    ...leftOut('shaken', 'properties'),
    ...imported('dynamicImport'),
  },
  'rollup, then Terser': {
    ...callers('inlined', 'removedCall', 'staticCall', 'madeInVain', 'propertyCall', 'handedOn'),
    ...rewritten('unusedParameter'),
    ...renamed('emptyCall', 'tableCall'),
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
    ...enclosed('removedCall', 'emptyCall', 'staticCall', 'madeInVain', 'methodCall', 'tableCall', 'propertyCall', 'handedOn'),
    ...rewritten('runningNames'),
    ...enclosed('shortNames', 'ownNames', 'shaken', 'holds', 'awaited', 'coins'),
    ...leftOut('properties', 'numericEnum', 'defaults', 'packages'),
    ...helper('callees', 'madeAsync', 'dynamicImport'),
  },
  'Vite, SSR': {
    ...renamed('emptyCall'),
    ...rewritten('runningNames'),
    ...global('globalName'),
    ...leftOut('shaken', 'properties', 'callees', 'madeAsync', 'defaults'),
    ...imported('dynamicImport'),
  },
};
