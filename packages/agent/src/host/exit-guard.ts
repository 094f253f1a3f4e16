/**
 * Keeps an evaluation from ending the process by accident: `process.exit` and its kin are refused while one runs or is awaited, and only to the evaluation. The service's own
 * exit always goes through. It is an accident guard and no boundary: who may evaluate owns the process.
 *
 *   synchronous part: nobody else runs, so every call is the evaluation's, also through functions of the service
 *   while it is awaited: a call is its own when its script is among the callers, awaiting ones included
 *   after it has settled, or was let go: the same for functions that it left behind, in timers and listeners; nobody hears of that but the service's stderr
 */
import { apply, defineProperty, getOwnPropertyDescriptor } from '../platform/originals.ts';
import { KeyholeError } from '../protocol/index.ts';
import { callSites } from './call-sites.ts';

type Ending = (this: unknown, ...words: unknown[]) => unknown;

/** Functions of `process` that end it; `kill` only where it is the process itself that gets a signal. */
const endings = ['exit', 'reallyExit', 'abort', 'kill', 'execve'];
/** Frames of Node's that stand below a continuation of an async function: what is thrown there rejects a promise and reaches nobody else. */
const promiseFrame = /^node:internal\/process\/task_queues$/;
const maxFrames = 200;
const { pid } = process;
const emitWarning = process.emitWarning.bind(process);
/** What `withTopLevelAwait` puts around code that awaits, up to the function. */
const wrapper = /^((?:var [^;]*;)?\()async \(/;

/** Evaluations that may have left functions behind; of more than that the first are forgotten. */
const maxLeft = 1_000;
/** Whatever makes a function, or makes code that does. What holds none of it leaves nothing behind that could be told from the service's own. */
const makesFunctions = /=>|\b(?:function|class|await|eval|Function|import)\b|\)\s*\{/;

/** One evaluation that may not end the process. */
export interface Held {
  /** The name that its script has to have. */
  readonly script: string;
  /** This is what runs. */
  runs(code: string): void;
  /** Runs its synchronous part. */
  during<T>(work: () => T): T;
  /** What it was not allowed to do; null where it tried nothing. */
  readonly refused: KeyholeError | null;
  release(): void;
}

class Evaluation {
  readonly script: string;
  readonly hear: (error: KeyholeError) => void;
  refused: KeyholeError | null = null;
  mayLeave = false;
  /** Where the function begins that it is wrapped in, whose promise is awaited; 0: it is in none. */
  wrapperColumn = 0;

  constructor(script: string, hear: (error: KeyholeError) => void) {
    this.script = script;
    this.hear = hear;
  }
}

export class ExitGuard {
  readonly #active = new Set<Evaluation>();
  /** Those that are over, by their scripts. */
  readonly #left = new Map<string, Evaluation>();
  /** What stands on `process` in place of its own functions. */
  #installed: { name: string; original: Ending; guard: Ending }[] = [];
  #running: Evaluation | null = null;
  #count = 0;

  /** @param hear is told at once of what was refused. */
  hold(hear: (error: KeyholeError) => void): Held {
    this.#count += 1;
    const evaluation = new Evaluation(`evaluation-${this.#count}`, hear);
    if (this.#active.size === 0) this.#install();
    this.#active.add(evaluation);
    return {
      script: evaluation.script,
      runs: (code) => {
        evaluation.mayLeave = makesFunctions.test(code);
        const before = wrapper.exec(code)?.[1];
        evaluation.wrapperColumn = before === undefined ? 0 : before.length + 1;
      },
      during: (work) => {
        const before = this.#running;
        this.#running = evaluation;
        try {
          return work();
        } finally {
          this.#running = before;
        }
      },
      get refused() {
        return evaluation.refused;
      },
      release: () => {
        this.#active.delete(evaluation);
        if (evaluation.mayLeave) this.#keep(evaluation);
        if (this.#active.size === 0 && this.#left.size === 0) this.#remove();
      },
    };
  }

  #keep(evaluation: Evaluation): void {
    this.#left.set(evaluation.script, evaluation);
    const [oldest] = this.#left.keys();
    if (this.#left.size > maxLeft && oldest !== undefined) this.#left.delete(oldest);
  }

  #install(): void {
    for (const name of endings) {
      const descriptor = getOwnPropertyDescriptor(process, name);
      const original = descriptor?.value as unknown;
      if (typeof original !== 'function' || this.#installed.some(({ guard }) => guard === original)) continue;
      const decide = (words: readonly unknown[]): boolean => this.#allows(name, words);
      const guard = function (this: unknown, ...words: unknown[]): unknown {
        return decide(words) ? apply(original, this, words) : undefined;
      };
      // Where `process` was frozen nothing can be put there.
      if (defineProperty(process, name, { ...descriptor, value: guard })) this.#installed.push({ name, original: original as Ending, guard });
    }
  }

  /** What somebody else has put there meanwhile stays; it may call ours, which then only passes on. */
  #remove(): void {
    for (const { name, original, guard } of this.#installed) {
      const descriptor = getOwnPropertyDescriptor(process, name);
      if (descriptor?.value === guard) defineProperty(process, name, { ...descriptor, value: original });
    }
    this.#installed = [];
  }

  /** @throws {KeyholeError} EXIT into code that nobody but the evaluation hears; false where it must not be thrown. */
  #allows(name: string, words: readonly unknown[]): boolean {
    if (name === 'kill' && !isAtItself(words)) return true;
    const running = this.#running;
    const found = running === null ? this.#caller() : { evaluation: running, isHeard: true };
    if (found === null) return true;
    const { evaluation, isHeard } = found;
    const error = new KeyholeError(
      'EXIT',
      `process.${name} was called by the evaluation and not done: it would have ended the service`,
      'What came before it was done. It takes the role admin to end a service by an evaluation.',
    );
    evaluation.refused ??= error;
    if (this.#active.has(evaluation)) evaluation.hear(error);
    else warn(`process.${name} was called by what an evaluation of an operator has left behind, and not done: it would have ended the service`);
    // In a callback of Node's, and in a promise that nobody awaits, it would be an uncaught error, and end the service after all.
    if (isHeard) throw error;
    return false;
  }

  /** The evaluation that calls, and whether what is thrown into it is sure to be heard. Null where none is among the callers, or nobody can tell: then it is the service's own exit. */
  #caller(): { evaluation: Evaluation; isHeard: boolean } | null {
    const frames = callers();
    for (const evaluation of [...this.#active, ...this.#left.values()]) {
      const at = frames.findLastIndex(({ script }) => script === evaluation.script);
      if (at === -1) continue;
      const isAwaited = this.#active.has(evaluation) && frames[at]?.column === evaluation.wrapperColumn;
      const isHeard = isAwaited && frames.slice(at + 1).every(({ script }) => !script.startsWith('node:') || promiseFrame.test(script));
      return { evaluation, isHeard };
    }
    return null;
  }
}

/** Whether a signal that ends processes goes to this one, or to the group that it is in. */
function isAtItself([target, signal]: readonly unknown[]): boolean {
  const number = Number(target);
  return signal !== 0 && (number === pid || number === 0 || number === -1);
}

interface Frame {
  script: string;
  /** Where the function begins, counted from 1, where that is in the first line of its script; else 0. */
  column: number;
}

/** The frames of all callers, the nearest first. */
function callers(): Frame[] {
  return callSites(maxFrames, frameOf, callers);
}

function frameOf(site: NodeJS.CallSite): Frame {
  const { getEnclosingLineNumber: line, getEnclosingColumnNumber: column } = site as unknown as Partial<Record<string, () => number | null>>;
  const isFirstLine = line !== undefined && apply(line, site, []) === 1;
  return {
    script: site.getScriptNameOrSourceURL() ?? site.getFileName() ?? '',
    column: isFirstLine && column !== undefined ? (apply(column, site, []) as number) : 0,
  };
}

function warn(what: string): void {
  try {
    emitWarning(what, { type: 'KeyholeWarning', code: 'EXIT', detail: 'It takes the role admin to end a service by an evaluation.' });
  } catch {
    // The service has made something else of warnings: then nobody hears it.
  }
}
