/** Files without slots in a service with worker threads: patched in the main thread, refused where that would leave another thread with the old code, and never claimed of one that loads them later. */
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { answering, editFile, startService } from '../helpers/service.ts';

const canLiveEdit = Number(process.versions.node.split('.')[0]) < 26;
const maxPause = canLiveEdit ? '60000' : '1000';

const files = {
  'price.js': 'export function price(n) { return n * 2; }\n',
  'legacy/rate.js': 'export function rate() { return 2; }\n',
  'worker.js': `import { parentPort } from 'node:worker_threads';
import { price } from './price.js';
let rate = () => 0;
parentPort.on('message', async (word) => {
  if (word === 'load') ({ rate } = await import('./legacy/rate.js'));
  parentPort.postMessage([price(10), rate()]);
});`,
  'main.js': `import { Worker } from 'node:worker_threads';
import { price } from './price.js';
import { rate } from './legacy/rate.js';
const worker = new Worker(new URL('./worker.js', import.meta.url));
const inWorker = (word) => new Promise((resolve) => { worker.once('message', resolve); worker.postMessage(word); });
const answer = (line) => line === 'main' ? [price(10), rate()] : inWorker(line);
setInterval(() => rate() + price(1), 20).unref();
await inWorker('begin');
${answering.replace('(line) => console.log(JSON.stringify(answer(line)))', 'async (line) => console.log(JSON.stringify(await answer(line)))')}`,
};

test('with a worker', async () => {
  const service = await startService({ files, main: 'main.js', environment: { KEYHOLE_EXCLUDE: 'legacy/**' } });
  const push = async (...words: string[]): Promise<unknown> =>
    (await service.keyhole('push', 'svc', 'price.js', 'legacy/rate.js', '--reason', 'x', '--max-pause', maxPause, '--json', ...words)).json();
  editFile(service, 'price.js', '* 2', '* 3');
  editFile(service, 'legacy/rate.js', '2', '7');

  // The worker has the one file and not the other.
  expect(await push()).toMatchObject({
    ok: true,
    patches: [
      { address: 'price.js:price', strategy: 'slots', threads: [0, expect.any(Number)] },
      { address: 'legacy/rate.js:rate', strategy: canLiveEdit ? 'live-edit' : 'rebind', threads: [0] },
    ],
  });
  expect(await service.ask('main')).toBe('[30,7]');
  expect(await service.ask('again')).toBe('[30,0]');

  // It loads it later, and runs what was loaded: that is said.
  writeFileSync(path.join(service.folder, 'legacy/rate.js'), files['legacy/rate.js']);
  expect(await service.ask('load')).toBe('[30,2]');
  const { threads } = (await service.keyhole('fn', 'svc', 'legacy/rate.js:rate', '--json')).json() as { threads: object[] };
  expect(threads).toMatchObject([
    { id: 0, patched: true },
    { name: 'worker.js', patched: false, why: expect.stringContaining('in another thread alone: its file has no slots') as string },
  ]);
  expect((await service.keyhole('revert', 'svc', '--all', '--reason', 'x', '--json')).json()).toMatchObject({ ok: true });
  expect(await service.ask('main')).toBe('[20,2]');

  editFile(service, 'legacy/rate.js', '2', '7');
  // Now both threads have it: the main thread alone, when that is what was meant.
  expect(await push()).toMatchObject({
    ok: false,
    patches: [],
    refused: [
      {
        address: 'legacy/rate.js:rate',
        why: expect.stringMatching(/in the main thread only, and thread \d+ \(worker\.js\) has loaded the function too/) as string,
      },
    ],
  });
  expect(await service.ask('main')).toBe('[20,2]');
  expect(await push('--thread', '0')).toMatchObject({ ok: true });
  expect(await service.ask('main')).toBe('[30,7]');
  expect(await service.ask('again')).toBe('[20,2]');
});
