/** A patch takes no more than what calls of the running function hand over, and tells no argument that was left out from `undefined` where the slot can not. */
import { expect, test } from 'vitest';
import { shapeMismatch } from '../../packages/agent/dist/host/patch/shape.js';
import { analyseCaptures, indexFunctions, parseModule } from '../../packages/agent/dist/source/index.js';
import type { FunctionEntry, FunctionUse } from '../../packages/agent/dist/source/index.js';

function first(text: string): [FunctionEntry, FunctionUse] {
  const program = parseModule(`x = ${text}`, 'commonjs', 'program.js');
  const [entry] = indexFunctions(program, `x = ${text}`);
  if (entry === undefined) throw new Error(`no function in ${text}`);
  return [entry, analyseCaptures(program).useOf(entry.node)];
}

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
  ['function ({ a }) { return arguments.length }', 'function ({ a } = {}) {}', /says arguments and takes a parameter apart/],
  ['function (...[a]) { return arguments.length }', 'function (a) {}', /takes a parameter apart/],
  ['function ({ a }) {}', 'function ({ a } = {}) {}', null],
  ['(a, ...b) => 1', '(...all) => 2', /by rest/],
  ['function (a) {}', 'function (a, b) {}', /more parameters than the 1 that the running code passes on: only async functions/],
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
];

for (const [running, patch, why] of pairs) {
  test(`${running} becomes ${patch}`, () => {
    const [before, usedBefore] = first(running);
    const [after, usedAfter] = first(patch);
    const found = shapeMismatch(before, after, usedBefore, usedAfter);
    if (why === null) expect(found).toBeNull();
    else expect(found).toMatch(why);
  });
}
