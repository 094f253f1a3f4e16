/** `attach` without a terminal: lines from a pipe, evaluated one after the other. */
import { createInterface } from 'node:readline';
import { KeyholeError, errorTable } from '@keyhole/agent/protocol';
import type { CommandContext } from '../commands/command.ts';
import { isUnfinished } from '../commands/expression.ts';
import type { Text } from '../render/text.ts';
import type { Session } from './session.ts';

/** The exit code: 0 at the end of the input, 3 where the line was lost before. */
export async function readFromPipe(context: CommandContext, session: Session): Promise<number> {
  const { terminal } = context;
  const keyboard = {
    interactive: false,
    ask: () => Promise.reject(new KeyholeError('USAGE', 'there is nobody to ask')),
    handOver: <T>(work: () => Promise<T>) => work(),
    show: (text: Text) => Promise.resolve(terminal.result(text)),
  };
  let pending = '';
  const evaluate = async (): Promise<void> => {
    const code = pending;
    pending = '';
    if (code.trim() !== '') terminal.result(await session.evaluate(code));
  };
  const lines = createInterface({ input: process.stdin, terminal: false });
  for await (const line of lines) {
    if (pending === '' && /^\s*\.[a-z]/.test(line)) {
      if (line.trim() === '.exit') break;
      await session.command(line, keyboard);
    } else {
      pending += `${line}\n`;
      if (!isUnfinished(pending)) await evaluate();
    }
    if (session.lost !== null) break;
  }
  // What is unfinished at the end of the input is for V8 to complain about.
  if (session.lost === null) await evaluate();
  lines.close();
  return session.lost === null ? 0 : errorTable.UNREACHABLE.exitCode;
}
