/**
 * Every program the demo starts: each with a timeout, in a process group of its own, and ended by its own id. Nothing outlives the demo:
 * `stopAll` ends what runs, also when the demo itself was told to end.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Deviation } from './deviation.mjs';

const stopGraceMs = 5_000;
const defaultTimeoutMs = 60_000;

export class Programs {
  #running = new Set();
  /** True while a program has the person's terminal. */
  onTerminal = false;

  constructor() {
    process.on('exit', () => {
      for (const child of this.#running) killGroup(child, 'SIGKILL');
    });
  }

  /** Runs to the end. `env` is the whole environment, nothing is inherited besides; `output` is stdout and stderr as they came, like on a terminal. */
  async run(file, args, { cwd, env, timeoutMs = defaultTimeoutMs }) {
    const child = this.start(file, args, { cwd, env, stdin: 'ignore' });
    const result = { code: null, stdout: '', stderr: '', output: '' };
    for (const name of ['stdout', 'stderr']) {
      child[name].setEncoding('utf8').on('data', (text) => {
        result[name] += text;
        result.output += text;
      });
    }
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      killGroup(child, 'SIGKILL');
    }, timeoutMs);
    try {
      const [code, signal] = await once(child, 'close');
      if (late) throw new Deviation(`${file} ${args.join(' ')} to end within ${timeoutMs} ms`, result.output || 'no output');
      return { ...result, code: code ?? `signal ${signal}` };
    } finally {
      clearTimeout(timer);
    }
  }

  /** Starts what stays up. The caller reads its streams. */
  start(file, args, { cwd, env, stdin = 'ignore' }) {
    const child = spawn(file, args, { cwd, env, stdio: [stdin, 'pipe', 'pipe'], detached: true });
    this.#running.add(child);
    child.once('close', () => this.#running.delete(child));
    return child;
  }

  /** With the person's terminal as its own. */
  async runOnTerminal(file, args, { cwd, env }) {
    const child = spawn(file, args, { cwd, env, stdio: 'inherit' });
    this.#running.add(child);
    this.onTerminal = true;
    try {
      await once(child, 'close');
    } finally {
      this.onTerminal = false;
      this.#running.delete(child);
    }
  }

  /** Asks `child` to end, and ends it where it does not. Returns how it ended: its code, or the signal's name. */
  async stop(child) {
    if (child.exitCode === null && child.signalCode === null) {
      const closed = once(child, 'close');
      child.kill('SIGTERM');
      const timer = setTimeout(() => killGroup(child, 'SIGKILL'), stopGraceMs);
      await closed;
      clearTimeout(timer);
    }
    return child.exitCode ?? child.signalCode;
  }

  async stopAll() {
    await Promise.all([...this.#running].map((child) => this.stop(child)));
  }
}

function killGroup(child, signal) {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // No such group: it has ended meanwhile, or it shares the terminal's. `kill` knows whether there is still somebody to end.
    child.kill(signal);
  }
}
