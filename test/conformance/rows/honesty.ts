/** What tools see of a program that is patched: texts of functions, stack traces, profiles, coverage, debuggers. */
import { applies, course, esm, reverts, sees, type Row } from '../row.ts';

/** The text of a function is that of its old or its new code, by strategy; it has to run anywhere. */
const text = (run: string): Row => {
  const observe = `{ const { f } = m; const said = await ${run}; return said === 'old1' || said === 'new1' ? 'runs' : said }`;
  return esm(
    "export function f({ a }, b = 'old') { return b + [a].map((x) => x)[0] }",
    { f: "function f({ a }, b = 'new') { return b + a }" },
    {
      observe,
      before: 'runs',
      after: 'runs',
    },
  );
};

const thrower = `export function f() { return g() }

function g() {
  const n = 1;
  throw new Error('here' + n);
}`;

/**
 * The two innermost functions of what `f` throws, as `file:line`; what was compiled as a patch says so. A function that hands its call to its patch is there twice: the
 * inner one counts.
 */
const frames = `{
  const place = (line) => {
    const [, name, file, at] = /at (?:\\S+\\.)?(\\w+) \\((.+):(\\d+):\\d+\\)$/.exec(line) ?? [];
    return { name, at: (/^keyhole-patch\\/p\\d/.test(file) ? 'patch ' : '') + file?.split('/').pop() + ':' + at };
  };
  try { m.f() } catch (thrown) {
    const all = thrown.stack.split('\\n').slice(1, 5).map(place);
    return all.filter((each, index) => each.name !== all[index - 1]?.name).slice(0, 2).map((each) => each.at);
  }
}`;

const traces = (program: string, file: string, down: number, flags?: string[]): Row => {
  const at = (line: number): string => `${file}:${line + down}`;
  return course(
    program,
    [
      sees([at(5), at(1)]),
      applies('f', { [`${file}:f`]: 'function f() {\n  const other = 1;\n  return g(other) }' }),
      sees([at(5), `patch ${at(3)}`]),
      applies('g', { [`${file}:g`]: "function g() {\n  const n = 1;\n  const m = 2;\n  throw new Error('there' + n + m);\n}" }),
      sees([`patch ${at(6)}`, `patch ${at(3)}`]),
      reverts('f', 'g'),
      sees([at(5), at(1)]),
    ],
    { observe: frames, ...(flags === undefined ? {} : { flags }) },
  );
};

/** As if compiled from `author.ts`, where every line is ten further down. */
const sourceMap = { version: 3, sources: ['author.ts'], names: [], mappings: 'AAUA;AACA;AACA;AACA;AACA;AACA' };
const compiled = `${thrower}\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(JSON.stringify(sourceMap)).toString('base64')}`;

const busy = 'const end = performance.now() + 60; let n = 0; while (performance.now() < end) n += 1; return n > 0;';

const secondDebugger = `import { Session } from 'node:inspector';
import { parentPort, workerData } from 'node:worker_threads';
const session = new Session();
session.connectToMainThread();
const stops = [];
session.on('Debugger.paused', ({ params }) => {
  stops.push(params.callFrames.slice(0, 2).map((frame) => frame.functionName).join(' < '));
  session.post('Debugger.resume');
});
parentPort.on('message', () => parentPort.postMessage(stops.splice(0)));
session.post('Debugger.enable', () => {
  session.post('Debugger.setBreakpointByUrl', { url: workerData, lineNumber: 1 }, () => parentPort.postMessage('ready'));
});`;

export const honesty = {
  'fn.toString() runs in another context': text("require('node:vm').runInNewContext(`(${f})({ a: 1 })`)"),
  'fn.toString() runs in a worker': text(
    "new Promise((resolve, reject) => { new (require('node:worker_threads').Worker)(`require('node:worker_threads').parentPort.postMessage((${f})({ a: 1 }))`, { eval: true }).once('message', resolve).once('error', reject) })",
  ),
  'fn.toString() runs in another process': text(
    "JSON.parse(require('node:child_process').execFileSync(process.execPath, ['-p', `JSON.stringify((${f})({ a: 1 }))`]))",
  ),
  "stack traces name the author's lines, and the patch": traces(thrower, 'program.mjs', 0),
  "stack traces name the author's lines, and the patch, under --enable-source-maps": traces(thrower, 'program.mjs', 0, ['--enable-source-maps']),
  "stack traces name the author's lines of compiled code under --enable-source-maps": traces(compiled, 'author.ts', 10, ['--enable-source-maps']),
  'stack traces of compiled code without --enable-source-maps': esm(
    compiled,
    { 'author.ts:f': 'function f() {\n  return g() }' },
    { observe: frames, before: ['program.mjs:5', 'program.mjs:1'], after: ['program.mjs:5', 'patch author.ts:12'] },
  ),
  '--cpu-prof': course(
    `export function f() { ${busy} }`,
    [sees(true), applies('f', { f: `function f() { const patched = true; ${busy} }` }), sees(true)],
    {
      flags: ['--cpu-prof', '--cpu-prof-dir=<folder>', '--cpu-prof-interval=500'],
      leaves: { file: /\.cpuprofile$/, holds: /"functionName":"f","scriptId":"\d+","url":"file:[^"]*program\.mjs"/ },
    },
  ),
  'coverage (NODE_V8_COVERAGE)': course(
    "export function f() { return 'old' }\nexport function never() { return 1 }",
    [sees('old'), applies('f', { f: "function f() { return 'new' }" }), sees('new')],
    {
      env: { NODE_V8_COVERAGE: '<folder>' },
      leaves: {
        file: /^coverage-.*\.json$/,
        holds:
          /"url":"file:[^"]*program\.mjs","functions":\[[^]*"functionName":"f","ranges":\[\{[^}]*"count":[1-9]\d*\}[^]*"functionName":"never","ranges":\[\{[^}]*"count":0\}/,
      },
    },
  ),
  'a second debugger is not disturbed': esm(
    { 'program.mjs': "export function g() {\n  return 'g';\n}\nexport function f() { return 'old' + g() }", 'debugger.mjs': secondDebugger },
    { f: "function f() { return 'new' + g() }" },
    {
      alone: true,
      arrange: `const { Worker } = require('node:worker_threads');
        const path = require('node:path');
        const worker = new Worker(path.join(keep.folder, 'debugger.mjs'), { workerData: require('node:url').pathToFileURL(path.join(keep.folder, 'program.mjs')).href });
        keep.answer = () => new Promise((resolve) => worker.once('message', resolve));
        await keep.answer();
        worker.unref();
        keep.stops = () => { const answer = keep.answer(); worker.postMessage('stops'); return answer };`,
      observe: '[m.f(), await keep.stops()]',
      before: ['oldg', ['g < f']],
      after: ['newg', ['g < f']],
    },
  ),
} satisfies Record<string, Row>;
