/** `node --expose-gc bench/watch/soak.mjs [WATCHES] [DIST]`: watches that begin and end, with calls in between, and what they leave behind: heap, slots, texts. Not part of `npm run bench`. */
import * as path from 'node:path';
import { onStage } from './stage.mjs';

const [count = '10000', dist = path.join(import.meta.dirname, '../../packages/agent/dist')] = process.argv.slice(2);
const source = `
export function total(cart) { return cart.lines.reduce((sum, { price }) => sum + price, 0); }
export class Till { #sum = 0; take(amount) { this.#sum += amount; return () => this.#sum; } }
export async function later(value) { await null; return value; }
export function* each(list) { yield* list; }
`;
await onStage(dist, source, async ({ program: { total, Till, later, each }, watching, slotsOf }) => {
  const texts = () => [total, Till, later, each].map(String).join();
  const before = texts();
  const till = new Till();
  const call = async () => {
    total({ lines: [{ price: 1 }] });
    till.take(1)();
    await later(1);
    return [...each([1, 2])];
  };
  const addresses = ['program.mjs:total', 'program.mjs:Till.take', 'program.mjs:later', 'program.mjs:each'];
  const heap = () => {
    gc();
    gc();
    return process.memoryUsage().heapUsed;
  };
  const once = async () => {
    const stop = await watching({ addresses });
    await call();
    const { ended, functions } = await stop();
    if (ended !== 'stopped' || functions.some(({ shown }) => shown !== 1)) throw new Error(JSON.stringify({ ended, functions }));
  };
  for (let at = 0; at < 50; at += 1) await once();
  const start = heap();
  for (let at = 0; at < Number(count); at += 1) await once();
  const bytes = heap() - start;
  if (texts() !== before) throw new Error('a function has another text');
  const left = slotsOf()
    .flat()
    .filter((each) => each !== undefined).length;
  console.log(
    `${count} watches of 4 functions: ${(bytes / Number(count)).toFixed(1)} bytes of heap each (${(bytes / 1e6).toFixed(2)} MB), ${left} slots are filled`,
  );
});
