/**
 * `npm run bench:journal`: durable entries beside a bare write+fsync loop, verification beside sha256sum, and what the service's event loop sees of it. Each pair is measured in turn in
 * one run on one disk; the figure is the median of the pairs' ratios. Nothing here fails: it measures.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import * as path from 'node:path';
import { Worker } from 'node:worker_threads';
import { Journal, verifyJournal } from '../../packages/agent/dist/journal/index.js';

const pairs = Number(process.argv[2] ?? 11);
const measuredMs = 500;
/** Not a temporary folder: those may lie in memory, where an fsync costs nothing. */
const folder = mkdtempSync(path.join(import.meta.dirname, '../../.bench-journal-'));
const config = (name) => ({
  dir: path.join(folder, name),
  maxSegmentBytes: 1_073_741_824,
  retention: { maxBytes: null, maxAgeDays: null },
  sinks: [],
  redact: { names: [], patterns: [], module: null },
});
const start = { kind: 'start', service: 'bench', pid: 1, node: 'v', bootId: 'b', commit: null };
/** As long as the line of an evaluation's intent. */
const intent = {
  kind: 'eval',
  phase: 'intent',
  op: 'evaluate',
  session: '0'.repeat(36),
  operator: 'alice',
  fingerprint: `SHA256:${'x'.repeat(43)}`,
  request: { expression: 'registry.rooms.get("lobby").queue.length' },
  signed: { request: 1, head: { seq: 1, hash: '0'.repeat(64) }, nonce: '0'.repeat(32), signature: 'x'.repeat(232) },
};
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
const spread = (numbers) => `${median(numbers).toFixed(2)}  (${Math.min(...numbers).toFixed(2)} to ${Math.max(...numbers).toFixed(2)})`;

/** Entries a second. */
async function journalRate(journal, clients) {
  const began = performance.now();
  let entries = 0;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (performance.now() - began < measuredMs) {
        await journal.append(intent);
        entries += 1;
      }
    }),
  );
  return entries / ((performance.now() - began) / 1_000);
}

function bareRate(fd, line) {
  const began = performance.now();
  let lines = 0;
  while (performance.now() - began < measuredMs) {
    writeSync(fd, line);
    fsyncSync(fd);
    lines += 1;
  }
  return lines / ((performance.now() - began) / 1_000);
}

/** Both sides are warm before the first pair, and write to files that stay open. */
async function durable(clients) {
  const name = `rate-${clients}`;
  const journal = Journal.open(config(name), start);
  const fd = openSync(path.join(folder, `bare-${clients}`), 'a');
  await Promise.all(Array.from({ length: 2_000 }, () => journal.append(intent)));
  const line = Buffer.alloc(Math.round(statSync(path.join(folder, name, '00000001.ndjson')).size / 2_000), 'x');
  await journalRate(journal, clients);
  bareRate(fd, line);
  const ratios = [];
  const rates = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    const rate = await journalRate(journal, clients);
    ratios.push(rate / bareRate(fd, line));
    rates.push(rate);
  }
  closeSync(fd);
  journal.close();
  console.log(
    `${String(clients).padStart(2)} clients: ${spread(ratios)} times a bare write+fsync loop of lines of ${line.length} bytes, ${median(rates).toFixed(0)} durable entries a second`,
  );
}

async function verification() {
  const dir = path.join(folder, 'large');
  const journal = Journal.open(config('large'), start);
  for (let batch = 0; batch < 60; batch += 1) await Promise.all(Array.from({ length: 2_000 }, () => journal.append(intent)));
  journal.close();
  const file = path.join(dir, '00000001.ndjson');
  const megabytes = statSync(file).size / 1e6;
  const ratios = [];
  const rates = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    let began = performance.now();
    spawnSync('sha256sum', [file]);
    const reference = performance.now() - began;
    began = performance.now();
    const { ok } = await verifyJournal(dir, { signatures: false });
    const ours = performance.now() - began;
    if (!ok) throw new Error('the journal does not verify');
    ratios.push(reference / ours);
    rates.push(megabytes / (ours / 1_000));
  }
  console.log(`verify (chain only) beside sha256sum, ${megabytes.toFixed(0)} MB: ${spread(ratios)} of its speed, ${median(rates).toFixed(0)} MB/s`);
}

/** The longest time between two turns of a loop that does nothing else, in ms, while a worker writes `perSecond` entries a second (0: it only waits). */
async function longestGap(perSecond, seconds) {
  const worker = new Worker(new URL('writer.mjs', import.meta.url), {
    workerData: { config: config(`gap-${perSecond}-${Date.now()}`), start, intent, perSecond },
  });
  await new Promise((resolve) => worker.once('message', resolve));
  const gaps = [];
  let last = performance.now();
  const until = last + seconds * 1_000;
  await new Promise((resolve) => {
    const turn = () => {
      const now = performance.now();
      gaps.push(now - last);
      last = now;
      if (now < until) setImmediate(turn);
      else resolve();
    };
    setImmediate(turn);
  });
  worker.postMessage('stop');
  const written = await new Promise((resolve) => worker.once('message', resolve));
  await worker.terminate();
  gaps.sort((a, b) => a - b);
  return { longest: gaps.at(-1), high: gaps[Math.floor(gaps.length * 0.9999)], written: written / seconds };
}

try {
  console.log(`Node ${process.version}, ${pairs} pairs each, interleaved; median of the ratios, least and most behind it`);
  await durable(1);
  await durable(32);
  await verification();
  for (const perSecond of [0, 1_000]) {
    const runs = [];
    for (let index = 0; index < 5; index += 1) runs.push(await longestGap(perSecond, 2));
    const longest = runs.map((each) => each.longest);
    console.log(
      `event loop beside ${median(runs.map((each) => each.written)).toFixed(0)} entries a second: longest gap ${median(longest).toFixed(2)} ms (median of 5 runs of 2 s; ` +
        `${Math.min(...longest).toFixed(2)} to ${Math.max(...longest).toFixed(2)}), 99.99 % below ${median(runs.map((each) => each.high)).toFixed(3)} ms`,
    );
  }
} finally {
  rmSync(folder, { recursive: true });
}
