/** One attachment: the connection, what is evaluated over it, and how it comes back after a loss. Knows nothing of keyboards. */
import { KeyholeError } from '@keyhole/agent/protocol';
import type { Connection } from '../client/connection.ts';
import { allCommands } from '../commands/all.ts';
import type { CommandContext } from '../commands/command.ts';
import { evaluateIn, renderEvaluationError } from '../commands/eval.ts';
import { reportError, runCommand, type Surroundings } from '../commands/run.ts';
import { renderFailure } from '../render/failure.ts';
import { sanitize } from '../render/sanitize.ts';
import { span, type Text } from '../render/text.ts';
import { renderValue } from '../render/value.ts';
import { parseDotLine } from './dot-line.ts';

type Keyboard = Pick<Surroundings, 'ask' | 'handOver' | 'interactive'>;

export class Session {
  readonly #context: CommandContext;
  readonly #onLost: () => void;
  #connection: Connection;
  /** What runs now, for Ctrl-C. */
  #running: AbortController | null = null;

  constructor(context: CommandContext, connection: Connection, onLost: () => void) {
    this.#context = context;
    this.#onLost = onLost;
    this.#connection = connection;
    connection.onLost(() => this.#onLost());
  }

  get connection(): Connection {
    return this.#connection;
  }

  get lost(): KeyholeError | null {
    return this.#connection.lost;
  }

  get busy(): boolean {
    return this.#running !== null;
  }

  get prompt(): string {
    const { service, pid } = this.#connection.welcome;
    return `${sanitize(service).replace(/\s/g, ' ')}#${pid}${this.lost !== null ? ' (lost)' : this.#connection.journalWritable ? '' : ' (journal not writable)'}> `;
  }

  get banner(): Text {
    const { service, pid, node, operator } = this.#connection.welcome;
    return [span('dim', `attached to ${service}#${pid} (Node ${node}) as ${operator.name}: ${operator.capabilities.join(', ')}. Help: .help\n`)];
  }

  /** What is shown for an expression; never rejects. */
  async evaluate(code: string): Promise<Text> {
    return this.#interruptible(async (signal) => {
      try {
        const result = await evaluateIn(this.#connection, code, { timeoutMs: this.#context.timeoutMs, signal }, {});
        return result.ok ? [renderValue(result.value), '\n'] : renderEvaluationError(result.error, code);
      } catch (error) {
        return this.#describe(KeyholeError.from(error));
      }
    });
  }

  /** Runs a dot command, which prints by itself; returns its exit code. */
  async command(line: string, keyboard: Keyboard): Promise<number> {
    return this.#interruptible(async (signal) => {
      const { terminal, cwd, env } = this.#context;
      try {
        const { definition, argv } = parseDotLine(allCommands, line);
        return await runCommand(definition, argv, {
          ...keyboard,
          terminal,
          cwd,
          env,
          signal,
          prefix: '.',
          shared: this.#connection,
          dial: () => Promise.reject(new KeyholeError('USAGE', 'the REPL stays with the agent it is attached to')),
          dialAll: () => Promise.reject(new KeyholeError('USAGE', 'the REPL stays with the agent it is attached to')),
        });
      } catch (error) {
        return reportError(terminal, error, false);
      }
    });
  }

  interrupt(): void {
    this.#running?.abort();
  }

  /** A new connection to the same target; the old one stays lost where that fails. */
  async reconnect(): Promise<Text> {
    try {
      const connection = await this.#context.dial();
      this.#connection.close();
      this.#connection = connection;
      connection.onLost(() => this.#onLost());
      return this.banner;
    } catch (error) {
      return renderFailure(KeyholeError.from(error));
    }
  }

  async #interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const running = new AbortController();
    this.#running = running;
    try {
      return await work(running.signal);
    } finally {
      this.#running = null;
    }
  }

  #describe(error: KeyholeError): Text {
    if (error.code === 'INTERRUPTED') return span('warning', 'interrupted\n');
    return [renderFailure(error), error.code === 'UNREACHABLE' ? '.reconnect connects again\n' : ''];
  }
}
