/** A service of a bench as a process of its own: it prints its port, answers each line of its stdin with one, and ends when its stdin does. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { node } from './pairs.mjs';

/** @param words its script and what that takes. `said` is what it has written to stderr so far. */
export async function serve(words, { env = process.env } = {}) {
  const child = spawn(node, words, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const lines = createInterface(child.stdout);
  let said = '';
  child.stderr.on('data', (chunk) => (said += chunk));
  const gone = once(child, 'exit').then(() => {
    throw new Error(`the service has ended: ${said}`);
  });
  // Later it is meant to end.
  gone.catch(() => undefined);
  const [port] = await Promise.race([once(lines, 'line'), gone]);
  const ask = async (line) => {
    child.stdin.write(`${line}\n`);
    const [answer] = await once(lines, 'line');
    return JSON.parse(answer);
  };
  const stop = async () => {
    const ended = once(child, 'exit');
    child.stdin.end();
    await ended;
  };
  return { pid: child.pid, port: Number(port), ask, stop, said: () => said };
}
