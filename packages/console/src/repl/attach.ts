/** `keyhole attach`: the REPL, at a terminal or from a pipe. */
import { KeyholeError } from '@keyhole/agent/protocol';
import type { Connection } from '../client/connection.ts';
import { textFlag, type CommandContext, type CommandDefinition, type Flags } from '../commands/command.ts';
import { span } from '../render/text.ts';
import { readFromKeyboard } from './interactive.ts';
import { readFromPipe } from './piped.ts';
import { Session, type Notices } from './session.ts';

export const attach: CommandDefinition = {
  name: 'attach',
  summary: 'the REPL',
  target: 'agent',
  words: [],
  required: () => 0,
  options: [
    { flags: '--operators <file>', doc: 'for a PID without an agent: whose keys are let in' },
    { flags: '--sigusr1-is-free', doc: 'for a PID without an agent: its program does not handle SIGUSR1' },
  ],
  async run(context, { target, flags }) {
    if (flags['json'] === true) throw new KeyholeError('USAGE', 'attach is a conversation and has no JSON form', 'Use keyhole eval T EXPR --json');
    const notices: Notices = { lost: () => undefined, news: (text) => context.terminal.message(text) };
    const connection = await connect(context, target, flags);
    const session = await Session.open(context, connection, { lost: () => notices.lost(), news: (text) => notices.news(text) });
    context.terminal.message(session.banner);
    const atTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
    const exitCode = atTerminal ? await readFromKeyboard(context, session, notices) : await readFromPipe(context, session);
    if (!atTerminal && session.lost !== null) throw session.lost;
    return { json: null, text: '', exitCode };
  },
};

/** A process without an agent gets one first, where its number was given. */
async function connect(context: CommandContext, target: string | null, flags: Flags): Promise<Connection> {
  try {
    return await context.dial();
  } catch (error) {
    if (!(error instanceof KeyholeError) || error.code !== 'NO_TARGET' || target === null || !/^[1-9]\d{0,9}$/.test(target)) throw error;
  }
  const { coldAttach } = await import('../client/cold/cold-attach.ts');
  const { openMs, inspector, operators } = await coldAttach(Number(target), {
    identity: textFlag(flags, 'identity'),
    operatorsFile: textFlag(flags, 'operators'),
    assured: flags['sigusr1IsFree'] === true,
    env: context.env,
    timeoutMs: context.timeoutMs,
  });
  context.terminal.message([
    openMs === null
      ? span('warning', `the inspector of ${target} was open already at ${inspector}, without a key, and was left open\n`)
      : `opened the inspector of ${target} at ${inspector} for ${Math.ceil(openMs)} ms, and closed it again\n`,
    'its code is not instrumented: .doctor says how it can be patched\n',
    operators === '' ? 'there is no operators file: your keys are let in until the process ends\n' : '',
  ]);
  return context.dial();
}
