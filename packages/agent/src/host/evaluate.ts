/**
 * Evaluates the operator's JavaScript in the service: in the global scope, or inside a module through its portal. What the code throws is a result; what we
 * forbid or end is an error.
 */
import { nodeClock } from '../platform/clock.ts';
import { followed, unwatched } from '../platform/originals.ts';
import { KeyholeError, limits } from '../protocol/index.ts';
import type { Params, Result } from '../protocol/index.ts';
import { analyseScopes, beyondLooking, keptNamesIn, parseModule, secretReached, withKeptValues, withTopLevelAwait } from '../source/index.ts';
import type { EvaluateAnswer, Inspector, RemoteObject } from './inspector.ts';
import { ExitGuard } from './exit-guard.ts';
import type { Held } from './exit-guard.ts';
import { lend } from './lending.ts';
import { jsonOf } from './json.ts';
import type { SessionObjects } from './objects.ts';
import { hide, isSecret } from './secrets.ts';
import { thrownOf } from './thrown.ts';

interface Started {
  answer: Promise<EvaluateAnswer>;
  /** The synchronous part was ended, or failed in a way that is not the operator's code's. */
  failedAtOnce: boolean;
}

/** Which call asks for it, and whether whoever asks may end the process by it. */
interface Asked {
  call: number;
  mayExit?: boolean;
}

/** A termination that was announced comes at the next interrupt; this is only how long a lost one is waited for. */
const absorbMs = 1_000;
const maxCancelled = 32;

/** The way into a module's scope. */
export interface ScopePortals {
  /** @throws {KeyholeError} NOT_FOUND where the file is not loaded or was not instrumented. */
  portal(file: string): (code: string) => unknown;
  /** The names of its variables, and whether a name is one. Throws as `portal` does. */
  names(file: string): readonly string[];
}

const awaitedGoesOn = 'the evaluation was interrupted; what it awaited goes on in the service';

export class Evaluator {
  readonly #inspector: Inspector;
  readonly #portals: ScopePortals;
  /** The call that runs on this thread right now. */
  #running: number | null = null;
  #ended: number | null = null;
  /** Interrupted before they began. */
  readonly #cancelled = new Set<number>();
  readonly #exits = new ExitGuard();
  readonly #awaiting = new Map<number, (error: KeyholeError) => void>();

  constructor(inspector: Inspector, portals: ScopePortals) {
    this.#inspector = inspector;
    this.#portals = portals;
  }

