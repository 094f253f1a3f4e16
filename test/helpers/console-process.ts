/** The built console as a process of its own. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const consoleProgram = fileURLToPath(new URL('../../packages/console/dist/cli.js', import.meta.url));

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
  json(): unknown;
}

export function runConsole(words: string[], options: { env: NodeJS.ProcessEnv; cwd?: string; input?: string }): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [consoleProgram, ...words], {
      env: options.env,
      cwd: options.cwd,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString('utf8')));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr, json: () => JSON.parse(stdout) as unknown }));
    child.stdin.end(options.input ?? '');
  });
}
