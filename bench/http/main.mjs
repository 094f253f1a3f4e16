/** An HTTP service whose application code is instrumented against the same service plain. Goal: throughput at least 0.99. Loopback only, a bounded time. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { dists, header, heading, median, node, pairs, ratioOf, row } from '../pairs.mjs';
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
  const running = await Promise.all(forms.map(({ dist }) => start(dist)));
  try {
    for (const { port } of running) await load({ port, forMs: warmMs });
    const answered = running.map(() => 0);
    const usedMs = running.map(() => 0);
    for (let slice = 0; slice < slices; slice += 1) {
      for (let step = 0; step < running.length; step += 1) {
        const index = (turn + slice + step) % running.length;
        const { port, cpuMs } = running[index];
        const before = await cpuMs();
        answered[index] += await load({ port, forMs: sliceMs });
        usedMs[index] += (await cpuMs()) - before;
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

/** Starts a service; it ends when its stdin does. */
async function start(dist) {
  const child = spawn(node, [service, dist], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout);
  const [port] = await once(lines, 'line');
  const cpuMs = async () => {
    child.stdin.write('cpu\n');
    const [line] = await once(lines, 'line');
    return Number(line);
  };
  const stop = async () => {
    const gone = once(child, 'exit');
    child.stdin.end();
    await gone;
  };
  return { port: Number(port), cpuMs, stop };
}
