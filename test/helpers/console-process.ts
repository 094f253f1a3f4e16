/**
 * The built console: as a process of its own, for what a process is (signals, streams, terminals, exit codes), and in this one, which is the same program from the words of the command line on and
 * starts ten times as fast.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { KeyholeError } from '@keyhole/agent/protocol';
import { runProgram } from '../../packages/console/dist/program.js';
import { Terminal } from '../../packages/console/dist/render/terminal.js';

export const consoleProgram = fileURLToPath(new URL('../../packages/console/bin/keyhole.js', import.meta.url));

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
  json(): unknown;
}

export interface RunningConsole {
  child: ChildProcess;
  ended: Promise<Finished>;
  /** Resolves when it has said that; rejects where it ends before. */
  until(stream: 'stdout' | 'stderr', text: string): Promise<void>;
}

export function startConsole(words: string[], options: { env: NodeJS.ProcessEnv; cwd?: string; input?: string }): RunningConsole {
  const child = spawn(process.execPath, [consoleProgram, ...words], { env: options.env, cwd: options.cwd, stdio: ['pipe', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  let wake = (): void => undefined;
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].on('data', (chunk: Buffer) => {
      said[stream] += chunk.toString('utf8');
      wake();
    });
  }
  const ended = new Promise<Finished>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...said, json: () => JSON.parse(said.stdout) as unknown }));
  });
  child.stdin.end(options.input ?? '');
  return {
    child,
    ended,
    async until(stream, text) {
      const over = ended.then(() => true);
      while (!said[stream].includes(text)) {
        const more = new Promise<boolean>((resolve) => {
          wake = () => resolve(false);
        });
        if ((await Promise.race([more, over])) && !said[stream].includes(text))
          throw new Error(`it ended without ${text}: ${said.stdout}${said.stderr}`);
      }
    },
  };
}

export function runConsole(words: string[], options: { env: NodeJS.ProcessEnv; cwd?: string; input?: string }): Promise<Finished> {
  return startConsole(words, options).ended;
}

/** A terminal that is read afterwards. */
export function capturing(env: NodeJS.ProcessEnv): { terminal: Terminal; finished: (code: number) => Finished } {
  let stdout = '';
  let stderr = '';
  const terminal = new Terminal({ write: (text) => (stdout += text) }, { write: (text) => (stderr += text) }, env);
  return { terminal, finished: (code) => ({ code, stdout, stderr, json: () => JSON.parse(stdout) as unknown }) };
}

/** Like {@link runConsole} without input: nobody is there to be asked. */
export async function runHere(words: string[], { env, cwd }: { env: NodeJS.ProcessEnv; cwd: string }): Promise<Finished> {
  const { terminal, finished } = capturing(env);
  const code = await runProgram(words, {
    terminal,
    cwd,
    env,
    interactive: false,
    ask: () => Promise.reject(new KeyholeError('INTERRUPTED', 'nothing was answered, nothing was changed')),
    handOver: (work) => work(),
    signal: new AbortController().signal,
  });
  return finished(code);
}