  /**
   * Whether one evaluation runs on this thread right now, asked at a V8 interrupt in the middle of it: then the door ends what runs here next, and we see to it that
   * this is nothing of the service's. An evaluation that is only awaited is let go at once.
   */
  interrupt(call: number): 'running' | 'let go' {
    const cancel = this.#awaiting.get(call);
    if (cancel !== undefined) {
      cancel(new KeyholeError('INTERRUPTED', awaitedGoesOn));
      return 'let go';
    }
    if (this.#running !== call) {
      // Known to the door and not to us: it is over, and its answer is on its way, or it has not begun. Then it never will.
      this.#cancelled.add(call);
      const [oldest] = this.#cancelled;
      if (this.#cancelled.size > maxCancelled && oldest !== undefined) this.#cancelled.delete(oldest);
      return 'let go';
    }
    this.#ended = call;
    return 'running';
  }

  /** @param mayExit it may end the process. */
  async evaluate(params: Params<'evaluate'>, { call, mayExit = false }: Asked, objects: SessionObjects): Promise<Result<'evaluate'>> {
    if (this.#cancelled.delete(call)) throw new KeyholeError('INTERRUPTED', 'the evaluation was interrupted before it began');
    const timeoutMs = params.timeoutMs ?? limits.defaultEvaluationTimeoutMs;
    const held = mayExit ? null : this.#exits.hold((refused) => this.#awaiting.get(call)?.(refused));
    let answer: EvaluateAnswer;
    try {
      answer = await this.#bounded(call, timeoutMs, () => this.#start(params, objects, timeoutMs, held));
    } finally {
      held?.release();
    }
    // Also where the code has caught it: what it was asked for was not done.
    if (held !== null && held.refused !== null) throw held.refused;
    if (answer.exceptionDetails !== undefined) {
      const error = thrownOf(answer.exceptionDetails, params.safe === true);
      if (params.keep === true && answer.exceptionDetails.exception !== undefined) objects.kept.error(answer.exceptionDetails.exception);
      return { ok: false, error };
    }
    const { result } = answer;
    const name = params.keep === true ? objects.kept.result(result) : undefined;
    const json = jsonOf(this.#inspector.objectOf(result) ?? result.value);
    const depth = params.depth ?? 0;
    // What was asked for is given; what merely comes along with it is hidden as everywhere.
    const value = objects.value(result, { asked: true });
    if (depth > 0 && result.objectId !== undefined) deepen(value, objects, result, depth);
    return { ok: true, value, ...(json === undefined ? {} : { json }), ...(name === undefined ? {} : { name }) };
  }

  /** A value for inspection: a closed grammar, and V8's guard besides. */
  peek(expression: string, file: string | undefined, objects: SessionObjects, timeoutMs: number): RemoteObject {
    const why = beyondLooking(expression);
    if (why !== null) {
      throw new KeyholeError(
        'NOT_ALLOWED',
        `${expression.slice(0, 200)} is more than looking: ${why}`,
        'Names, members, operators and literals are; keyhole eval runs anything.',
      );
    }
    const secret = secretReached(expression, isSecret);
    if (secret !== null)
      throw new KeyholeError('NOT_ALLOWED', `${expression.slice(0, 200)}: ${secret}`, 'Whoever may eval can evaluate it, which is journaled.');
    // In a list, so that V8 does not write down what it gives: a long text would be copied whole.
    const listed = `[(${expression}\n)]`;
    const answer =
      file === undefined && this.#keptIn(expression, file, objects).length === 0
        ? this.#lookedAt(listed, objects.group, timeoutMs)
        : this.#guardedIn(listed, file, objects);
    if (answer.exceptionDetails === undefined && answer.result.objectId !== undefined) {
      const [value] = this.#inspector.unwrap(answer.result.objectId) as [unknown];
      // The list would hold it for as long as the session lives.
      this.#inspector.post('Runtime.releaseObject', { objectId: answer.result.objectId });
      return this.#inspector.show(value, objects.group);
    }
    if (answer.exceptionDetails === undefined) throw new KeyholeError('INTERNAL', 'the inspector gave no handle');
    const { name, message } = thrownOf(answer.exceptionDetails, true);
    throw new KeyholeError('NOT_FOUND', `${expression}: ${name}: ${hide(message)}`);
  }

  #lookedAt(expression: string, objectGroup: string, timeoutMs: number): EvaluateAnswer {
    try {
      return this.#inspector.post<EvaluateAnswer>('Runtime.evaluate', { expression, throwOnSideEffect: true, timeout: timeoutMs, objectGroup });
    } catch (thrown) {
      if (!/terminated/.test(String(thrown))) throw thrown;
      throw new KeyholeError('TIMEOUT', `looking took longer than ${timeoutMs} ms`, 'Is the machine busy? Nothing was changed.');
    }
  }

  /** Waits for an answer no longer than allowed; the synchronous part has run, under V8's own limit, when `start` returns. */
  async #bounded(call: number, timeoutMs: number, start: () => Started): Promise<EvaluateAnswer> {
    this.#running = call;
    const { answer: pending, failedAtOnce } = start();
    this.#running = null;
    const endedLate = this.#ended === call && !failedAtOnce;
    if (endedLate) this.#absorbTermination();
    // It is looked at below; until then its rejection is nobody's news.
    void unwatched(pending);
    let callOff = (): void => undefined;
    const cut = new Promise<never>((_, reject) => {
      this.#awaiting.set(call, reject);
      const late = new KeyholeError('TIMEOUT', `not settled after ${timeoutMs} ms`, 'What it awaits goes on in the service; --timeout waits longer.');
      callOff = nodeClock.after(timeoutMs, () => reject(late));
      // The interrupt came when nothing ran any more, or while this call was neither begun nor awaited: what is left is what it awaits.
      if (endedLate || this.#cancelled.delete(call)) nodeClock.soon(() => reject(new KeyholeError('INTERRUPTED', awaitedGoesOn)));
    });
    try {
      return await first(pending, cut);
    } catch (thrown) {
      if (thrown instanceof KeyholeError) throw thrown;
      if (this.#ended === call) throw new KeyholeError('INTERRUPTED', 'the evaluation was interrupted');
      const text = thrown instanceof Error ? thrown.message : String(thrown);
      if (/terminated|Internal error/.test(text)) {
        throw new KeyholeError('TIMEOUT', `the evaluation was ended after ${timeoutMs} ms`, 'It blocked the service as long; --timeout allows more.');
      }
      throw new KeyholeError('INTERNAL', text);
    } finally {
      callOff();
      this.#awaiting.delete(call);
      if (this.#ended === call) this.#ended = null;
    }
  }

  /** The evaluation was over before the door's termination came: it has to hit something, and that must be ours. */
  #absorbTermination(): void {
    try {
      this.#inspector.post('Runtime.evaluate', { expression: 'for (;;);', timeout: absorbMs });
    } catch {
      // Ended, as it should be.
    }
  }

  #start(params: Params<'evaluate'>, objects: SessionObjects, timeoutMs: number, held: Held | null): Started {
    const named = held === null ? '' : `\n//# sourceURL=${held.script}`;
    const during = <T>(work: () => T): T => (held === null ? work() : held.during(work));
    return during(() => this.#run(params, objects, timeoutMs, named));
  }

  /** @param named a comment behind the code, by which it is known among callers. */
  #run(params: Params<'evaluate'>, objects: SessionObjects, timeoutMs: number, named: string): Started {
    const { expression, in: file, safe = false } = params;
    try {
      if (file !== undefined && safe) {
        return { answer: this.#settled(this.#guardedIn(expression, file, objects), objects.group), failedAtOnce: false };
      }
      const names = this.#keptIn(expression, file, objects);
      const run = (text: string): EvaluateAnswer => {
        const code = `${withTopLevelAwait(text)}${named}`;
        return file === undefined ? this.#global(code, safe, objects.group, timeoutMs) : this.#within(code, file, objects.group, timeoutMs);
      };
      const answer =
        names.length === 0
          ? run(expression)
          : lend(
              names.map((name) => objects.kept.get(name)),
              (place) => run(boundTo(expression, names, place)),
            );
      return { answer: this.#settled(answer, objects.group), failedAtOnce: false };
    } catch (thrown) {
      return { answer: Promise.reject(thrown), failedAtOnce: true };
    }
  }

  /** The kept values that an expression means: where the service or the module has a variable of that name, it means that one. */
  #keptIn(expression: string, file: string | undefined, objects: SessionObjects): string[] {
    const names = keptNamesIn(expression).filter((name) => objects.kept.has(name) && !(name in globalThis) && !this.#isDeclared(name));
    if (names.length === 0 || file === undefined) return names;
    const own = this.#portals.names(file);
    return names.filter((name) => !own.includes(name));
  }

  /** A `const` of an earlier evaluation is no property of the global object. */
  #isDeclared(name: string): boolean {
    const { result, exceptionDetails } = this.#inspector.post<EvaluateAnswer>('Runtime.evaluate', { expression: `typeof ${name}` });
    return exceptionDetails !== undefined || result.value !== 'undefined';
  }

  #global(expression: string, safe: boolean, group: string, timeoutMs: number): EvaluateAnswer {
    return this.#inspector.post<EvaluateAnswer>('Runtime.evaluate', {
      expression,
      throwOnSideEffect: safe,
      timeout: timeoutMs,
      objectGroup: group,
      generatePreview: true,
    });
  }

