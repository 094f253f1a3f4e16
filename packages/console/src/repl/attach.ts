/** `keyhole attach`: the REPL, at a terminal or from a pipe. */
import { KeyholeError } from '@keyhole/agent/protocol';
import type { CommandDefinition } from '../commands/command.ts';
import { readFromKeyboard } from './interactive.ts';
import { readFromPipe } from './piped.ts';
import { Session } from './session.ts';

export const attach: CommandDefinition = {
  name: 'attach',
  summary: 'the REPL',
  target: 'agent',
  words: [],
  required: () => 0,
  options: [],
  async run(context, { flags }) {
    if (flags['json'] === true) throw new KeyholeError('USAGE', 'attach is a conversation and has no JSON form', 'Use keyhole eval T EXPR --json');
    const lossNotice = { announce: (): void => undefined };
    const session = new Session(context, await context.dial(), () => lossNotice.announce());
    context.terminal.message(session.banner);
    const atTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
    const exitCode = atTerminal ? await readFromKeyboard(context, session, lossNotice) : await readFromPipe(context, session);
    if (!atTerminal && session.lost !== null) throw session.lost;
    return { json: null, text: '', exitCode };
  },
};
