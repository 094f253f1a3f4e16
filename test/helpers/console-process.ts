/** The built console as a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const consoleProgram = fileURLToPath(new URL('../../packages/console/dist/cli.js', import.meta.url));

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
