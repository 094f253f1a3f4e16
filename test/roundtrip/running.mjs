/** A process that has loaded a build, with the built agent in it, and the built console attached to it. */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { dial } from '../../packages/console/dist/client/dial.js';
import { push } from '../../packages/console/dist/commands/push.js';
import { runCommand } from '../../packages/console/dist/commands/run.js';
import { Terminal } from '../../packages/console/dist/render/terminal.js';

const register = pathToFileURL(fileURLToPath(new URL('../../packages/agent/dist/register.js', import.meta.url))).href;
const service = fileURLToPath(new URL('loaded.mjs', import.meta.url));
const calls = new URL('calls.mjs', import.meta.url).href;
const startTimeoutMs = 120_000;
const callTimeoutMs = 60_000;

/**
 * @param {string} folder a checkout with a build in it.
 * @param {string[]} load files of the build, and folders, of which each file is loaded.
 */
export async function startRunning(folder, load) {
  // Most files of two builds are the same; beside the checkouts, so that it goes with them.
  const cache = path.join(path.dirname(folder), 'cache');
  const home = mkdtempSync(path.join(tmpdir(), 'kh-trip-'));
  const key = path.join(home, 'key');
  const made = spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`ssh-keygen: ${made.stderr}`);
  const operators = path.join(home, 'operators');
  writeFileSync(operators, `name="trip",roles="patch" ${readFileSync(`${key}.pub`, 'utf8')}`);
  chmodSync(operators, 0o600);
  mkdirSync(path.join(home, 'run'), { mode: 0o700 });
  const { NODE_OPTIONS: _, GIT_COMMIT: __, SSH_AUTH_SOCK: ___, ...inherited } = process.env;
  const env = { ...inherited, HOME: home, XDG_RUNTIME_DIR: path.join(home, 'run'), NO_COLOR: '1', KEYHOLE_OPERATORS: operators };
  const settings = { KEYHOLE_JOURNAL_DIR: path.join(home, 'journal'), KEYHOLE_SERVICE: 'trip', KEYHOLE_CACHE: cache };
  // The package around a process's main file is its root.
  const main = path.join(folder, '.keyhole-trip.mjs');
  copyFileSync(service, main);
  const child = spawn(process.execPath, ['--import', register, main, ...load.flatMap((each) => filesBelow(path.join(folder, each)))], {
    cwd: folder,
    env: { ...env, ...settings },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  let connection = null;
  const stop = async () => {
    connection?.close();
    child.kill('SIGKILL');
    await ended;
    rmSync(home, { recursive: true, force: true });
  };
  try {
    await untilReady(child);
    const { address } = JSON.parse(readFileSync(await announcement(path.join(home, 'run', 'keyhole')), 'utf8'));
    connection = await dial({ target: address.replace(/^unix:/, ''), env: { ...env, KEYHOLE_IDENTITY: key } });
    return { connection, push: (...words) => pushed(connection, folder, env, words), call: (target) => called(child, target), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function filesBelow(place) {
  if (/\.[cm]?js$/.test(place)) return [place];
  return readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[cm]?js$/.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
}

function untilReady(child) {
  return new Promise((resolve, reject) => {
    let stdout = '';
    let stderr = '';
    const timer = globalThis.setTimeout(() => reject(new Error(`the process did not get ready: ${stderr}`)), startTimeoutMs);
    child.stderr.on('data', (chunk) => (stderr += chunk));
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      const [, loaded] = /^ready (\d+)$/m.exec(stdout) ?? [];
      if (loaded === undefined) return;
      clearTimeout(timer);
      if (loaded === '0') reject(new Error(`nothing could be loaded: ${stderr}`));
      else resolve();
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      reject(new Error(`the process ended with ${code}: ${stderr}`));
    });
  });
}

/**
 * Has the service call a function of its own (see calls.mjs).
 * @returns {Promise<null | { how: 'itself' | 'around', outcomes: string[], returned: number } | { failed: string }>}
 */
function called(child, target) {
  return new Promise((resolve) => {
    let stdout = '';
    const finish = (answer) => {
      clearTimeout(timer);
      child.stdout.off('data', read);
      child.off('close', ended);
      resolve(answer);
    };
    const ended = () => finish({ failed: 'the process ended' });
    const timer = globalThis.setTimeout(() => finish({ failed: 'no answer' }), callTimeoutMs);
    const read = (chunk) => {
      stdout += chunk;
      const [, answer] = /^answer (.+)$\n/m.exec(stdout) ?? [];
      if (answer !== undefined) finish(JSON.parse(answer));
    };
    child.stdout.on('data', read);
    child.once('close', ended);
    if (child.exitCode !== null) ended();
    else child.stdin.write(`${JSON.stringify({ calls, ...target })}\n`);
  });
}

/** The agent announces itself at a moment of its own. */
async function announcement(folder) {
  for (const deadline = Date.now() + startTimeoutMs; Date.now() < deadline;) {
    const name = existsSync(folder) ? readdirSync(folder).find((each) => each.endsWith('.json')) : undefined;
    if (name !== undefined) return path.join(folder, name);
    await setTimeout(50);
  }
  throw new Error('the agent did not announce itself');
}

/** `keyhole push` as a console that stays attached runs it; what it would print for a script. */
async function pushed(connection, cwd, env, words) {
  let stdout = '';
  const terminal = new Terminal({ write: (text) => (stdout += text) }, { write: () => undefined }, env);
  const never = () => Promise.reject(new Error('this console is attached'));
  const surroundings = { terminal, cwd, env, interactive: false, ask: never, handOver: (work) => work(), signal: new AbortController().signal };
  await runCommand(push, ['--json', ...words], { ...surroundings, prefix: '.', dial: never, dialAll: never, shared: connection });
  return JSON.parse(stdout);
}
