/**
 * Well-known packages of different styles, each with its version and a small call whose answer says that it works. A call gets the package's main export (the default export where
 * there is one) and answers something that JSON can hold and that is the same on every run.
 */

import firstCommonjs from './catalogue/first-commonjs.mjs';
import commonjs from './catalogue/commonjs.mjs';
import compilers from './catalogue/compilers.mjs';
import renderers from './catalogue/renderers.mjs';
import values from './catalogue/values.mjs';

/** Those that the gate loads: of each style one that is quick. */
export const gate = [
  'acorn',
  'async',
  'bluebird',
  'commander',
  'express',
  'handlebars',
  'immer',
  'lodash',
  'mobx',
  'nunjucks',
  'rxjs',
  'semver',
  'tslib',
  'yaml',
];

export const catalogue = { ...firstCommonjs, ...commonjs, ...compilers, ...renderers, ...values };
