/** What is longer than the screen goes through the operator's pager. */
import { spawn } from 'node:child_process';

export interface Screen {
  rows: number;
  env: NodeJS.ProcessEnv;
  handOver<T>(work: () => Promise<T>): Promise<T>;
}

/** @returns false where the text fits or no pager could be had: then it is written plainly. */
export async function paged(text: string, { rows, env, handOver }: Screen): Promise<boolean> {
  const pager = env['PAGER'] ?? 'less';
  if (pager === '' || pager === 'cat' || text.split('\n').length <= rows) return false;
  return handOver(() => through(pager, text, env));
}

/** Through the shell, as git does it: the setting may hold options. */
function through(pager: string, text: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  return new Promise((resolve) => {
    // F: ends by itself where it fits; R: colours; X: what was read stays on the screen.
    const child = spawn('sh', ['-c', pager], { stdio: ['pipe', 'inherit', 'inherit'], env: { LESS: 'FRX', ...env } });
    child.on('error', () => resolve(false));
    child.on('close', (status) => resolve(status !== 127));
    // Who leaves the pager early does not want the rest.
    child.stdin.on('error', () => undefined);
    child.stdin.end(text);
  });
}
