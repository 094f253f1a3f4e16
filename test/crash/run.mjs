/**
 * `npm run test:crash [-- CYCLES]`: a service does acknowledged patches and evaluations as fast as it can and is killed with SIGKILL at a random moment; after the restart its journal
 * has to verify, and every entry that was acknowledged has to be there. The judge is examples/verify-journal, which shares no code with the writer.
 */
import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { verifyJournal } from '../../examples/verify-journal/verify-journal.mjs';
import { connect } from '../../packages/console/dist/index.js';
import { publicKeyLine } from '../../packages/console/dist/client/ssh-wire.js';

const cycles = Number(process.argv[2] ?? 300);
/** A journal lives through this many deaths, so that what one left behind meets the next. */
const deathsOfOneJournal = 15;
const clients = 3;
const longestLifeMs = 120;
/** Of this many deaths one comes while the service starts, when the journal is being recovered. */
const everyNthInStart = 6;

// The kernel outlives the process: on a file system in memory a death is the same, and there are many more acknowledgements before it.
const home = mkdtempSync(path.join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'kh-crash-'));
const app = path.join(home, 'app');
mkdirSync(app);
writeFileSync(path.join(app, 'package.json'), '{"name":"svc","type":"module"}');
writeFileSync(path.join(app, 'keyhole.config.json'), JSON.stringify({ journal: { maxSegmentBytes: 16_384 } }));
copyFileSync(new URL('service.mjs', import.meta.url), path.join(app, 'service.mjs'));
const { privateKey } = generateKeyPairSync('ed25519');
const identity = path.join(home, 'key');
writeFileSync(identity, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
const operators = path.join(home, 'operators');
writeFileSync(operators, `name="alice",roles="patch" ${publicKeyLine(privateKey)}\n`);
chmodSync(operators, 0o600);
const runtime = path.join(home, 'run');
mkdirSync(runtime, { mode: 0o700 });
const register = pathToFileURL(path.resolve(import.meta.dirname, '../../packages/agent/dist/register.js')).href;
const consoleEnv = { ...process.env, HOME: home, XDG_RUNTIME_DIR: runtime, XDG_STATE_HOME: path.join(home, 'state') };
Object.assign(process.env, { XDG_RUNTIME_DIR: runtime, KEYHOLE_OPERATORS: operators, KEYHOLE_IDENTITY: identity });

const totals = { deaths: 0, evaluations: 0, patches: 0, entries: 0, torn: 0, lost: 0, inStart: 0, journals: 0, segments: 0 };
let next = 0;
/** SIGTERM ends a long run with what it has come to. */
const end = { asked: false };
process.on('SIGTERM', () => {
  end.asked = true;
});

/** One life: resolves when the process is dead, with nothing left unsaid. */
async function liveAndDie(journal, acknowledged, inStart) {
  const child = spawn(process.execPath, ['--import', register, 'service.mjs'], {
    cwd: app,
    env: { ...process.env, HOME: home, KEYHOLE_JOURNAL_DIR: journal },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const dead = new Promise((resolve) => child.once('close', resolve));
  let killed = false;
  const kill = () => {
    killed = true;
    child.kill('SIGKILL');
  };
  if (inStart) {
    setTimeout(kill, Math.random() * 350);
    await dead;
    return;
  }
  const announcement = path.join(runtime, 'keyhole', `svc.${child.pid}.json`);
  while (!existsSync(announcement)) {
    if (child.exitCode !== null) throw new Error(`the service ended by itself: ${stderr}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  // Recovered, and nothing new in it yet but the start.
  judge(journal, acknowledged);
  const connections = await Promise.all(
    Array.from({ length: clients }, () => connect({ target: String(child.pid), env: { ...consoleEnv, KEYHOLE_IDENTITY: identity } })),
  );
  const doubted = connections.find((each) => each.doubt !== null);
  if (doubted !== undefined) throw doubted.doubt;
  // What the host needs for its first answer takes longer than such a life: in every second one it has answered before.
  if (totals.deaths % 2 === 0) await connections[0].call('evaluate', { expression: '0' });
  setTimeout(kill, Math.random() * longestLifeMs);
  await Promise.allSettled(
    connections.map((connection, index) => (index === 0 ? patchOn(connection, acknowledged) : evaluateOn(connection, acknowledged))),
  );
  if (!killed) throw new Error(`the connections ended before the kill: ${stderr}`);
  await dead;
  for (const connection of connections) connection.close();
}

async function evaluateOn(connection, acknowledged) {
  for (;;) {
    next += 1;
    const expression = `'evaluation ${next}'`;
    await connection.call('evaluate', { expression });
    acknowledged.evaluations.add(expression);
  }
}

async function patchOn(connection, acknowledged) {
  for (let base = (await connection.call('fn.get', { address: 'service.mjs:price' })).code; ;) {
    next += 1;
    const text = `function price() {\n  return ${next};\n}`;
    const patch = { address: 'service.mjs:price', code: text, baseCode: base, source: text, baseSource: base };
    const { ok, patches } = await connection.call('patch.apply', { patches: [patch], reason: `number ${next}` });
    if (!ok) throw new Error('a patch was refused');
    acknowledged.patches.add(patches[0].id);
    base = text;
  }
}

function judge(journal, acknowledged) {
  const { entries } = verifyJournal(journal);
  const done = new Set();
  const ended = new Set();
  let lost = 0;
  for (const entry of entries) {
    if (entry.phase !== 'outcome') continue;
    if (ended.has(entry.intent)) throw new Error(`the intent ${entry.intent} ended twice`);
    ended.add(entry.intent);
    if (entry.status === 'lost with the process') lost += 1;
    if (entry.status === 'done') done.add(entry.intent);
  }
  const intents = entries.filter((entry) => entry.phase === 'intent');
  const evaluated = new Set(intents.filter((entry) => done.has(entry.seq)).map((entry) => entry.request.expression));
  for (const expression of acknowledged.evaluations)
    if (!evaluated.has(expression)) throw new Error(`${expression} was acknowledged and is not there`);
  const patched = new Set(intents.filter((entry) => entry.kind === 'patch' && done.has(entry.seq)).map((entry) => `p${entry.seq}`));
  for (const id of acknowledged.patches) if (!patched.has(id)) throw new Error(`${id} was acknowledged and is not there`);
  return { entries: entries.length, lost };
}

const startedAt = performance.now();
try {
  while (totals.deaths < cycles && !end.asked) {
    const journal = path.join(home, `journal-${totals.journals}`);
    const acknowledged = { evaluations: new Set(), patches: new Set() };
    for (let death = 0; death < deathsOfOneJournal && totals.deaths < cycles && !end.asked; death += 1) {
      const inStart = totals.deaths % everyNthInStart === everyNthInStart - 1;
      await liveAndDie(journal, acknowledged, inStart);
      totals.deaths += 1;
      if (inStart) totals.inStart += 1;
      if (process.stdout.isTTY === true || totals.deaths % 100 === 0)
        console.log(`${totals.deaths} of ${cycles}, ${Math.round((performance.now() - startedAt) / 1_000)} s`);
    }
    // One more start recovers what the last death left; it ends by itself.
    await new Promise((resolve, reject) => {
      const env = { ...process.env, HOME: home, KEYHOLE_JOURNAL_DIR: journal };
      const once = `const { startAgent } = await import(${JSON.stringify(register.replace('register.js', 'index.js'))}); const agent = await startAgent({ operators: process.env.KEYHOLE_OPERATORS, journal: { dir: process.env.KEYHOLE_JOURNAL_DIR } }); await agent.close();`;
      spawn(process.execPath, ['--input-type=module', '-e', once], { cwd: app, env, stdio: 'inherit' }).once('close', (status) =>
        status === 0 ? resolve() : reject(new Error('the recovery failed')),
      );
    });
    const { entries, lost } = judge(journal, acknowledged);
    totals.entries += entries;
    totals.lost += lost;
    totals.evaluations += acknowledged.evaluations.size;
    totals.patches += acknowledged.patches.size;
    totals.torn += readdirSync(journal).filter((name) => name.endsWith('.torn')).length;
    totals.segments += readdirSync(journal).filter((name) => name.endsWith('.ndjson')).length;
    totals.journals += 1;
    rmSync(journal, { recursive: true });
  }
  console.log(
    `${totals.deaths} deaths (${totals.inStart} while starting) of ${totals.journals} journals in ${Math.round((performance.now() - startedAt) / 1_000)} s: ${totals.entries} entries in ` +
      `${totals.segments} segments, all chains and signatures hold; ${totals.evaluations} evaluations and ${totals.patches} patches were acknowledged, and all are there; ` +
      `${totals.torn} torn tails kept aside, ${totals.lost} intents closed as lost with the process`,
  );
  if (totals.deaths > 20 && (totals.evaluations === 0 || totals.patches === 0)) throw new Error('nothing was acknowledged, so nothing was shown');
  rmSync(home, { recursive: true });
} catch (error) {
  console.error(`after ${totals.deaths} deaths: ${error.stack}\nkept for looking at: ${home}`);
  process.exitCode = 1;
}
process.exit();
