/** Patches on trial in a service with worker threads: undone in all of them, and looked at only where that is the whole truth. */
import { setTimeout } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { editFile, journalOf, startService, type Service } from '../helpers/service.ts';

// A thread that hangs is waited for, for as long as the agent does.
vi.setConfig({ testTimeout: 90_000 });

/** Between two questions: asking without a break takes the processor from what is waited for. */
const betweenMs = 10;

const files = {
  'src/price.js': 'export function price(net) {\n  return net * 2;\n}\n',
  'src/own.js': 'export function own() {\n  return 1;\n}\n',
  'src/pool.js': `
import { parentPort, workerData } from 'node:worker_threads';
import { price } from './price.js';
const quiet = () => { try { return price(10); } catch (error) { return error.name; } };
parentPort.on('message', (verb) => {
  if (verb === 'price') return parentPort.postMessage(quiet());
  parentPort.postMessage('spinning');
  while (Atomics.load(workerData, 0) === 0);
});
parentPort.postMessage('up');
`,
  'src/main.js': `
import { Worker } from 'node:worker_threads';
import { createInterface } from 'node:readline';
import { price } from './price.js';
import { own } from './own.js';
const held = new Int32Array(new SharedArrayBuffer(4));
const workers = {};
const next = (name) => new Promise((resolve) => workers[name].once('message', resolve));
const quiet = (call) => { try { return call(); } catch (error) { return error.name; } };
const work = {
  start: async (name) => { workers[name] = new Worker(new URL('./pool.js', import.meta.url), { name, workerData: held }); await next(name); return workers[name].threadId; },
  here: () => quiet(() => price(10)), own: () => quiet(own),
  release: () => { Atomics.store(held, 0, 1); return 'released'; },
};
const tell = (name, verb) => { const answer = next(name); workers[name].postMessage(verb); return answer; };
createInterface({ input: process.stdin }).on('line', async (line) => {
  const [verb, name] = line.split(' ');
  console.log(JSON.stringify(await (work[verb]?.(name) ?? tell(name, verb))));
});
console.log('ready');
`,
};

interface Pushed {
  ok: boolean;
  patches: { id: string; threads?: number[]; trial?: object }[];
  refused: { why: string }[];
  error?: { code: string; message: string };
}

const begin = async (): Promise<{ service: Service; a: number; b: number }> => {
  const service = await startService({ files, main: 'src/main.js', git: true });
  return { service, a: Number(await service.ask('start a')), b: Number(await service.ask('start b')) };
};
const json = async <T>(service: Service, ...words: string[]): Promise<T> => (await service.keyhole(...words, '--json')).json() as T;
const push = (service: Service, ...words: string[]): Promise<Pushed> => json(service, 'push', 'svc', 'src/price.js', '--reason', 'because', ...words);
const becomes = async (service: Service, line: string, answer: string): Promise<void> => {
  while ((await service.ask(line)) !== answer) await setTimeout(betweenMs);
};
const undoneOf = async (service: Service): Promise<Record<string, unknown>> => {
  for (;;) {
    const found = journalOf(service).find(({ phase }) => phase === 'undone');
    if (found !== undefined) return found;
    await setTimeout(betweenMs);
  }
};

// These wait more than they work.
test.concurrent('what nobody confirms is undone in every thread, in one that begins later, and in one that hangs as soon as it answers', async () => {
  const { service, a, b } = await begin();
  editFile(service, 'src/price.js', 'net * 2', 'net * 3');
  const lasting = (await push(service)).patches[0]?.id ?? '';
  editFile(service, 'src/price.js', 'net * 3', 'net * 4');
  const tried = await push(service, '--confirm', '4s');
  expect(tried).toMatchObject({ ok: true, patches: [{ threads: [0, a, b], trial: {} }] });
  expect(await service.ask('price b')).toBe('40');
  await service.ask('spin b');
  await becomes(service, 'here', '30');
  await becomes(service, 'price a', '30');
  // The file it loads has the text that was patched.
  editFile(service, 'src/price.js', 'net * 4', 'net * 2');
  await service.ask('start c');
  expect(await service.ask('price c')).toBe('30');
  expect(await undoneOf(service)).toMatchObject({
    cause: 'not confirmed',
    patches: [{ id: tried.patches[0]?.id, now: lasting }],
    elsewhere: [expect.stringMatching(`thread ${b} .*did not answer within 5000 ms: it is undone there as soon as it answers`)],
  });
  expect((await service.keyhole('log', 'svc')).stdout).toContain('it is undone there as soon as it answers');
  await service.ask('release');
  await becomes(service, 'price b', '30');
});

test.concurrent('confirmed, it stays in every thread; of one thread alone it is undone there', async () => {
  const { service, a, b } = await begin();
  editFile(service, 'src/price.js', 'net * 2', 'net * 3');
  const id = (await push(service, '--confirm', '20m')).patches[0]?.id ?? '';
  expect(await json(service, 'fn', 'svc', 'src/price.js:price')).toMatchObject({
    threads: [{ id: 0, patch: id }, { id: a, patch: id }, { id: b }],
    trial: { confirmWithinMs: expect.any(Number) as number },
  });
  expect(await json(service, 'confirm', 'svc', id)).toMatchObject({ ok: true, patches: [id] });
  editFile(service, 'src/price.js', 'net * 3', 'net * 4');
  expect(await push(service, '--thread', String(a), '--confirm', '1s')).toMatchObject({ ok: true, patches: [{ threads: [a] }] });
  await undoneOf(service);
  const prices = [await service.ask('price a'), await service.ask('price b'), await service.ask('here')];
  expect(prices).toEqual(['30', '30', '30']);
});

test('what looks at calls does so in the main thread only, and refuses what reaches other ones', async () => {
  const { service, a } = await begin();
  editFile(service, 'src/price.js', 'return net * 2;', "throw new RangeError('no');");
  for (const words of [
    ['--if-errors', '0'],
    ['--shadow', '1', '--yes'],
  ]) {
    const { ok, refused } = await push(service, ...words);
    expect([ok, refused[0]?.why]).toEqual([
      false,
      expect.stringMatching(`in the main thread only, and thread ${a} .* has loaded the function too; --thread 0`),
    ]);
    expect(await push(service, ...words, '--thread', String(a))).toMatchObject({ error: { code: 'BAD_REQUEST' } });
  }
  expect([await service.ask('here'), await service.ask('price a')]).toEqual(['20', '20']);

  expect(await push(service, '--if-errors', '0', '--thread', '0')).toMatchObject({ ok: true, patches: [{ threads: [0] }] });
  expect(await service.ask('here')).toBe('"RangeError"');
  await becomes(service, 'here', '20');
  expect(await undoneOf(service)).toMatchObject({ cause: 'errors', errors: { seen: 1 } });
  expect(await service.ask('price a')).toBe('20');

  // What only the main thread has loaded needs no --thread.
  editFile(service, 'src/price.js', "throw new RangeError('no');", 'return net * 2;');
  editFile(service, 'src/own.js', 'return 1;', "throw new TypeError('no');");
  const own = await json(service, 'push', 'svc', 'src/own.js', '--reason', 'because', '--if-errors', '0');
  expect(own).toMatchObject({ ok: true, patches: [{ threads: [0] }] });
  expect(await service.ask('own')).toBe('"TypeError"');
  await becomes(service, 'own', '1');
});
