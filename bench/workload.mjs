/** One measurement in one process: a workload, plain, instrumented, or with its hot function patched to the same text. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { installInstrumentation } from '../packages/agent/dist/loader/index.js';
import { Inspector } from '../packages/agent/dist/host/inspector.js';
import { createPatching } from '../packages/agent/dist/host/patch/index.js';

const [kind, mode] = process.argv.slice(2);
const programs = {
  // A small recursive-descent parser: many short functions that call each other.
  parse: [
    `export function run() { let sum = 0; for (let i = 0; i < 20000; i++) sum += parse('1+2*(3+4)-5*(6-7)+' + i); return sum }
function parse(text) { let at = 0;
  function peek() { return text.charCodeAt(at) }
  function number() { let n = 0; while (at < text.length && peek() >= 48 && peek() <= 57) n = n * 10 + text.charCodeAt(at++) - 48; return n }
  function atom() { if (peek() === 40) { at++; const v = sum(); at++; return v } return number() }
  function product() { let v = atom(); while (peek() === 42) { at++; v *= atom() } return v }
  function sum() { let v = product(); for (;;) { const c = peek(); if (c === 43) { at++; v += product() } else if (c === 45) { at++; v -= product() } else return v } }
  return sum() }`,
    'parse.peek',
  ],
  closures: [
    `export function run() { const add = make(1); let x = 0; for (let i = 0; i < 3000000; i++) x = add(x) | 0; return x }
function make(step) { let calls = 0; function add(n) { calls++; return n + step } return add }`,
    'make.add',
  ],
  methods: [
    `class Point { #x; constructor(x) { this.#x = x } plus(other) { return new Point(this.#x + other.#x) } get x() { return this.#x } }
export function run() { let p = new Point(0); const one = new Point(1); for (let i = 0; i < 3000000; i++) p = p.plus(one); return p.x }`,
    'Point.plus',
  ],
  pause: ['export function run() { return 1 }', 'run'],
};

const [source, hot] = programs[kind];
const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'kh-bench-')));
try {
  writeFileSync(path.join(root, 'program.mjs'), source);
  const table = mode === 'plain' ? null : installInstrumentation({ root, include: [], exclude: [] });
  const { run } = await import(pathToFileURL(path.join(root, 'program.mjs')).href);
  const patch = () => {
    const { handlers } = createPatching({ inspector: new Inspector(), service: 'bench', root, commit: null, table });
    const { address, code } = handlers['fn.get']({ address: `program.mjs:${hot}` });
    const intent = { entry: 1, entryHash: '', at: '', operator: '', email: '', fingerprint: '' };
    const result = handlers['patch.apply'](
      { patches: [{ address, code, baseCode: code, source: code, baseSource: code }], reason: 'bench' },
      { session: 's', call: 1, intent },
    );
    if (!result.ok) throw new Error(JSON.stringify(result));
    return result.patches[0].pauseMs;
  };
  if (kind === 'pause') {
    const ballast = [];
    while (process.memoryUsage().heapUsed < Number(mode) * 1024 * 1024) for (let i = 0; i < 10_000; i += 1) ballast.push({ i, text: `t${i}` });
    console.log(JSON.stringify({ pauseMs: patch(), objects: ballast.length }));
  } else {
    if (mode === 'patched') patch();
    for (let warm = 0; warm < 3; warm += 1) run();
    const started = performance.now();
    for (let round = 0; round < 5; round += 1) run();
    console.log(JSON.stringify({ ms: performance.now() - started }));
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}
