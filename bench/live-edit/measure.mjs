/** One fresh process with a heap of a given size: how long each thing that patching asks of V8 stops it, beside what was predicted. Prints one line of JSON. */
import { Session } from 'node:inspector';
import { performance } from 'node:perf_hooks';
import * as v8 from 'node:v8';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [megabytes, target, dist] = process.argv.slice(2);
const { observeEnable, predictPauseMs, usedMegabytes } = await import(pathToFileURL(`${dist}/host/patch/pauses.js`).href);
const { dropOptimizedCode } = await import(pathToFileURL(`${dist}/host/patch/optimized.js`).href);
const { capabilitiesOf } = await import(pathToFileURL(`${dist}/platform/capabilities.js`).href);
const program = createRequire(import.meta.url)(target);

const session = new Session();
session.connect();
const post = (method, params = {}) => {
  let answer;
  session.post(method, params, (error, result) => {
    answer = error === null ? { result } : { error };
  });
  return answer;
};
const scripts = [];
session.on('Debugger.scriptParsed', ({ params }) => scripts.push(params));
const timed = (work) => {
  const started = performance.now();
  work();
  return performance.now() - started;
};

// The cost grows with the number of objects: small ones, as a cache of records has.
const ballast = [];
while (usedMegabytes() < Number(megabytes)) {
  for (let index = 0; index < 10_000; index += 1) ballast.push({ id: ballast.length, name: `n${index}`, tags: [index], at: { x: index } });
}
for (let index = 0; index < 300; index += 1) program.hot(1_000);

const measured = {};
const measure = (what, work) => {
  const predictedMs = predictPauseMs(what);
  measured[what] = { predictedMs, realMs: timed(work) };
};
measure('enable', () => post('Debugger.enable'));
// As the agent does: the text is read before anything is changed, and what that took tells how slow the machine is.
observeEnable(measured.enable.realMs);
const { scriptId } = scripts.find((script) => script.url.endsWith('target.cjs'));
const { scriptSource } = post('Debugger.getScriptSource', { scriptId }).result;
const lineNumber = scriptSource.split('\n').findIndex((line) => line.includes('sum += step'));
measure('breakpoint', () => {
  const { breakpointId } = post('Debugger.setBreakpoint', { location: { scriptId, lineNumber }, condition: 'false' }).result;
  post('Debugger.removeBreakpoint', { breakpointId });
});
const query = () => {
  const prototypeObjectId = post('Runtime.evaluate', { expression: 'Function.prototype' }).result.result.objectId;
  post('Runtime.queryObjects', { prototypeObjectId, objectGroup: 'bench' });
  post('Runtime.releaseObjectGroup', { objectGroup: 'bench' });
};
measure('query', query);
const { liveEdit, liveEditLeavesCallers } = capabilitiesOf(process.version);
if (liveEdit) {
  measure('liveEdit', () => {
    if (liveEditLeavesCallers) dropOptimizedCode();
    const answer = post('Debugger.setScriptSource', { scriptId, scriptSource: scriptSource.replace('value + 1', 'value + 2') });
    if (answer.result?.status !== 'Ok' && answer.error !== undefined) throw new Error(answer.error.message);
    query();
  });
}
post('Debugger.disable');
if (Number(megabytes) <= 100) {
  const predictedMs = predictPauseMs('snapshot');
  const started = performance.now();
  const chunks = [];
  for await (const chunk of v8.getHeapSnapshot()) chunks.push(chunk);
  JSON.parse(Buffer.concat(chunks).toString());
  measured.snapshot = { predictedMs, realMs: performance.now() - started };
}
console.log(JSON.stringify({ usedMegabytes: Math.round(usedMegabytes()), objects: ballast.length * 3, measured }));
