/** An HTTP service whose application code is instrumented against the same service plain. Goal: throughput at least 0.99. Loopback only, a bounded time. */
import * as path from 'node:path';
import { dists, header, heading, median, pairs, ratioOf, row } from '../pairs.mjs';
import { serve } from '../served.mjs';
import { load } from './load.mjs';

const service = path.join(import.meta.dirname, 'service.mjs');
const warmMs = 1_500;
const sliceMs = 400;
const slices = 5;

heading(
  'HTTP service',
  `Requests a second of a small shop (node:http, about 30 calls of application functions a request), 16 connections on loopback. Each of ${pairs} turns starts the services anew, warms ` +
    `each for ${warmMs} ms and then loads them in turn, ${slices} slices of ${sliceMs} ms each; median of the ratios, in brackets the middle half. On a machine that others use, read the last ` +
    'column.',
);
header('build', 'plain, requests/s (median turn)', 'requests/s against plain', 'requests per CPU second of the service against plain');

const forms = [{ name: 'plain', dist: 'plain' }, ...dists];
const rates = forms.map(() => []);
const perCpu = forms.map(() => []);
for (let turn = 0; turn < pairs; turn += 1) {
  const running = await Promise.all(forms.map(({ dist }) => serve([service, dist])));
  try {
    for (const { port } of running) await load({ port, forMs: warmMs });
    const answered = running.map(() => 0);
    const usedMs = running.map(() => 0);
    for (let slice = 0; slice < slices; slice += 1) {
      for (let step = 0; step < running.length; step += 1) {
        const index = (turn + slice + step) % running.length;
        const { port, ask } = running[index];
        const before = await ask('cpu');
        answered[index] += await load({ port, forMs: sliceMs });
        usedMs[index] += (await ask('cpu')) - before;
      }
    }
    answered.forEach((count, index) => {
      rates[index].push((count * 1_000) / (slices * sliceMs));
      perCpu[index].push((count * 1_000) / usedMs[index]);
    });
  } finally {
    await Promise.all(running.map(({ stop }) => stop()));
  }
}
forms.forEach(({ name }, index) => {
  if (index > 0) row(name, String(Math.round(median(rates[0]))), ratioOf(rates[index], rates[0]).text, ratioOf(perCpu[index], perCpu[0]).text);
});
