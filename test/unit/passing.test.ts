/** A patch takes no more than what calls of the running function hand over, and tells no argument that was left out from `undefined` where the slot can not. */
import { expect, test } from 'vitest';
import { shapeMismatch } from '../../packages/agent/dist/host/patch/shape.js';
import { passingLike, passingOf } from '../../packages/agent/dist/loader/index.js';
import type { FunctionEntry, FunctionUse } from '../../packages/agent/dist/source/index.js';
import { functionIn } from '../helpers/function-in.ts';

/** The first function of a program whose name ends so. */
function used(source: string, ending?: string): [FunctionEntry, FunctionUse] {
  const { entry, captures } = functionIn(source, ending);
  return [entry, captures.useOf(entry.node)];
}

/** The first function of a text. What begins with a statement of its own is a whole program. */
function first(text: string): [FunctionEntry, FunctionUse] {
  return used(/^(?:'use strict';|import |export |const |class )/.test(text) ? text : `x = ${text}`);
}

function expectShape([before, usedBefore]: [FunctionEntry, FunctionUse], [after, usedAfter]: [FunctionEntry, FunctionUse], why: RegExp | null): void {
  const found = shapeMismatch(before, after, usedBefore, usedAfter);
  if (why === null) expect(found).toBeNull();
  else expect(found).toMatch(why);
}

const long = ' '.repeat(120);
/** V8 makes rest parameters cheap enough from Node 24 on. */
const since24 = Number(process.versions.node.split('.')[0]) >= 24 ? null : /slower for it before Node 24/;

