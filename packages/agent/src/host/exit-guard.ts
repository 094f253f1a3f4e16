/**
 * Keeps an evaluation from ending the process by accident: `process.exit` and its kin are refused while one runs or is awaited, and only to the evaluation. The service's own
 * exit always goes through. It is an accident guard and no boundary: who may evaluate owns the process.
 *
 *   synchronous part: nobody else runs, so every call is the evaluation's, also through functions of the service
 *   while it is awaited: a call is its own when its script is among the callers, awaiting ones included
 *   after it has settled: timers and listeners that it left behind are on their own
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

/** One evaluation that may not end the process. */
export interface Held {
  /** The name that its script has to have. */
  readonly script: string;
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

  constructor(script: string, hear: (error: KeyholeError) => void) {
    this.script = script;
    this.hear = hear;
  }
}

export class ExitGuard {
  readonly #active = new Set<Evaluation>();
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
        if (this.#active.size === 0) this.#remove();
      },
    };
  }

  #install(): void {
    for (const name of endings) {
      const descriptor = getOwnPropertyDescriptor(process, name);
      const original = descriptor?.value as unknown;
      if (typeof original !== 'function') continue;
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
    if (this.#active.size === 0 || (name === 'kill' && !isAtItself(words))) return true;
    const running = this.#running;
    const found = running === null ? this.#caller() : { evaluation: running, isPromise: true };
    if (found === null) return true;
    const { evaluation, isPromise } = found;
    const error = new KeyholeError(
      'EXIT',
      `process.${name} was called by the evaluation and not done: it would have ended the service`,
      'What came before it was done. It takes the role admin to end a service by an evaluation.',
    );
    evaluation.refused ??= error;
    evaluation.hear(error);
    // In a callback of Node's it would be an uncaught error, and end the service after all.
    if (isPromise) throw error;
    return false;
  }

  /** The awaited evaluation that calls. Null where none is among the callers, or nobody can tell: then it is the service's own exit. */
  #caller(): { evaluation: Evaluation; isPromise: boolean } | null {
    const scripts = callers();
    for (const evaluation of this.#active) {
      const at = scripts.lastIndexOf(evaluation.script);
      if (at === -1) continue;
      const below = scripts.slice(at + 1);
      return { evaluation, isPromise: below.every((script) => !script.startsWith('node:') || promiseFrame.test(script)) };
    }
    return null;
  }
}

/** Whether a signal that ends processes goes to this one, or to the group that it is in. */
function isAtItself([target, signal]: readonly unknown[]): boolean {
  const number = Number(target);
  return signal !== 0 && (number === pid || number === 0 || number === -1);
}

/** The scripts of all callers, the nearest first. */
function callers(): string[] {
  return callSites(maxFrames, (site) => site.getScriptNameOrSourceURL() ?? site.getFileName() ?? '', callers);
}
