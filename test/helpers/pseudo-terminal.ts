/** A program at a pseudo-terminal (util-linux's `script`): what a person sees, and keys as a person presses them. */
import { spawn } from 'node:child_process';

export interface PseudoTerminal {
  type(keys: string): void;
  /** Resolves when what was shown since the last match matches; rejects when the program ends or nothing matches in time. */
  see(pattern: RegExp): Promise<string>;
  /** The program's exit code. */
  ended: Promise<number | null>;
  shown(): string;
  kill(): void;
}

const patienceMs = 20_000;

/** @param hear gets what is shown, piece by piece. */
export function openPseudoTerminal(words: string[], env: NodeJS.ProcessEnv, cwd?: string, hear?: (chunk: Buffer) => void): PseudoTerminal {
  const command = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const child = spawn('script', ['-qefc', `stty cols 120 rows 40; exec ${command}`, '/dev/null'], {
    env: { ...env, SHELL: '/bin/sh' },
    cwd,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let shown = '';
  let seen = 0;
  let finished = false;
  let check = (): void => undefined;
  child.stdout.on('data', (chunk: Buffer) => {
    hear?.(chunk);
    shown += chunk.toString('utf8');
    check();
  });
  const ended = new Promise<number | null>((resolve) => {
    child.on('close', (code) => {
      finished = true;
      check();
      resolve(code);
    });
  });
  return {
    type: (keys) => void child.stdin.write(keys),
    see: (pattern) =>
      new Promise((resolve, reject) => {
        const fail = (why: string): void => {
          clearTimeout(timer);
          check = () => undefined;
          reject(new Error(`${why}: ${String(pattern)} in ${JSON.stringify(shown.slice(seen))}`));
        };
        const timer = setTimeout(() => fail('not seen in time'), patienceMs);
        check = () => {
          const match = pattern.exec(shown.slice(seen));
          if (match === null) return finished ? fail('the program ended') : undefined;
          clearTimeout(timer);
          check = () => undefined;
          seen += match.index + match[0].length;
          resolve(match[0]);
        };
        check();
      }),
    ended,
    shown: () => shown,
    kill: () => void child.kill('SIGKILL'),
  };
}
