/** `attach` at a terminal: node:repl's editing, history and multi-line input around evaluations in the service. Nothing is evaluated here. */
import { Recoverable, start, type REPLServer } from 'node:repl';
import { KeyholeError, errorTable } from '@keyhole/agent/protocol';
import { commandLoaders, loadAllCommands } from '../commands/all.ts';
import type { CommandContext, CommandDefinition } from '../commands/command.ts';
import { isUnfinished } from '../commands/expression.ts';
import { askOnTerminal } from '../commands/question.ts';
import { renderFailure } from '../render/failure.ts';
import { span, wantsColour, type Text } from '../render/text.ts';
import { coloured } from './colours.ts';
import { complete } from './completion.ts';
import { InputGate } from './gate.ts';
import { highlight } from './highlight.ts';
import { historyFile } from './history.ts';
import { ownCommands } from './own-commands.ts';
import { paged } from './pager.ts';
import { showPreviews } from './preview.ts';
import type { Notices, Session } from './session.ts';

/** What the evaluation hands to node:repl's writer: text that is ready, so that no value of ours is ever inspected. */
class Shown {
  readonly text: Text;
  constructor(text: Text) {
    this.text = text;
  }
}

/** Resolves with the exit code when the operator leaves. `notices` is what the session calls when the line is lost or there is news. */
export function readFromKeyboard(context: CommandContext, session: Session, notices: Notices): Promise<number> {
  const { terminal } = context;
  const gate = new InputGate(process.stdin, { interrupt: () => session.interrupt(), paste: (text) => void alone(() => take(text)) });
  const prompt = start({
    prompt: session.prompt,
    input: gate,
    output: process.stdout,
    terminal: true,
    preview: false,
    // It evaluates nothing here, and making a context of its own takes it 30 ms.
    useGlobal: true,
    ignoreUndefined: true,
    writer: (shown: unknown) => (shown instanceof Shown ? terminal.format(shown.text).replace(/\n$/, '') : ''),
    completer: (line: string, done: (error: Error | null, result: [string[], string]) => void) => {
      // No names are better than an error between the operator's keys.
      complete(line, session).then(
        (found) => done(null, found),
        () => done(null, [[], line]),
      );
    },
    eval: (typed, _context, _file, done) => {
      // From Node 24 on, the lines of one input are held together by carriage returns.
      const code = typed.replace(/\r\n?/g, '\n');
      if (code.trim() === '') {
        if (session.lost === null) done(null, undefined);
        else void alone(() => handOver(() => session.reconnect())).then((text) => done(null, new Shown(text)));
      } else if (isUnfinished(code)) {
        done(new Recoverable(new SyntaxError('unfinished')), undefined);
      } else {
        void alone(() => answer(code)).then((text) => done(null, new Shown(text)));
      }
    },
  });

  /** One thing at a time; the prompt says where we are afterwards. */
  const alone = async <T>(work: () => Promise<T>): Promise<T> => {
    gate.hold();
    try {
      return await work();
    } finally {
      prompt.setPrompt(session.prompt);
      gate.release();
    }
  };
  const handOver = async <T>(work: () => Promise<T>): Promise<T> => {
    gate.detach();
    try {
      return await work();
    } finally {
      gate.attach();
    }
  };
  const screen = { rows: (process.stdout.rows ?? 24) - 1, env: context.env, handOver };
  const show = async (text: Text): Promise<void> => {
    if (!(await paged(terminal.format(text), screen))) terminal.result(text);
  };
  const keyboard = { interactive: true, handOver, show, ask: (question: string) => handOver(() => askOnTerminal(question)) };
  /** What the prompt shows of an evaluation: nothing, where the pager has shown it. */
  const answer = async (code: string): Promise<Text> => {
    const text = await session.evaluate(code);
    return (await paged(terminal.format(text), screen)) ? '' : text;
  };
  /** Pasted lines are one text, and run only when somebody has seen them. */
  const take = async (code: string): Promise<void> => {
    terminal.message(['\n', coloured(code), '\n']);
    try {
      const lines = code.split('\n').length;
      if (/^y(?:es)?$/i.test(await keyboard.ask(`Evaluate these ${lines} lines? [y/N] `))) await show(await session.evaluate(code));
    } catch (error) {
      // Ctrl-C at the question.
      if (!(error instanceof KeyholeError)) throw error;
    }
    prompt.displayPrompt();
  };
  const dotCommand = (run: (line: string) => Promise<void>) =>
    function (this: REPLServer, line: string): void {
      this.clearBufferedCommand();
      void alone(() => run(line)).finally(() => prompt.displayPrompt());
    };

  // It would make a new context for local evaluation, of which there is none.
  delete (prompt.commands as Record<string, unknown>)['clear'];
  // The prompt is there before the commands are: they are many files, and a person reads first.
  let definitions: CommandDefinition[] = [];
  setImmediate(() => void loadAllCommands().then((loaded) => (definitions = loaded)));
  for (const group of new Set(Object.keys(commandLoaders).map((name) => name.split(' ')[0] ?? name))) {
    const helpOf = ({ name, words, summary }: CommandDefinition): string => [...name.split(' ').slice(1), ...words].join(' ') + `  ${summary}`;
    prompt.defineCommand(group, {
      get help() {
        const ofGroup = definitions.filter(({ name }) => name.split(' ')[0] === group);
        return ofGroup.map(helpOf).join('; ').trim();
      },
      action: dotCommand(async (line) => void (await session.command(`${group} ${line}`, keyboard))),
    });
  }
  for (const { name, words, summary } of ownCommands) {
    prompt.defineCommand(name, {
      help: `${words}  ${summary}`.trim(),
      action: dotCommand(async (line) => void (await session.command(`.${name} ${line}`, keyboard))),
    });
  }
  prompt.defineCommand('reconnect', {
    help: 'connects again after the line was lost',
    action: dotCommand(async () => terminal.message(await handOver(() => session.reconnect()))),
  });
  try {
    prompt.setupHistory(historyFile(context.env, session.connection.welcome.service), (error) => {
      if (error !== null) terminal.message(span('dim', `no history: ${error.message}\n`));
    });
  } catch (error) {
    terminal.message(span('dim', `no history: ${(error as Error).message}\n`));
  }
  if (wantsColour(process.stdout, context.env))
    highlight(prompt, gate, session, terminal, () => ({ columns: process.stdout.columns, rows: process.stdout.rows }));
  showPreviews(prompt, gate, session, terminal);
  notices.news = (text) => {
    prompt.setPrompt(session.prompt);
    terminal.message(['\n', text]);
    if (!session.busy) prompt.displayPrompt(true);
  };
  notices.lost = () => {
    prompt.setPrompt(session.prompt);
    // A pending evaluation says it itself.
    if (session.busy || session.lost === null) return;
    terminal.message(['\n', renderFailure(session.lost), 'Enter connects again, .exit ends\n']);
    prompt.displayPrompt(true);
  };

  return new Promise((resolve) => {
    prompt.on('exit', () => {
      notices.lost = () => undefined;
      notices.news = (text) => terminal.message(text);
      gate.detach();
      resolve(session.lost === null ? 0 : errorTable.UNREACHABLE.exitCode);
    });
  });
}
