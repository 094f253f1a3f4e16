/** One attachment: the connection, what is evaluated over it, and how it comes back after a loss. Knows nothing of keyboards. */
import { KeyholeError, limits, type RemoteValue } from '@keyhole/agent/protocol';
import type { Connection } from '../client/connection.ts';
import { loadAllCommands } from '../commands/all.ts';
import type { CommandContext } from '../commands/command.ts';
import { evaluateIn, renderEvaluationError } from '../commands/eval.ts';
import { reportError, runCommand, type Surroundings } from '../commands/run.ts';
import { describeNews } from '../commands/news.ts';
import { undoneNews } from '../commands/trial.ts';
import { duration } from '../render/duration.ts';
import { renderFailure } from '../render/failure.ts';
import { renderPage } from '../render/page.ts';
import { sanitize } from '../render/sanitize.ts';
import { span, type Text } from '../render/text.ts';
import { unifiedDiff } from '../render/unified-diff.ts';
import { renderValue } from '../render/value.ts';
import { parseDotLine } from './dot-line.ts';
import { ownCommandOf } from './own-commands.ts';

/** The prompt waits for this, so it is short. */
const promptTimeoutMs = 1_000;
/** After these there may be another probation, or one less. */
const changesPatches = /^\s*\.?(?:push|edit|revert|confirm|diff)\b/;

/** How far `.diff $3` looks into an object. */
const compareDepth = 3;

/** How a session speaks up between answers. */
export interface Notices {
  lost: () => void;
  news: (text: Text) => void;
}

type Keyboard = Pick<Surroundings, 'ask' | 'handOver' | 'interactive' | 'show'>;

export class Session {
  readonly #context: CommandContext;
  readonly #notices: Notices;
  /** When the next probation ends, on this machine's monotonic clock. */
  #probation: { id: string; untilMs: number } | null = null;
  #connection: Connection;
  /** The agent says that the main thread does not answer. */
  #silent = false;
  /** What runs now, for Ctrl-C. */
  #running: AbortController | null = null;
  /** The module whose variables are seen, or null: the global scope. */
  #scope: string | null = null;
  /** What was evaluated, for `.save`; the last answer, for `.copy`; objects as they were last seen, for `.diff`. */
  readonly #typed: string[] = [];
  #answer: Text = '';
  readonly #looks = new Map<string, string>();

  private constructor(context: CommandContext, connection: Connection, notices: Notices) {
    this.#context = context;
    this.#notices = notices;
    this.#connection = connection;
  }

