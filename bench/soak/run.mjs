/**
 * `npm run soak -- [--consoles 200] [--seconds 600] [--rate 200] [--looking MS] [--apart]`: a service under load, first alone, then with that many consoles at mixed operations, which may look for so many ms of each
 * second (limits.maxLookMsPerSecond). Measured is from when the last console is inside. Says what its slow requests, its event loop and its memory did, and whether the door's bounds were reached and held. Ends with 1
 * where the 99th percentile is above 1.05 of without, or memory in use grows by more than 1 MB a minute once it is warm.
 */
import { fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { setPriority, tmpdir } from 'node:os';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    consoles: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '600' },
    rate: { type: 'string', default: '200' },
    looking: { type: 'string' },
    apart: { type: 'boolean', default: false },
  },
});
const [consoles, seconds, rate] = [values.consoles, values.seconds, values.rate].map(Number);
if (![consoles, seconds, rate].every((each) => Number.isInteger(each) && each > 0))
  throw new Error('--consoles, --seconds and --rate take whole numbers');
const register = pathToFileURL(fileURLToPath(new URL('../../packages/agent/dist/register.js', import.meta.url))).href;

const home = mkdtempSync(path.join(tmpdir(), 'kh-soak-'));
const app = path.join(home, 'app');
const runtime = path.join(home, 'run');
mkdirSync(app);
mkdirSync(runtime, { mode: 0o700 });
const key = path.join(home, 'key');
spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'soak@example.com', '-f', key]);
const keysFile = path.join(home, 'operators');
writeFileSync(keysFile, `name="soak",roles="patch" ${readFileSync(`${key}.pub`, 'utf8')}`);
chmodSync(keysFile, 0o600);
writeFileSync(path.join(app, 'package.json'), '{"name":"soak","type":"module"}');
writeFileSync(
  path.join(app, 'keyhole.config.json'),
  JSON.stringify({
    limits: {
      maxSessions: consoles,
      maxPendingRequests: 4,
      maxQueuedBytes: 1_048_576,
      crowdedTimeoutMs: 10_000,
      maxWaitingConnections: 1_000,
      maxWaitingOfOneSource: 1_000,
      ...(values.looking !== undefined && { maxLookMsPerSecond: Number(values.looking) }),
    },
  }),
);
writeFileSync(
  path.join(app, 'main.js'),
  `import { createServer } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
const rooms = new Map(Array.from({ length: 10_000 }, (_, id) => [id, { id, members: [id], log: [] }]));
globalThis.rooms = rooms;
export const answer = (id) => { const room = rooms.get(id % 10_000); room.members[0] += 1; return JSON.stringify(room); };
const server = createServer((request, response) => response.end(answer(Number(request.url.slice(1)))));
const loop = monitorEventLoopDelay({ resolution: 1 });
loop.enable();
createInterface({ input: process.stdin }).on('line', () => {
  const loopMs = { middle: loop.percentile(50) / 1e6, slow: loop.percentile(99) / 1e6, longest: loop.max / 1e6 };
  loop.disable();
  globalThis.gc();
  console.log(JSON.stringify({ loopMs, bytes: process.memoryUsage() }));
  loop.reset();
  loop.enable();
});
// A request must not meet a connection that the server is just giving up.
server.keepAliveTimeout = 3_600_000;
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
`,
);

const env = {
  ...process.env,
  HOME: home,
  XDG_RUNTIME_DIR: runtime,
  KEYHOLE_OPERATORS: keysFile,
  KEYHOLE_JOURNAL_DIR: path.join(home, 'journal'),
  KEYHOLE_IDENTITY: key,
};
const service = spawn(process.execPath, ['--expose-gc', '--import', register, 'main.js'], { cwd: app, env, stdio: ['pipe', 'pipe', 'inherit'] });
const lines = createInterface({ input: service.stdout });
const nextLine = async () => (await once(lines, 'line'))[0];
const port = Number(await nextLine());
if (values.apart) placeApart();
const agent = new Agent({ keepAlive: true, maxSockets: 8 });

/**
 * With `--apart` (Linux, root, Node 24 or later, which names its threads) the service's main thread has a core of its own, and what a machine with more of them would do elsewhere shares the other: the door's thread, the
 * consoles, and the load, which goes first, so that what is measured is not how long the load waited for itself. V8's helpers, for which the main thread waits, go where there is room.
 */
