/**
 * What an operator waits for, and what a service pays while nobody comes: an operation's round trip against one of the raw DevTools protocol (goal 1.2 of it), attach to the first prompt against
 * `node inspect` (goal 150 ms), and a service with an idle agent against one without (goals: throughput 0.99, 20 MB). Loopback only, a bounded time.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import WebSocket from 'ws';
import { dists, header, heading, interleave, median, node, only, pairs, ratioOf, row } from '../pairs.mjs';
import { load } from '../http/load.mjs';
import { serve } from '../served.mjs';

const service = path.join(import.meta.dirname, 'service.mjs');
const consoleDist = path.join(import.meta.dirname, '../../packages/console/dist');
const keyhole = path.join(consoleDist, '../bin/keyhole.js');
const { dist } = dists[0];
const home = mkdtempSync(path.join(tmpdir(), 'kh-bench-'));
const key = path.join(home, 'alice');
spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
writeFileSync(path.join(home, 'operators'), `name="alice",roles="admin" ${readFileSync(`${key}.pub`, 'utf8')}`, { mode: 0o600 });
mkdirSync(path.join(home, 'run'), { mode: 0o700 });
const env = {
  ...process.env,
  HOME: home,
  XDG_RUNTIME_DIR: path.join(home, 'run'),
  KEYHOLE_OPERATORS: path.join(home, 'operators'),
  KEYHOLE_JOURNAL_DIR: path.join(home, 'journal'),
  KEYHOLE_IDENTITY: key,
  NO_COLOR: '1',
};
process.on('exit', () => rmSync(home, { recursive: true, force: true }));

const benches = { roundTrip, attach, idle };
for (const name of only(Object.keys(benches))) await benches[name]();

async function roundTrip() {
  const callsOfOneTurn = 200;
  heading(
    'Round trip',
    `One operation after the other on one connection, ${callsOfOneTurn} of each kind in each of ${pairs} turns, median of a turn. DevTools: Runtime.evaluate of \`1 + 1\` over the inspector's websocket. ` +
      'An inspection is not journaled; an evaluation is signed by the console and twice in the journal (fsync) before it is answered.',
  );
  const running = await start(dist, ['--inspect=127.0.0.1:0']);
  const { dial } = await import(pathToFileURL(path.join(consoleDist, 'client/dial.js')).href);
  const connection = await dial({ target: String(running.pid), env });
  const devtools = await devToolsOf(running.inspector);
  const forms = {
    devtools: () => devtools.call('Runtime.evaluate', { expression: '1 + 1' }),
    inspect: () => connection.call('inspect', { expression: '1 + 1' }),
    evaluate: () => connection.call('evaluate', { expression: '1 + 1' }),
  };
  const measured = await interleave(Object.keys(forms), async (form) => {
    const times = [];
    for (let call = 0; call < callsOfOneTurn; call += 1) {
      const from = performance.now();
      await forms[form]();
      times.push(performance.now() - from);
    }
    return median(times);
  });
  header('operation', 'ms', 'against DevTools', 'goal');
  for (const form of Object.keys(forms)) {
    const ratio = form === 'devtools' ? '1' : ratioOf(measured.get(form), measured.get('devtools')).text;
    row(form, median(measured.get(form)).toFixed(3), ratio, form === 'devtools' ? '' : '1.2');
  }
  connection.close();
  devtools.close();
  await running.stop();
}

async function attach() {
  heading(
    'Attach to the first prompt',
    `From the start of the command to its prompt, at a pseudo-terminal, ${pairs} turns; beside \`node inspect\` of the same process, and a Node that does nothing.`,
  );
  const running = await start(dist, ['--inspect=127.0.0.1:0']);
  const { host } = new URL(running.inspector);
  const forms = {
    'keyhole attach': [[keyhole, 'attach', String(running.pid)], /shop#\d+> /],
    'node inspect': [['inspect', host], /debug> /],
    'node -e': [['-e', 'console.log("up> ")'], /up> /],
  };
  const measured = await interleave(Object.keys(forms), (form) => untilPrompt(...forms[form]));
  header('command', 'ms', 'against node inspect', 'goal, ms');
  for (const form of Object.keys(forms)) {
    row(
      form,
      median(measured.get(form)).toFixed(0),
      ratioOf(measured.get(form), measured.get('node inspect')).text,
      form === 'keyhole attach' ? '150' : '',
    );
  }
  await running.stop();
}

async function idle() {
  const forMs = 2_000;
  heading(
    'An idle agent',
    `The shop of the HTTP bench, its code not instrumented, with an agent to which nobody is attached, against the same without an agent: ${pairs} turns of ${forMs} ms of load after as long a warm-up. Memory is resident memory ` +
      'after the load.',
  );
  const measured = await interleave(['plain', dist], async (form) => {
    const running = await start(form);
    await load({ port: running.port, forMs });
    const before = await running.usage();
    const answered = await load({ port: running.port, forMs });
    const after = await running.usage();
    await running.stop();
    return { rate: answered / forMs, perCpu: answered / (after.cpuMs - before.cpuMs), rssBytes: after.rssBytes };
  });
  const of = (form, name) => measured.get(form).map((each) => each[name]);
  const moreBytes = of(dist, 'rssBytes').map((bytes, turn) => bytes - of('plain', 'rssBytes')[turn]);
  header('requests/s against plain', 'per CPU second', 'goal', 'memory more, MB', 'goal, MB');
  row(
    ratioOf(of(dist, 'rate'), of('plain', 'rate')).text,
    ratioOf(of(dist, 'perCpu'), of('plain', 'perCpu')).text,
    '0.99',
    (median(moreBytes) / 1e6).toFixed(1),
    '20',
  );
}

async function start(form, execArgv = []) {
  const { said, ask, ...running } = await serve([...execArgv, service, form], { env });
  return { ...running, inspector: /ws:\/\/\S+/.exec(said())?.[0], usage: () => ask('usage') };
}

async function devToolsOf(url) {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  await once(socket, 'open');
  let id = 0;
  const call = async (method, params) => {
    id += 1;
    socket.send(JSON.stringify({ id, method, params }));
    const [message] = await once(socket, 'message');
    return JSON.parse(message);
  };
  return { call, close: () => socket.close() };
}

/** At a pseudo-terminal, as a person would. @returns {Promise<number>} ms */
async function untilPrompt(words, prompt) {
  const command = [node, ...words].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const from = performance.now();
  const child = spawn('script', ['-qefc', `exec ${command}`, '/dev/null'], { env: { ...env, SHELL: '/bin/sh' }, stdio: ['pipe', 'pipe', 'inherit'] });
  let shown = '';
  for await (const chunk of child.stdout) {
    shown += chunk;
    if (prompt.test(shown)) break;
  }
  const ms = performance.now() - from;
  child.kill('SIGKILL');
  if (!prompt.test(shown)) throw new Error(`no prompt: ${shown}`);
  return ms;
}