  static async open(context: CommandContext, connection: Connection, notices: Notices): Promise<Session> {
    const session = new Session(context, connection, notices);
    await session.#attend();
    return session;
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
    const place = this.#scope === null ? '' : ` ${sanitize(this.#scope).replace(/\s/g, ' ')}`;
    const name = `${sanitize(service).replace(/\s/g, ' ')}#${pid}${place}`;
    if (this.lost !== null) return `${name} (lost)> `;
    const journal = `${this.#silent ? ' (does not answer)' : ''}${this.#connection.journalWritable ? '' : ' (journal not writable)'}`;
    const leftMs = (this.#probation?.untilMs ?? 0) - performance.now();
    return leftMs <= 0 ? `${name}${journal}> ` : `${name}${journal} (${sanitize(this.#probation?.id ?? '')} undone in ${duration(leftMs)})> `;
  }

  get banner(): Text {
    const { service, pid, node, operator } = this.#connection.welcome;
    return [span('dim', `attached to ${service}#${pid} (Node ${node}) as ${operator.name}: ${operator.capabilities.join(', ')}. Help: .help\n`)];
  }

  get scope(): string | null {
    return this.#scope;
  }

  get typed(): readonly string[] {
    return this.#typed;
  }

  /** What is shown for an expression; never rejects. */
  async evaluate(code: string): Promise<Text> {
    this.#typed.push(code);
    this.#answer = await this.#interruptible(async (signal) => {
      try {
        const result = await evaluateIn(
          this.#connection,
          code,
          { timeoutMs: this.#context.timeoutMs, signal },
          { keep: true, ...(this.#scope !== null && { in: this.#scope }) },
        );
        if (!result.ok) return renderEvaluationError(result.error, code);
        return [result.name === undefined ? '' : span('dim', `${result.name} = `), renderValue(result.value), '\n'];
      } catch (error) {
        return this.#describe(KeyholeError.from(error));
      }
    });
    return this.#answer;
  }

  /** The value of what is only looking; null where there is none to show. */
  async preview(expression: string, timeoutMs: number): Promise<RemoteValue | null> {
    if (this.lost !== null || this.busy) return null;
    try {
      const page = await this.#connection.call(
        'inspect',
        { expression, count: 1, depth: 0, ...(this.#scope !== null && { in: this.#scope }) },
        { timeoutMs },
      );
      return page.value.type === 'undefined' ? null : page.value;
    } catch {
      // Nothing is shown for what is not finished, not allowed or not there.
      return null;
    }
  }

  /** Sees the variables of that module from now on; null: of none. */
  async enter(file: string | null): Promise<void> {
    if (file !== null) await this.#connection.call('complete', { expression: '', in: file });
    this.#scope = file;
  }

  copy(): void {
    const { terminal } = this.#context;
    if (this.#answer === '') throw new KeyholeError('USAGE', 'nothing was answered yet');
    if (!terminal.copy(this.#answer)) throw new KeyholeError('USAGE', 'stdout is no terminal: there is no clipboard to reach');
  }

  /** What changed in a value since the last look, as a unified diff; null at the first one. */
  async compare(name: string): Promise<string | null> {
    const page = await this.#connection.call('inspect', { expression: name, depth: compareDepth, count: limits.maxPageSize });
    const text = this.#context.terminal.plain(renderPage(page));
    const before = this.#looks.get(name);
    this.#looks.set(name, text);
    if (before === undefined) return null;
    return before === text ? '' : unifiedDiff(`${name} before`, `${name} now`, before, text);
  }

  /** Runs a dot command, which prints by itself; returns its exit code. */
  async command(line: string, keyboard: Keyboard): Promise<number> {
    return this.#interruptible(async (signal) => {
      const { terminal, cwd, env } = this.#context;
      try {
        const own = ownCommandOf(line);
        if (own !== null) {
          const text = await own.command.run(this, own.words, cwd);
          if (own.command.name !== 'load') this.#answer = text === '' ? this.#answer : text;
          await keyboard.show(text);
          return 0;
        }
        const { definition, argv } = parseDotLine(await loadAllCommands(), line);
        return await runCommand(definition, argv, {
          ...keyboard,
          show: (text) => {
            this.#answer = text;
            return keyboard.show(text);
          },
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
      } finally {
        if (changesPatches.test(line)) await this.#lookAtProbations();
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
      // Names of values belonged to the session that is gone; scope and history are ours.
      this.#looks.clear();
      await this.#attend();
      return this.banner;
    } catch (error) {
      return renderFailure(KeyholeError.from(error));
    }
  }

  /** Hears what the connection has to say, and asks what is on probation already. */
  async #attend(): Promise<void> {
    const connection = this.#connection;
    connection.onLost(() => this.#notices.lost());
    this.#silent = false;
    connection.onNews((event, data) => {
      if (event === 'silent' || event === 'answering') this.#silent = event === 'silent';
      const undone = undoneNews(event, data);
      if (undone?.patches.some(({ id }) => id === this.#probation?.id) === true) this.#probation = null;
      const line = describeNews(event, data);
      if (line !== null) this.#notices.news(line);
    });
    await this.#lookAtProbations();
  }

  async #lookAtProbations(): Promise<void> {
    this.#probation = null;
    if (this.lost !== null) return;
    try {
      const { patches } = await this.#connection.call('patch.list', {}, { timeoutMs: promptTimeoutMs });
      for (const { id, trial } of patches) {
        if (trial?.confirmWithinMs === undefined) continue;
        const untilMs = performance.now() + trial.confirmWithinMs;
        if (this.#probation === null || untilMs < this.#probation.untilMs) this.#probation = { id, untilMs };
      }
    } catch {
      // The prompt then shows no time; what was asked for has been answered.
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
