/** Commands of the built console over one connection, in this process: what a console that stays attached does, without the start of a program for each. */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { afterAll } from 'vitest';
import { dial } from '../../packages/console/dist/client/dial.js';
import type { CommandDefinition } from '../../packages/console/dist/commands/command.js';
import { runCommand } from '../../packages/console/dist/commands/run.js';
import { capturing, type Finished } from './console-process.ts';
import type { Service } from './service.ts';

const connections: { close(): void }[] = [];
afterAll(() => {
  for (const connection of connections) connection.close();
});

/**
 * Connects once; each call then runs the command with these words.
 * @param ask where somebody sits at a terminal: what he answers.
 */
export async function attached(
  service: Service,
  command: CommandDefinition,
  ask?: (question: string) => string,
): Promise<(...words: string[]) => Promise<Finished>> {
  const announcement = path.join(service.env['XDG_RUNTIME_DIR'] ?? '', 'keyhole', `svc.${service.pid}.json`);
  const { address } = JSON.parse(readFileSync(announcement, 'utf8')) as { address: string };
  const shared = await dial({ target: address.replace(/^unix:/, ''), env: service.env });
  connections.push(shared);
  const never = (): Promise<never> => Promise.reject(new Error('this console is attached'));
  return async (...words) => {
    const { terminal, finished } = capturing(service.env);
    const code = await runCommand(command, words, {
      terminal,
      cwd: service.folder,
      env: service.env,
      interactive: ask !== undefined,
      ask: ask === undefined ? never : (question) => Promise.resolve(ask(question)),
      handOver: (work) => work(),
      show: (text) => Promise.resolve(terminal.result(text)),
      signal: new AbortController().signal,
      prefix: '.',
      dial: never,
      dialAll: never,
      shared,
    });
    return finished(code);
  };
}
