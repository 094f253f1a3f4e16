/** The service and its load as the demo runs them, and what they say on stdout. */
import { createInterface } from 'node:readline';
import { Deviation } from './deviation.mjs';

const startTimeoutMs = 20_000;
const requestTimeoutMs = 5_000;
/** A line comes every second; a machine under stress may take a few more. */
const lineTimeoutMs = 10_000;

/** The JSON lines a program prints, one after the other; ends in a Deviation where none comes in time. */
class Lines {
  #waiting = [];
  #kept = [];
  #stderr = '';
  #ended = false;
  #name;

  constructor(name, child) {
    this.#name = name;
    child.stderr.setEncoding('utf8').on('data', (text) => (this.#stderr += text));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#kept.push(line);
      else waiting.take(line);
    });
    child.once('close', (code, signal) => {
      this.#ended = true;
      for (const { fail } of this.#waiting) fail(`it ended with ${code ?? signal}\n${this.#stderr}`);
    });
  }

  /** The next line nobody has taken yet. */
  async next(timeoutMs) {
    const line = this.#kept.shift() ?? (await this.#wait(timeoutMs));
    try {
      return JSON.parse(line);
    } catch {
      throw new Deviation(`one JSON document on a line from the ${this.#name}`, line);
    }
  }

  forget() {
    this.#kept.length = 0;
  }

  get stderr() {
    return this.#stderr;
  }

  #wait(timeoutMs) {
    return new Promise((resolve, reject) => {
      const fail = (saw) => {
        clearTimeout(timer);
        reject(new Deviation(`a line from the ${this.#name} within ${timeoutMs} ms`, saw));
      };
      const timer = setTimeout(() => fail(this.#stderr || 'nothing'), timeoutMs);
      if (this.#ended) {
        fail(`it has ended\n${this.#stderr}`);
        return;
      }
      const take = (line) => {
        clearTimeout(timer);
        resolve(line);
      };
      this.#waiting.push({ take, fail });
    });
  }
}

export class Service {
  #child;
  #lines;
  #programs;

  constructor(programs, { cwd, env }) {
    this.#programs = programs;
    this.#child = programs.start(process.execPath, ['--import', '@keyhole/agent/register', 'dist/server.js'], { cwd, env });
    this.#lines = new Lines('service', this.#child);
  }

  async listening() {
    const { listening } = await this.#lines.next(startTimeoutMs);
    this.url = `http://127.0.0.1:${listening}`;
    return listening;
  }

  get pid() {
    return this.#child.pid;
  }

  get stderr() {
    return this.#lines.stderr;
  }

  async request(method, path, body) {
    const response = await fetch(new URL(path, this.url), {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(requestTimeoutMs),
    });
    return { status: response.status, body: await response.json() };
  }

  stop() {
    return this.#programs.stop(this.#child);
  }
}

export class Load {
  #child;
  #lines;

  constructor(programs, { cwd, env, url, seconds }) {
    // Its stdin is a pipe to us: it ends with the demo, whatever happens to the demo.
    const args = ['load.mjs', '--url', url, '--seconds', String(seconds), '--until-stdin-ends'];
    this.#child = programs.start(process.execPath, args, { cwd, env, stdin: 'pipe' });
    // Its 'close' says that it has ended; writing to it then is no news.
    this.#child.stdin.on('error', () => {});
    this.#lines = new Lines('load generator', this.#child);
  }

  /** The figures of a second that has wholly passed after this call. */
  async wholeSecond() {
    this.#lines.forget();
    await this.#lines.next(lineTimeoutMs);
    return this.#lines.next(lineTimeoutMs);
  }

  /** Ends it; its last line. */
  async finish() {
    this.#lines.forget();
    this.#child.stdin.end();
    for (;;) {
      const line = await this.#lines.next(lineTimeoutMs);
      if (line.final === true) return line;
    }
  }
}
