/** Module kinds, and what stands around a function in its file. */
import { cjs, course, esm, applies, refuses, reverts, sees, type Row } from '../row.ts';

const lib = { f: "function f() { return 'old' }", new: "function f() { return 'new' }" };

/** One line of about 2 MB, as a bundler with minification writes it. */
function bundle(): string {
  const parts = ['const t=[];'];
  for (let index = 0; parts.length < 22_000; index += 1) {
    parts.push(`function a${index}(n,e={}){const{x:r=${index},y:o}=e;return t.push(()=>n+r),o?o(n):class{m(){return[n,r]}}}`);
  }
  parts.splice(11_000, 0, "export function f(){const n='old';return(()=>n)()}");
  return parts.join('');
}

export const modules = {
  'names that CommonJS re-exports by getters, imported by an ES module': esm(
    {
      'program.mjs': "import index, { f } from './index.cjs';\nexport const imported = typeof f;\nexport const use = () => index.f();",
      // As TypeScript writes `export { f } from './lib.cjs'`. Node finds the name by the look of the text.
      'index.cjs':
        '"use strict";\nObject.defineProperty(exports, "__esModule", { value: true });\nvar lib = require("./lib.cjs");\nObject.defineProperty(exports, "f", { enumerable: true, get: function () { return lib.f; } });',
      'lib.cjs': "exports.f = f;\nfunction f() { return 'old' }",
    },
    { 'lib.cjs:f': "function f() { return 'new' }" },
    { observe: '[m.imported, m.use()]', before: ['function', 'old'], after: ['function', 'new'] },
  ),
  'CommonJS, sloppy': cjs(
    "let n = 'old'; function f() { return n + (this === globalThis) } exports.f = f; exports.keep = () => n;",
    { f: "function f() { return 'new' + n + (this === globalThis) }" },
    { observe: '(0, m.f)()', before: 'oldtrue', after: 'newoldtrue' },
  ),
  'CommonJS, sloppy: an undeclared name is made a global': cjs(
    "exports.f = function () { return 'old' }",
    { 'exports.f': "function () { var khRow; khRow = 'new'; with ({ khRow: 'with' }) return khRow }" },
    { after: 'with' },
  ),
  'CommonJS, strict': cjs(
    "'use strict';\nlet n = 'old'; exports.f = function () { return n + (this === undefined) }",
    { 'exports.f': "function () { return 'new' + n + (this === undefined) }" },
    { observe: '(0, m.f)()', before: 'oldtrue', after: 'newoldtrue' },
  ),
  'a strict function in a sloppy file': cjs(
    "exports.f = function () { 'use strict'; return 'old' + this }",
    { 'exports.f': "function () { 'use strict'; return 'new' + this }" },
    { observe: '(0, m.f)()', before: 'oldundefined', after: 'newundefined' },
  ),
  'a function that the patch makes strict': cjs(
    'exports.f = function () { return typeof this }',
    { 'exports.f': "function () { 'use strict'; return typeof this }" },
    { observe: '(0, m.f)()', before: 'object', after: 'undefined' },
  ),
  'module.exports replaced': cjs("module.exports = { f() { return 'old' } };", { 'module.exports.f': "f() { return 'new' }" }),
  'return at the top level of CommonJS': cjs("exports.f = () => 'old';\nif (exports.f) return;\nexports.f = null;", { 'exports.f': "() => 'new'" }),
  'ES modules in a circle, whose functions are called before they are evaluated': esm(
    {
      'a.mjs': "import { early } from './b.mjs';\nexport function f() { return 'old' }\nexport { early };",
      'b.mjs': "import { f } from './a.mjs';\nexport const early = f();",
    },
    { f: "function f() { return 'new' + early }" },
    { observe: '[m.early, m.f()]', before: ['old', 'old'], after: ['old', 'newold'] },
  ),
  'a function of the other module of a circle': course(
    {
      'a.mjs': "import { g } from './b.mjs';\nexport function f() { return g() }\nexport const early = g();",
      'b.mjs': "import { f } from './a.mjs';\nexport function g() { return 'old' + typeof f }",
    },
    [
      sees('oldfunction'),
      applies('g', { 'b.mjs:g': "function g() { return 'new' + typeof f }" }),
      sees('newfunction'),
      reverts(),
      sees('oldfunction'),
    ],
  ),
  'top-level await': esm(
    "const n = await Promise.resolve('n');\nexport const f = () => 'old' + n;",
    { f: "() => 'new' + n" },
    { before: 'oldn', after: 'newn' },
  ),
  'export *': esm(
    { 'a.mjs': "export * from './lib.mjs';\nexport * as all from './lib.mjs';", 'lib.mjs': `export ${lib.f}` },
    { 'lib.mjs:f': lib.new },
    { observe: '[m.f(), m.all.f()]', before: ['old', 'old'], after: ['new', 'new'] },
  ),
  'exported under another name': esm(
    `${lib.f}\nexport { f as g, f as default };`,
    { f: lib.new },
    { observe: '[m.g(), m.default()]', before: ['old', 'old'], after: ['new', 'new'] },
  ),
  'JSON imports beside': esm(
    { 'program.mjs': "import data from './data.json' with { type: 'json' };\nexport const f = () => 'old' + data.x;", 'data.json': '{ "x": 1 }' },
    { f: "() => 'new' + data.x" },
    { before: 'old1', after: 'new1' },
  ),
  'JSON required beside': cjs(
    { 'program.cjs': "const data = require('./data.json'); exports.f = () => 'old' + data.x;", 'data.json': '{ "x": 1 }' },
    { 'exports.f': "() => 'new' + data.x" },
    { before: 'old1', after: 'new1' },
  ),
  'a dual package': course(
    {
      'program.mjs':
        "import { createRequire } from 'node:module';\nimport { f as asModule } from './dual/index.mjs';\nconst { f: asCommonJs } = createRequire(import.meta.url)('./dual/index.cjs');\nexport const f = () => [asModule(), asCommonJs()];",
      'dual/index.mjs': `export ${lib.f}`,
      'dual/index.cjs': `exports.f = f; ${lib.f}`,
    },
    [
      sees(['old', 'old']),
      applies('module', { 'dual/index.mjs:f': lib.new }),
      sees(['new', 'old']),
      applies('commonjs', { 'dual/index.cjs:f': lib.new }),
      sees(['new', 'new']),
      reverts('module'),
      sees(['old', 'new']),
      reverts('commonjs'),
      sees(['old', 'old']),
      applies('both', { 'dual/index.mjs:f': lib.new, 'dual/index.cjs:f': lib.new }),
      sees(['new', 'new']),
    ],
  ),
  'a file loaded twice, with other queries': esm(
    {
      'program.mjs':
        "import * as a from './lib.mjs?a';\nimport * as b from './lib.mjs?b';\nexport const f = () => [a.f(), b.f()];\na.set('a');\nb.set('b');",
      'lib.mjs': "let n = '';\nexport const set = (v) => { n = v };\nexport function f() { return 'old' + n }",
    },
    { 'lib.mjs:f': "function f() { return 'new' + n }" },
    { before: ['olda', 'oldb'], after: ['newa', 'newb'] },
  ),
  'a CommonJS file loaded again': cjs(
    {
      'program.cjs':
        "const load = () => require('./lib.cjs'); const a = load(); delete require.cache[require.resolve('./lib.cjs')]; const b = load(); a.set('a'); b.set('b'); exports.f = () => [a.f(), b.f()];",
      'lib.cjs': "let n = '';\nexports.set = (v) => { n = v };\nexports.f = function () { return 'old' + n };",
    },
    { 'lib.cjs:exports.f': "function () { return 'new' + n }" },
    { before: ['olda', 'oldb'], after: ['newa', 'newb'] },
  ),
  'code made by new Function': course('export const f = new Function("return \'old\'");', [
    sees('old'),
    refuses({ f: "function f() { return 'new' }" }, /has no function f[^]*new Function/),
    sees('old'),
  ]),
  'hashbang, CommonJS': cjs("#!/usr/bin/env node\nexports.f = () => 'old';", { 'exports.f': "() => 'new'" }),
  'hashbang, ES module': esm("#!/usr/bin/env node\nexport const f = () => 'old';", { f: "() => 'new'" }),
  'byte order mark, CommonJS': cjs("\uFEFFexports.f = () => 'old';", { 'exports.f': "() => 'new'" }),
  'byte order mark, ES module': esm("\uFEFFexport const f = () => 'old';", { f: "() => 'new'" }),
  CRLF: esm("'use strict';\r\nexport function f() {\r\n  return 'old'; // here\r\n}\r\n", {
    f: "function f() {\r\n  // here\r\n  return 'new';\r\n}",
  }),
  'a bundle of 2 MB in one line': esm(bundle(), { f: "function f(){const n='new';return(()=>n)()}" }, { alone: true }),
  'names beyond ASCII': esm(
    "const größe = 'ö', $ = '$', \\u0061b = 'ab';\nexport function fünf() { return 'old' + größe + $ + ab }",
    { fünf: "function fünf() { return 'new' + ab + $ + größe }" },
    { observe: 'm.fünf()', before: 'oldö$ab', after: 'newab$ö' },
  ),
} satisfies Record<string, Row>;