  /** The answer once its promise has settled. The handlers are attached in this very turn, so a rejection is never unhandled in the service. */
  #settled({ result, ...rest }: EvaluateAnswer, group: string): Promise<EvaluateAnswer> {
    if (rest.exceptionDetails !== undefined || result.subtype !== 'promise' || result.objectId === undefined)
      return Promise.resolve({ result, ...rest });
    const promise = this.#inspector.unwrap(result.objectId);
    const wrapped = (value: unknown): RemoteObject => this.#inspector.wrap(value, group);
    const failed = (reason: unknown): EvaluateAnswer => ({
      result: wrapped(reason),
      exceptionDetails: { text: 'Uncaught', exception: wrapped(reason) },
    });
    return followed(promise as Promise<unknown>, (value) => ({ result: wrapped(value) }), failed);
  }

  /** Inside a module: the portal evaluates, under V8's limit. */
  #within(code: string, file: string, group: string, timeoutMs: number): EvaluateAnswer {
    const portal = this.#portals.portal(file);
    return lend(
      () => portal(code),
      (name) => this.#global(`${name}()`, false, group, timeoutMs),
    );
  }

  /** The guard refuses eval itself, so the names are read through the portal and the expression runs as a function of them. */
  #guardedIn(expression: string, file: string | undefined, { group, kept }: SessionObjects): EvaluateAnswer {
    const portal = file === undefined ? null : this.#portals.portal(file);
    const own = file === undefined ? [] : this.#portals.names(file);
    const source = `(${expression}\n)`;
    const scopes = analyseScopes(parseModule(source, 'module', 'expression'));
    const used = [...new Set(scopes.references.map((reference) => reference.name))].filter((name) => !(name in globalThis) && name !== 'undefined');
    const names = portal === null ? used.filter((name) => kept.has(name)) : used;
    const valueOf = (name: string): unknown => (portal === null || (kept.has(name) && !own.includes(name)) ? kept.get(name) : portal(name));
    const wrapped = names.map((name) => this.#inspector.wrap(valueOf(name), group, false));
    return this.#inspector.post<EvaluateAnswer>('Runtime.callFunctionOn', {
      objectId: this.#inspector.wrap(globalThis, group, false).objectId,
      // As constants: an assignment would change a copy and look as if it had worked.
      functionDeclaration: `function (${names.map((_, index) => `keyhole$${index}`).join(',')}) { ${names.map((name, index) => `const ${name}=keyhole$${index};`).join('')} return ${source} }`,
      arguments: wrapped.map((each) =>
        each.objectId !== undefined
          ? { objectId: each.objectId }
          : each.unserializableValue !== undefined
            ? { unserializableValue: each.unserializableValue }
            : { value: each.value },
      ),
      throwOnSideEffect: true,
      objectGroup: group,
      generatePreview: true,
    });
  }
}

function boundTo(expression: string, names: readonly string[], place: string): string {
  const text = withKeptValues(expression, names, place);
  if (text !== null) return text;
  throw new KeyholeError(
    'BAD_REQUEST',
    `${names.join(', ')}: a function in a statement may run when this session is over`,
    `Give the value a name of its own first: globalThis.last = ${names[0] ?? '_'}`,
  );
}

function deepen(value: Extract<Result<'evaluate'>, { ok: true }>['value'], objects: SessionObjects, object: RemoteObject, depth: number): void {
  if (value.preview === undefined) return;
  const { properties } = objects.page(object, 0, limits.maxPageSize, depth);
  for (const shown of value.preview.properties) {
    const opened = properties.find((property) => property.name === shown.name)?.value?.preview;
    if (opened !== undefined) shown.valuePreview = opened;
  }
}

/** `Promise.race`, whatever the service has made of `then`. */
function first<Value>(one: Promise<Value>, other: Promise<never>): Promise<Value> {
  return new Promise((resolve, reject) => {
    void followed(one, resolve as (value: unknown) => void, reject);
    void followed(other, reject, reject);
  });
}
