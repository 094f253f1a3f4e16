/**
 * The processes in which rows are played: one for many rows, one alone for a row that needs flags. A process that ends or hangs fails the row it was playing, by name,
 * and the next row gets a new one.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import type { Patch, Row } from './row.ts';
import type { Conformance } from './strategy.ts';

const repository = path.resolve(import.meta.dirname, '../..');
/** Generous: a crowded machine is no reason to fail. */
const answerTimeoutMs = 60_000;
const endTimeoutMs = 30_000;

/** What `patch.apply` and `patch.revert` answer. */
export interface Outcome {
  ok: boolean;
  patches: { id: string; strategy: string; verified: boolean }[];
  refused: { address: string; why: string }[];
}

/** A row that was loaded. */
export interface Scene {
  see(): Promise<unknown>;
  run(code: string): Promise<void>;
  /** What is thrown counts as refused: to the operator both say why. */
  apply(patch: Patch): Promise<Outcome>;
  revert(ids: string[]): Promise<Outcome>;
  rounds(times: number, patch: Patch): Promise<Outcome>;
  /** Ends the row; where it had a process of its own, gives what that left in its folder. */
  close(): Promise<Map<string, string>>;
  /** Ends a row that failed, whatever its process is doing. */
  abandon(): Promise<void>;
}

export class Stage {
  readonly #strategy: Conformance['strategy'];
  readonly #sharing: boolean;
  #root: string | null = null;
  #shared: Player | null = null;
  #count = 0;

  constructor({ strategy, shared }: Conformance) {
    this.#strategy = strategy;
    this.#sharing = shared;
  }

  async open(name: string, row: Row): Promise<Scene> {
    const root = await this.#folder();
    const folder = path.join(root, `row${(this.#count += 1)}`);
    await mkdir(folder);
    for (const [file, text] of Object.entries(row.files)) {
      await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
      await writeFile(path.join(folder, file), text);
    }
    const alone = !this.#sharing || row.alone === true || row.flags !== undefined || row.env !== undefined;
    const inFolder = (text: string): string => text.replaceAll('<folder>', folder);
    const env = Object.fromEntries(Object.entries(row.env ?? {}).map(([key, value]) => [key, inFolder(value)]));
    const player = alone ? new Player(this.#strategy, root, (row.flags ?? []).map(inFolder), env) : this.#player(root);
    const ask = <T>(command: string, given: object = {}): Promise<T> => player.ask<T>(name, command, given);
    const { entry, observe, arrange } = row;
    const change = (command: string, given: object): Promise<Outcome> =>
      ask<Outcome>(command, given).catch((thrown: unknown) => {
        if (!(thrown instanceof RowError)) throw thrown;
        return { ok: false, patches: [], refused: [{ address: '', why: thrown.message }] };
      });
    const abandon = async (): Promise<void> => {
      if (alone) await player.kill();
    };
    try {
      await ask('open', { folder, entry, observe, arrange });
    } catch (thrown) {
      await abandon();
      throw thrown;
    }
    return {
      see: () => ask('see'),
      run: (code) => ask('run', { code }),
      apply: (patch) => change('apply', { patch }),
      revert: (ids) => change('revert', { ids }),
      rounds: (times, patch) => change('rounds', { times, patch }),
      async close() {
        const left = new Map<string, string>();
        if (!alone) return left;
        await player.end();
        if (row.leaves === undefined) return left;
        for (const file of await readdir(folder)) if (row.leaves.file.test(file)) left.set(file, await readFile(path.join(folder, file), 'utf8'));
        return left;
      },
      abandon,
    };
  }

  async end(): Promise<void> {
    await this.#shared?.end();
    if (this.#root !== null) await rm(this.#root, { recursive: true, force: true });
  }

  async #folder(): Promise<string> {
    if (this.#root === null) {
      this.#root = await realpath(await mkdtemp(path.join(tmpdir(), 'kh-rows-')));
      await symlink(path.join(repository, 'node_modules'), path.join(this.#root, 'node_modules'));
    }
    return this.#root;
  }

  #player(root: string): Player {
    if (this.#shared?.alive !== true) this.#shared = new Player(this.#strategy, root, [], {});
    return this.#shared;
  }
}

/** One process. It is asked one thing at a time. */
class Player {
  readonly #child: ChildProcess;
  readonly #ready: Promise<unknown>;
  #errors = '';
  alive = true;

  constructor(strategy: string, root: string, execArgv: string[], env: Record<string, string>) {
    const dist = path.join(repository, 'packages/agent/dist');
    this.#child = fork(path.join(import.meta.dirname, 'driver.mjs'), [strategy, dist, root], {
      execArgv,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    this.#child.once('exit', () => {
      this.alive = false;
    });
    this.#ready = this.#answer('the start', 'ready');
  }

  async ask<T>(name: string, command: string, given: object): Promise<T> {
    await this.#ready;
    const answer = this.#answer(name, command);
    this.#child.send({ command, ...given });
    return (await answer) as T;
  }

  async end(): Promise<void> {
    if (!this.alive) return;
    const gone = once(this.#child, 'exit');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), endTimeoutMs);
    this.#child.disconnect();
    const [code, signal] = (await gone) as [number | null, string | null];
    clearTimeout(timer);
    if (code !== 0) throw new Error(`the process ended with ${String(code ?? signal)}\n${this.#errors}`);
  }

  async kill(): Promise<void> {
    if (!this.alive) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  async #answer(name: string, command: string): Promise<unknown> {
    const given = new AbortController();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), answerTimeoutMs);
    try {
      const answer = await Promise.race([
        once(this.#child, 'message', given).then(([message]) => message as { value: unknown } | { error: string }),
        // Its standard error is complete only then.
        once(this.#child, 'close', given).then(([code, signal]) => ({ code, signal })),
      ]);
      if ('value' in answer) return answer.value;
      if ('error' in answer) throw new RowError(answer.error);
      const how = answer.signal === 'SIGKILL' ? `did not answer for ${answerTimeoutMs} ms` : `ended (${String(answer.code ?? answer.signal)})`;
      throw new Error(`the process ${how} at "${command}" of the row "${name}"\n${this.#errors}`);
    } finally {
      clearTimeout(timer);
      given.abort();
    }
  }
}

/** What a command threw in the process. */
export class RowError extends Error {}