const pairs: [running: string, patch: string, why: RegExp | null][] = [
  ['function (a) {}', 'function (b) {}', null],
  ['function (a, b) {}', 'function (a = 1) {}', null],
  ['function (a, ...b) {}', 'function (a, c, d, ...b) {}', null],
  ['function (a, ...b) {}', 'function (...all) {}', /by rest.* one of the first 1 that was left out could not be told from undefined/],
  ['function (a, b, ...c) {}', 'function (a, ...all) {}', /one of the first 2/],
  ['function (a, ...b) {}', 'function (a) { return arguments.length }', /uses arguments.* the first 1 by their names/],
  ['function (...all) {}', 'function (a, b) { return arguments.length }', null],
  ['function (a) { return arguments[0] }', 'function (...all) {}', null],
  ['function (a) { return arguments[0] }', 'function (a, b, c) { return arguments.length }', null],
  ['function ({ a }) { return arguments.length }', 'function ({ a } = {}) {}', /is sloppy, says arguments and takes a parameter apart/],
  ["'use strict'; x = function ({ a }) { return arguments.length }", 'function ({ a } = {}) {}', null],
  ["'use strict'; x = function (...[a]) { return arguments.length }", 'function (a) {}', null],
  ['function (...[a]) { return arguments.length }', 'function (a) {}', /takes a parameter apart/],
  ['function ({ a }) {}', 'function ({ a } = {}) {}', null],
  ['(a, ...b) => 1', '(...all) => 2', /by rest/],
  ['function (a) {}', 'function (a, b) {}', /more parameters than the 1 that the running code passes on \(it is shorter/],
  ['async function (a) {}', 'async function (a, b, ...c) {}', null],
  ['async function (a) {}', 'async function (...all) {}', null],
  ['async function () {}', 'async function () { return arguments.length }', null],
  ['async function (a) {}', 'async function (a) { return arguments.length }', null],
  ["async function (a) { 'use strict' }", 'async function (a, b) {}', null],
  ['async function (a) { eval(a) }', 'async function (a, b) {}', /more parameters/],
  ['async a => 1', 'async (a, b) => 2', /more parameters/],
  ['function* () {}', 'function* (...all) {}', /more parameters/],
  ['async function* (a) {}', 'async function* (a, b) {}', /more parameters/],
  ['(...all) => 1', '(a, ...b) => 2', null],
  ["emitter.on('x', function (a) {})", 'function (a, b) {}', null],
  ['new Promise((a) => 1)', '(a, ...b) => 2', null],
  ['on(a => 1)', '(a, b) => 2', null],
  ['on(async a => 1)', 'async (a, b) => 2', null],
  ['on((a) => 1)', '(...all) => 2', /by rest/],
  ["on(function (a) { 'use strict' })", 'function (a, b) {}', /more parameters/],
  ['on({ handler: (a) => 1 })', '(a, b) => 2', /more parameters/],
  ["app.get('/', (a) => 1)", '(a, b) => 2', null],
  ['container.get((a) => 1)', '(a, b) => 2', /more parameters/],
  ['asFunction((a) => 1)', '(a, b) => 2', /more parameters/],
  ['list.map((a) => 1)', '(a, b) => 2', /more parameters/],
  ['((a) => 1)(2)', '(a, b) => 2', /more parameters/],
  ['0; function f(a) {} on(f)', 'function f(a, b) {}', null],
  ['0; const f = (a) => 1; promise.then(f)', '(a, b) => 2', null],
  ['0; const f = (a) => 1; list.map(f)', '(a, b) => 2', /more parameters/],
  ['0; function f(a) {} f(1)', 'function f(a, b) {}', /more parameters/],
  // Strict code hands on all, but where V8 would put the function into its callers.
  [`'use strict'; x = function (a) {${' '.repeat(105)}}`, 'function (a, b, ...c) { return arguments.length }', since24],
  [`'use strict'; x = function (a) {${' '.repeat(104)}}`, 'function (a, b) {}', /it is shorter than 120 characters/],
  [`'use strict'; x = function* (a) {${long}}`, 'function* (a, b) {}', /a generator would be slower/],
  [`'use strict'; x = function (a) {${long} eval(a) }`, 'function (a, b) {}', /it calls eval/],
  // What would have to say it in its text has it only where nobody can have it to read.
  [`'use strict'; x = (a) => {${long}}`, '(a, b) => 1', /may read there the names of its parameters/],
  [`function (a) {${long}}`, 'function (a, b) {}', /may read there/],
  [`0; const f = (a) => {${long}}; f(1); new f(1)`, '(a, ...b) => 1', since24],
  [`0; function f(a) {${long}} f(1)`, 'function f(a, b) {}', since24],
  [`0; function f(a) {${long} f(a - 1) }`, 'function f(a, b) {}', since24],
  [`0; function f(a) { 'use strict'; ${long}} f(1)`, 'function f(a, b) {}', since24],
  [`0; function f(a) {${long}}`, 'function f(a, b) {}', /may read there/],
  [`0; function f(a) {${long}} f(1); list.map(f)`, 'function f(a, b) {}', /may read there/],
  [`0; function f(a) {${long}} f(1); f.call(2)`, 'function f(a, b) {}', /may read there/],
  [`0; function f(a) {${long}} f(1); exports.f = f`, 'function f(a, b) {}', /may read there/],
  [`0; function f(a) {${long}} f(1); f\`text\``, 'function f(a, b) {}', /may read there/],
  [`0; let f = (a) => {${long}}; f(1); f = null`, '(a, b) => 1', /may read there/],
  [`export const f = (a) => {${long}}; f(1)`, '(a, b) => 1', /may read there/],
  [`const f = (a) => {${long}};\nf(1);\nexport { f }`, '(a, b) => 1', /may read there/],
  // What a module exports is called by others, with what nobody here can know.
  ['export function f(a) {}', 'function f(a, b, ...c) { return arguments.length }', since24],
  ['export function f({ a }) {}', 'function f({ b } = {}, c) {}', since24],
  ['export default function (a) {}', 'function (a, b) {}', since24],
  ['export const f = function (a) {}', 'function (a, b) {}', since24],
  ['export const f = (a) => 1', '(a, b) => 2', /more parameters/],
  ['export function* f(a) {}', 'function* f(a, b) {}', /more parameters/],
  ['export const o = { f: function (a) {} }', 'function (a, b) {}', since24],
  ['export const o = { inner: { f: function (a) {} } }', 'function (a, b) {}', /more parameters/],
  ['const f = function (a) {};\nexport { f as g }', 'function (a, b) {}', since24],
  ['const f = function (a) {};\nexport default f', 'function (a, b) {}', since24],
  ['const f = function (a) {};\nexport { g } from "f"', 'function (a, b) {}', /more parameters/],
  ['const f = function (a) {};\nexport const g = f(1)', 'function (a, b) {}', /more parameters/],
  ["'use strict'; exports.f = function (a) {}", 'function (a, b) {}', since24],
  ["'use strict'; module.exports = exports.f = function (a) {}", 'function (a, b) {}', since24],
  ["'use strict'; module.exports = { f: function (a) {} }", 'function (a, b) {}', since24],
  ["'use strict'; module.exports.f = f; function f(a) {}", 'function f(a, b) {}', since24],
  ["'use strict'; 0, exports.f = f, exports.g = f; function f(a) {}", 'function f(a, b) {}', since24],
  ["'use strict'; module.f = function (a) {}", 'function (a, b) {}', /more parameters/],
  ["'use strict'; own.exports = function (a) {}", 'function (a, b) {}', /more parameters/],
  ['0; exports.f = function (a) {}', 'function (a, b) {}', /more parameters/],
  ["0; exports.f = function (a) { 'use strict' }", "function (a, b) { 'use strict' }", since24],
];

/** Methods that a framework calls: what the class extends comes from a package. */
const bases: [program: string, why: RegExp | null][] = [
  ["import { Base } from 'framework';\nclass A extends Base { m(a) {} }", since24],
  ["import Base from '@scope/framework/part';\nclass A extends Base { static m(a) {} }", since24],
  ["import * as all from 'node:stream';\nexport default class extends all.Transform { m(a) {} }", since24],
  ["const { Base } = require('framework'); class A extends Base { m(a) {} }", since24],
  ["const all = __toESM(require('framework')); class A extends all.default.Base { m(a) {} }", since24],
  ["const Base = require('framework').Base; function make() { return class extends Base { m(a) {} } }", since24],
  ["import { Base } from './own.js';\nclass A extends Base { m(a) {} }", /more parameters/],
  ["import { Base } from '#own';\nclass A extends Base { m(a) {} }", /more parameters/],
  ["import { Base } from 'file:///own.js';\nclass A extends Base { m(a) {} }", /more parameters/],
  ["const Base = require('../own'); class A extends Base { m(a) {} }", /more parameters/],
  ["const Base = make(() => require('framework')); class A extends Base { m(a) {} }", /more parameters/],
  ["import { Base } from 'framework';\nclass A { m(a) {} }", /more parameters/],
  ["import { Base } from 'framework';\nclass A extends Base { #m(a) {} }", /more parameters/],
  ["import { Base } from 'framework';\nclass A extends Base { *m(a) {} }", /more parameters/],
];

for (const [program, why] of bases) {
  test(`${program.replace('\n', ' ')}: one more parameter`, () => {
    const patch = `class P { ${/(?:static |\*|#)?m\(a/.exec(program)?.[0] ?? ''}, b) {} }`;
    expectShape(used(program, 'm'), used(patch), why);
  });
}

/** Texts in a patch that stand for a loaded function: how their calls hand on what they were given. */
const stands: [loaded: string, text: string, by: string, takes: number][] = [
  ['async function (a) {}', 'function (a, b) {}', 'given arguments', Infinity],
  ['async function (a) {}', 'function (a, ...b) {}', 'own rest', Infinity],
  ['async function (a) {}', 'function (a) { return arguments }', 'arguments', Infinity],
  ['async function (a) {}', '(a, b) => 1', 'names', 2],
  ['async function (a) {}', 'function* (a, b) {}', 'names', 2],
  ['async function (a) {}', 'function (a) { eval(a) }', 'names', 1],
  ['on((a) => 1)', '(a, b) => 2', 'given rest', Infinity],
  ['on((a) => 1)', 'function (a) {}', 'given rest', Infinity],
  ['on((a) => 1)', 'function* (a) {}', 'names', 1],
  ['on(function (a) { return 1 })', "function (a) { 'use strict' }", 'names', 1],
  ['(a) => 1', '(a, b) => 2', 'names', 2],
  ['function (a) {}', 'function (a, b) {}', 'names', 2],
];

for (const [loaded, text, by, takes] of stands) {
  test(`${text} in a patch stands for ${loaded}: ${by}`, () => {
    expect(passingLike(passingOf(...first(loaded)), ...first(text))).toMatchObject({ by, takes });
  });
}

for (const [running, patch, why] of pairs) {
  test(`${running} becomes ${patch}`, () => expectShape(first(running), first(patch), why));
}