function placeApart() {
  const threads = readdirSync(`/proc/${service.pid}/task`);
  const door = threads.find((thread) => readFileSync(`/proc/${service.pid}/task/${thread}/comm`, 'utf8').trim() === 'keyhole door');
  if (door === undefined) throw new Error('--apart: this Node does not name its threads, so that the door is not found');
  pin(service.pid, 0);
  pin(door, 1);
  pin(process.pid, 1);
  setPriority(-15);
}

function pin(thread, core) {
  const { status, stderr } = spawnSync('taskset', [thread === process.pid ? '-apc' : '-pc', String(core), String(thread)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`taskset: ${stderr}`);
}

/** Memory in MB, and how late the event loop's turns were since it was asked last, in ms. */
async function usage() {
  const said = nextLine();
  service.stdin.write('usage\n');
  const { loopMs, bytes } = JSON.parse(await said);
  return { atMs: performance.now(), loopMs, mb: Object.fromEntries(Object.entries(bytes).map(([of, each]) => [of, each / 1_048_576])) };
}

/** Requests at a steady rate, whether they are answered or not: a server that stops is not asked less. @returns the times, in ms. */
async function load(forMs) {
  const times = [];
  const until = performance.now() + forMs;
  let dueAt = performance.now();
  const asked = [];
  for (let id = 0; performance.now() < until; id += 1) {
    dueAt += 1_000 / rate;
    const began = dueAt;
    if (dueAt > performance.now()) await sleep(dueAt - performance.now());
    asked.push(
      new Promise((resolve, reject) => {
        get({ port, path: `/${id}`, agent }, (response) => {
          response.resume();
          response.on('end', () => {
            times.push(performance.now() - began);
            resolve();
          });
        }).on('error', reject);
      }),
    );
  }
  await Promise.all(asked);
  return times.sort((a, b) => a - b);
}
const percentile = (times, part) => times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0;

try {
  const warmMs = Math.min(10_000, seconds * 200);
  await load(warmMs);
  await usage();
  const alone = await load((seconds * 1_000) / 4);
  const { loopMs: loopAlone } = await usage();
  const operators = fork(fileURLToPath(new URL('consoles.mjs', import.meta.url)), [String(consoles), String(service.pid)], { env });
  setPriority(operators.pid, 0);
  await once(operators, 'message');
  await load(warmMs);
  const used = [await usage()];
  const beside = [];
  for (let part = 0; part < 6; part += 1) {
    beside.push(...(await load((seconds * 1_000) / 6)));
    used.push(await usage());
  }
  beside.sort((a, b) => a - b);
  operators.send('stop');
  const [counts] = await once(operators, 'message');
  const half = used.slice(Math.floor(used.length / 2));
  // V8 gives itself room in steps of tens of megabytes, which is no growth: what it holds and does not use is left out.
  const inUse = ({ mb }) => mb.rss - mb.heapTotal + mb.heapUsed;
  const slope = ((inUse(half.at(-1)) - inUse(half[0])) / (half.at(-1).atMs - half[0].atMs)) * 60_000;
  const [without, withThem] = [percentile(alone, 0.99), percentile(beside, 0.99)];
  console.log(`${consoles} consoles, ${seconds} s, ${rate} requests a second`);
  console.log(`99th percentile: ${without.toFixed(2)} ms without, ${withThem.toFixed(2)} ms with: ${(withThem / without).toFixed(3)}`);
  console.log(`median: ${percentile(alone, 0.5).toFixed(2)} ms without, ${percentile(beside, 0.5).toFixed(2)} ms with`);
  const lateness = ({ middle, slow, longest }) => `${middle.toFixed(2)}, ${slow.toFixed(2)}, ${longest.toFixed(1)}`;
  const parts = used.slice(1).map(({ loopMs }) => lateness(loopMs));
  console.log(
    `time between two turns of the service's loop (median, 99th percentile, longest): ${lateness(loopAlone)} ms without; with, in six parts: ${parts.join('; ')}`,
  );
  const each = (of) => used.map(({ mb }) => mb[of].toFixed(0)).join(', ');
  console.log(
    `memory: ${each('rss')} MB, of it V8 holds ${each('heapTotal')}, uses ${each('heapUsed')}; in use ${slope.toFixed(2)} MB a minute more in the second half`,
  );
  console.log(`operations: ${counts.done} done, ${counts.busy} BUSY at the bound of requests, ${counts.failed} failed, ${counts.cut} lines lost`);
  if (withThem > without * 1.05 || slope > 1 || counts.failed > 0 || counts.cut > 0 || counts.busy === 0) process.exitCode = 1;
} finally {
  service.kill('SIGKILL');
  agent.destroy();
  await once(service, 'exit');
  rmSync(home, { recursive: true, force: true });
}
