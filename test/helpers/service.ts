/** A real service with the built agent in it, in folders of its own, and the built console to attach to it. */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll } from 'vitest';
import { runHere, type Finished } from './console-process.ts';

const agentFolder = path.resolve(import.meta.dirname, '../../packages/agent/dist');
export const registerUrl = pathToFileURL(path.join(agentFolder, 'register.js')).href;
export const agentUrl = pathToFileURL(path.join(agentFolder, 'index.js')).href;

const cleanups: (() => void | Promise<void>)[] = [];
afterAll(async () => {
  for (const clean of cleanups.reverse()) await clean();
});

export interface ServiceOptions {
  /** Files of the service, by path. `package.json` is added where it is missing. */
  files: Record<string, string>;
  main: string;
  /** Default: `--import` of register. */
  nodeArguments?: string[];
  /** Makes the folder a git repository with everything committed. */
  git?: boolean;
  /** Changes the environment of the service. */
  environment?: Record<string, string>;
  /** Something done in the folder before the commit: a build. */
  prepare?: (folder: string) => void;
  roles?: string;
  /** False: where nobody can attach, so that there is no announcement to wait for. */
  announces?: boolean;
  /** Starts a service again that has ended, in its folder, with its journal and keys; `files` are what a new build changed. */
  again?: Service;
}

export interface Service {
  folder: string;
  /** The file of those who may come in. */
  operators: string;
  pid: number;
  /** For the console: runtime directory and key. */
  env: NodeJS.ProcessEnv;
  journal: string;
  stderr(): string;
  stdout(): string;
  /** Sends a line to the service's stdin and waits for the line it answers with. */
  ask(line: string): Promise<string>;
  /** Sends a line to the service's stdin, and waits for nothing. */
  write(line: string): void;
  keyhole(...words: string[]): Promise<Finished>;
  kill(): void;
  /** Ends its stdin: a service that only reads that ends by itself. */
  close(): void;
  ended: Promise<number | null>;
}

export function newFolder(parent = tmpdir()): string {
  const folder = realpathSync(mkdtempSync(path.join(parent, 'kh-')));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A key of OpenSSH's without a passphrase. */
export function newKey(folder: string, name: string): { file: string; publicKey: string } {
  const file = path.join(folder, name);
  const made = spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', `${name}@example.com`, '-f', file]);
  if (made.status !== 0) throw new Error(made.stderr.toString());
  const shown = spawnSync('ssh-keygen', ['-y', '-f', file]);
  return { file, publicKey: shown.stdout.toString().trim().split(' ').slice(0, 2).join(' ') };
}

export function run(folder: string, command: string, ...words: string[]): string {
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
  const done = spawnSync(command, words, { cwd: folder, env, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${command} ${words.join(' ')}: ${done.stdout}${done.stderr}`);
  return done.stdout.trim();
}

export function commitAll(folder: string, message: string): string {
  const who = ['-c', 'user.name=Base', '-c', 'user.email=base@example.com'];
  run(folder, 'git', 'init', '-q', '-b', 'main');
  run(folder, 'git', 'add', '-A');
  run(folder, 'git', ...who, 'commit', '-q', '-m', message);
  return run(folder, 'git', 'rev-parse', 'HEAD');
}

export async function startService(options: ServiceOptions): Promise<Service> {
  const { again } = options;
  const home = again === undefined ? newFolder() : path.dirname(again.folder);
  const folder = path.join(home, 'app');
  const package_ = again === undefined ? { 'package.json': '{"name":"svc","type":"module"}' } : {};
  for (const [name, text] of Object.entries({ ...package_, ...options.files })) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  options.prepare?.(folder);
  if (options.git === true) commitAll(folder, 'base');
  const key = path.join(home, 'alice');
  const operators = path.join(home, 'operators');
  const runtime = path.join(home, 'run');
  if (again === undefined) {
    const { publicKey } = newKey(home, 'alice');
    writeFileSync(operators, `name="alice",roles="${options.roles ?? 'patch'}",email="alice@example.com" ${publicKey}\n`);
    chmodSync(operators, 0o600);
    mkdirSync(runtime, { mode: 0o700 });
  }
  const journal = path.join(home, 'journal');
  const { NODE_OPTIONS: _, GIT_COMMIT: __, KEYHOLE_TARGET: ___, SSH_AUTH_SOCK: ____, ...inherited } = process.env;
  const base = { ...inherited, HOME: home, XDG_RUNTIME_DIR: runtime, NO_COLOR: '1' };
  const child = spawn(process.execPath, [...(options.nodeArguments ?? ['--import', registerUrl]), options.main], {
    cwd: folder,
    env: { ...base, KEYHOLE_OPERATORS: operators, KEYHOLE_JOURNAL_DIR: journal, ...options.environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('the service was not started');
  let stdout = '';
  let stderr = '';
  let wake = (): void => undefined;
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    wake();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    wake();
  });
  // A service that was killed does not read its stdin any more.
  child.stdin.on('error', () => undefined);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  cleanups.push(async () => {
    child.kill('SIGKILL');
    await ended;
  });

  const until = async (what: string, condition: () => boolean): Promise<void> => {
    const deadline = Date.now() + 20_000;
    while (!condition()) {
      const { exitCode, signalCode } = child;
      const end = exitCode ?? signalCode;
      if (Date.now() > deadline || end !== null)
        throw new Error(`${what} did not happen${end === null ? '' : `, the service has ended (${end})`}: ${stdout}${stderr}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, 20);
      });
    }
  };
  const env = { ...base, KEYHOLE_IDENTITY: key };
  const announcement = path.join(runtime, 'keyhole', `svc.${pid}.json`);
  if (options.announces !== false) await until('the announcement', () => existsSync(announcement));
  await until('the line ready', () => stdout.includes('ready\n'));
  return {
    folder,
    operators,
    pid,
    env,
    journal,
    stdout: () => stdout,
    stderr: () => stderr,
    async ask(line) {
      const before = stdout.length;
      child.stdin.write(`${line}\n`);
      await until(`an answer to ${line}`, () => stdout.slice(before).includes('\n'));
      return stdout.slice(before).trim();
    },
    write: (line) => void child.stdin.write(`${line}\n`),
    keyhole: (...words) => runHere(words, { env, cwd: folder }),
    kill: () => void child.kill('SIGKILL'),
    close: () => void child.stdin.end(),
    ended,
  };
}

/** The end of a service's main file: answers each line of stdin with what the expression gives. */
export const answering = `
import { createInterface } from 'node:readline';
createInterface({ input: process.stdin }).on('line', (line) => console.log(JSON.stringify(answer(line))));
console.log('ready');
`;

/** The entries of a service's journal as they stand on the disk. */
export function journalOf(service: Service): Record<string, unknown>[] {
  return readdirSync(service.journal)
    .filter((name) => name.endsWith('.ndjson'))
    .sort()
    .flatMap((name) => readFileSync(path.join(service.journal, name), 'utf8').split('\n').slice(0, -1))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Changes one piece of a file of the service. */
export function editFile(service: Service, name: string, from: string, to: string): void {
  const file = path.join(service.folder, name);
  const text = readFileSync(file, 'utf8');
  if (!text.includes(from)) throw new Error(`${name} has no ${from}`);
  writeFileSync(file, text.replace(from, to));
}
