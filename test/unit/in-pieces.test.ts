/** Texts are read in pieces on a service's main thread: the same comes of it as of reading them at once, and the service has its turns in between. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ModuleIndex } from '../../packages/agent/dist/host/patch/modules.js';
import { atOnce, parseModule, parsingModule } from '../../packages/agent/dist/source/index.js';
import { generatedProgram } from './generated-program.ts';

const inPieces = (text: string, format: 'module' | 'commonjs'): unknown => atOnce(parsingModule(text, format, 'program.js'));

test('a tree is that of the parser, whatever the text', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1000), { maxLength: 120 }), (tape) => {
      const text = generatedProgram(tape);
      expect(inPieces(text, 'commonjs')).toEqual(parseModule(text, 'commonjs', 'program.js'));
    }),
    { numRuns: 50 },
  );
});

test.each([
  ["'use strict'; // one\n'use asm'\nexports.a = 1;\n", 'commonjs'],
  ['#!/usr/bin/env node\nimport a from "b";\nexport { a };\nexport const c = await a;\n', 'module'],
  ['', 'module'],
  [readFileSync(createRequire(import.meta.url).resolve('acorn-walk'), 'utf8'), 'commonjs'],
] as const)('a tree is that of the parser: %.20s', (text, format) => {
  expect(inPieces(text, format)).toEqual(parseModule(text, format, 'program.js'));
});

test('a text that can not be read says where', () => {
  expect(() => inPieces('let a = 1;\nlet b = ;\n', 'module')).toThrow(/program\.js:2:9/);
});

test('the service has its turns while a large file is read, and who comes in between gets the same functions', async () => {
  const running = Array.from(
    { length: 4_000 },
    (_, n) => `export function f${n}(a, { b = ${n} } = {}) { return [a, b].map((x) => x + ${n}) }\n`,
  ).join('');
  const module = { url: 'file:///service/large.js', format: 'module' as const, running, typed: null, map: null, instrumented: false };
  const modules = new ModuleIndex('/service', { list: () => [module] });
  let turns = 0;
  let early: unknown = null;
  const counting = new AbortController();
  const reading = modules.read('large.js:f7').then(() => counting.abort());
  while (!counting.signal.aborted) {
    await turn();
    turns += 1;
    if (turns === 5) [early] = modules.at('large.js:f7');
  }
  await reading;
  expect(turns).toBeGreaterThan(20);
  expect(modules.at('large.js:f7')[0]).toBe(early);
  expect(modules.withPrefix('large.js:')).toHaveLength(8_000);
});
