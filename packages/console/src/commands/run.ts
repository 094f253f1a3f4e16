/** Runs one command from its words to its output and exit code. Every error ends here, as two lines or as JSON. */
import { KeyholeError } from '@keyhole/agent/protocol';
import type { Connection } from '../client/connection.ts';
import type { DialOptions } from '../client/dial.ts';
import { renderFailure } from '../render/failure.ts';
import type { Terminal } from '../render/terminal.ts';
import type { Text } from '../render/text.ts';
import { durationMs, textFlag, type CommandContext, type CommandDefinition } from './command.ts';
import { parseWords, splitTarget } from './parse.ts';

/** What the command line and the REPL provide, each in its own way. */
export interface Surroundings {
  terminal: Terminal;
  cwd: string;
  env: NodeJS.ProcessEnv;
  interactive: boolean;
  ask(question: string): Promise<string>;
  handOver<T>(work: () => Promise<T>): Promise<T>;
  /** Where a result for people goes: through a pager, where there is one. */
  show(text: Text): Promise<void>;
  signal: AbortSignal;
  /** `keyhole ` on the command line, `.` in the REPL, where the target is the one that is attached. */
  prefix: string;
  /** A fresh connection; the command that was run closes it, unless `shared` is one already. */
  dial(options: DialOptions): Promise<Connection>;
  /** The same to every process of a cluster. */
  dialAll(options: DialOptions): Promise<Connection[]>;
  shared: Connection | null;
}

export async function runCommand(definition: CommandDefinition, argv: string[], surroundings: Surroundings): Promise<number> {
  const { terminal, shared } = surroundings;
  // An error in the options themselves must still reach a script as JSON.
  const asJson = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : undefined).includes('--json');
  const opened: Connection[] = [];
  try {
    const parsed = parseWords(definition, argv, surroundings.prefix);
    if ('help' in parsed) {
      terminal.result(parsed.help);
      return 0;
    }
    const { flags } = parsed;
    const args = splitTarget(definition, parsed.words, flags, {
      always: shared !== null,
      named: (surroundings.env['KEYHOLE_TARGET'] ?? '') !== '',
    });
    const timeout = textFlag(flags, 'timeout');
    const how: DialOptions = {
      target: args.target ?? undefined,
      identity: textFlag(flags, 'identity'),
      ca: textFlag(flags, 'ca'),
      clientCert: textFlag(flags, 'clientCert'),
      acceptNewHostKey: flags['acceptNewHostKey'] === true,
      ask: surroundings.interactive ? surroundings.ask : undefined,
    };
    const dial = async (): Promise<Connection> => {
      const connection = await surroundings.dial(how);
      opened.push(connection);
      if (connection.doubt !== null) terminal.message(renderFailure(connection.doubt));
      return connection;
    };
    let connected: Promise<Connection> | null = shared === null || args.target !== null ? null : Promise.resolve(shared);
    const context: CommandContext = {
      ...surroundings,
      attached: shared !== null,
      timeoutMs: timeout === undefined ? undefined : durationMs('--timeout', timeout, 1_000),
      dial,
      connect: () => (connected ??= dial()),
      connectAll: async () => {
        if (connected !== null) return [await connected];
        const connections = await surroundings.dialAll(how);
        opened.push(...connections);
        for (const { doubt } of connections) if (doubt !== null) terminal.message(renderFailure(doubt));
        return connections;
      },
    };
    const outcome = await definition.run(context, args);
    if (asJson && outcome.json === undefined) return outcome.exitCode ?? 0;
    if (asJson) terminal.json(outcome.json);
    else if (outcome.exact === undefined) await surroundings.show(outcome.text);
    else terminal.document(outcome.text, outcome.exact);
    return outcome.exitCode ?? 0;
  } catch (error) {
    return reportError(terminal, error, asJson);
  } finally {
    for (const connection of opened) connection.close();
  }
}

export function reportError(terminal: Terminal, thrown: unknown, asJson: boolean): number {
  const error = KeyholeError.from(thrown);
  if (asJson) {
    const { code, message, hint, details } = error;
    terminal.json({ ok: false, error: { code, message, ...(hint !== undefined && { hint }), ...(details !== undefined && { details }) } });
  } else {
    terminal.message(renderFailure(error));
  }
  return error.exitCode;
}
