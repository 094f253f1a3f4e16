/** One process: `measure.mjs DIST`. What one call of a function costs when it is shown, only passed on, and stopped at by a V8 logpoint that does next to nothing; and a neighbour of it. */
import { Session } from 'node:inspector';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { onStage } from './stage.mjs';

const [dist] = process.argv.slice(2);
const source = `
export function total(cart, rate) { let sum = 0; for (const { price } of cart.lines) sum += price; return sum * rate; }
export function neighbour(text) { let h = 7; for (let i = 0; i < text.length; i++) h = (h * 31 + text.charCodeAt(i)) | 0; return h; }
`;
// As many as a console may leave unread.
const calls = 500;
const cart = { id: 'c-17', owner: { name: 'ann' }, lines: [{ price: 2 }, { price: 3 }] };

const usPerCall = (count, work) => {
  const started = performance.now();
  for (let at = 0; at < count; at += 1) work();
  return ((performance.now() - started) * 1_000) / count;
};
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const addresses = ['program.mjs:total'];

await onStage(dist, source, async ({ program: { total, neighbour }, file, watching }) => {
  const run = () => total(cart, 2);
  const hash = () => neighbour('some text to be hashed');
  usPerCall(100_000, run);
  usPerCall(100_000, hash);
  const plain = usPerCall(1_000_000, run);
  const hashBefore = median(Array.from({ length: 9 }, () => usPerCall(300_000, hash)));

  const shown = [];
  for (let round = 0; round < 25; round += 1) {
    const stop = await watching({ addresses });
    const us = usPerCall(calls - 1, run);
    const { spentMs, functions } = await stop();
    if (functions[0].shown !== calls - 1) throw new Error(JSON.stringify(functions));
    // What is written in later turns counts too.
    shown.push(Math.max(us, (spentMs * 1_000) / calls));
  }
  const stop = await watching({ addresses, rate: 1 });
  usPerCall(100_000, run);
  const passed = usPerCall(500_000, run);
  const hashWhile = median(Array.from({ length: 9 }, () => usPerCall(300_000, hash)));
  await stop();
  usPerCall(100_000, run);
  const afterwards = usPerCall(1_000_000, run);

  const session = new Session();
  session.connect();
  session.post('Debugger.enable');
  session.post('Debugger.setBreakpointByUrl', {
    lineNumber: 1,
    url: pathToFileURL(file).href,
    columnNumber: total.toString().indexOf('let sum') + 'export '.length,
    condition: '(globalThis.hits = (globalThis.hits ?? 0) + 1, false)',
  });
  usPerCall(100, run);
  const logpoint = median(Array.from({ length: 9 }, () => usPerCall(calls, run)));
  if (!(globalThis.hits >= calls * 9)) throw new Error(`the logpoint was hit ${globalThis.hits} times`);
  console.log(JSON.stringify({ plain, shown: median(shown), passed, logpoint, afterwards, hashBefore, hashWhile }));
});
