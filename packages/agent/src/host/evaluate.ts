/**
 * Evaluates the operator's JavaScript in the service: in the global scope, or inside a module through its portal. What the code throws is a result; what we
 * forbid or end is an error.
 */
import { followed } from '../platform/originals.ts';
import { KeyholeError, limits } from '../protocol/index.ts';
import type { Params, Result } from '../protocol/index.ts';
import { analyseScopes, beyondLooking, keptNamesIn, parseModule, secretReached, withKeptValues, withTopLevelAwait } from '../source/index.ts';
import type { EvaluateAnswer, Inspector, RemoteObject } from './inspector.ts';
import { Interruption } from './interruption.ts';
import { ExitGuard } from './exit-guard.ts';
import type { Held } from './exit-guard.ts';
import { lend } from './lending.ts';
import { jsonOf } from './json.ts';
import type { SessionObjects } from './objects.ts';
import { hide, isSecret } from './secrets.ts';
import { thrownOf } from './thrown.ts';

/** Where V8 holds what an evaluation makes on its way: its promise, what it threw, what a guarded one is given. Its result is held by the session. */
interface Passing {
  call: number;
  group: string;
  isOver: boolean;
}

/** Which call asks for it, and whether whoever asks may end the process by it. */
interface Asked {
  call: number;
  mayExit?: boolean;
}

/** The way into a module's scope. */
export interface ScopePortals {
  /** @throws {KeyholeError} NOT_FOUND where the file is not loaded or was not instrumented. */
  portal(file: string): (code: string) => unknown;
  /** The names of its variables, and whether a name is one. Throws as `portal` does. */
  names(file: string): readonly string[];
}

export class Evaluator {
  readonly #inspector: Inspector;
  readonly #portals: ScopePortals;
  readonly #interruption: Interruption;
  readonly #exits = new ExitGuard();

  constructor(inspector: Inspector, portals: ScopePortals) {
    this.#inspector = inspector;
    this.#interruption = new Interruption(inspector);
    this.#portals = portals;
  }

  /** Asked at a V8 interrupt in the middle of whatever runs: whether the door has to end it. */
  interrupt(call: number): 'running' | 'let go' {
    return this.#interruption.interrupt(call);
  }

  /** @param mayExit it may end the process. */
  async evaluate(params: Params<'evaluate'>, { call, mayExit = false }: Asked, objects: SessionObjects): Promise<Result<'evaluate'>> {
    const timeoutMs = params.timeoutMs ?? limits.defaultEvaluationTimeoutMs;
    const held = mayExit ? null : this.#exits.hold((refused) => this.#interruption.reject(call, refused));
    const passing: Passing = { call, group: `${objects.group}/${call}`, isOver: false };
    try {
      const answer = await this.#interruption.awaited(call, timeoutMs, this.#start(params, objects, passing, timeoutMs, held));
      // Also where the code has caught it: what it was asked for was not done.
      if (held !== null && held.refused !== null) throw held.refused;
      return this.#said(answer, params, objects);
    } finally {
      held?.release();
      passing.isOver = true;
      this.#inspector.releaseGroup(passing.group);
    }
  }

  #said(answer: EvaluateAnswer, params: Params<'evaluate'>, objects: SessionObjects): Result<'evaluate'> {
    if (answer.exceptionDetails !== undefined) {
      const { exception } = answer.exceptionDetails;
      if (exception !== undefined) this.#inspector.preview(exception);
      const error = thrownOf(answer.exceptionDetails, params.safe === true);
      if (params.keep === true && exception !== undefined) objects.kept.error(exception);
      return { ok: false, error };
    }
    const { objectId } = answer.result;
    const result = objectId === undefined ? answer.result : this.#inspector.wrap(this.#inspector.unwrap(objectId), objects.group);
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

  #start(params: Params<'evaluate'>, objects: SessionObjects, passing: Passing, timeoutMs: number, held: Held | null): Promise<EvaluateAnswer> {
    const named = held === null ? '' : `\n//# sourceURL=${held.script}`;
    const during = <T>(work: () => T): T => (held === null ? work() : held.during(work));
    return during(() =>
      this.#run(params, objects, passing, timeoutMs, (code) => {
        held?.runs(code);
        return `${code}${named}`;
      }),
    );
  }

  /** @param named puts a comment behind the code, by which it is known among callers. */
  #run(
    params: Params<'evaluate'>,
    objects: SessionObjects,
    passing: Passing,
    timeoutMs: number,
    named: (code: string) => string,
  ): Promise<EvaluateAnswer> {
    const { expression, in: file, safe = false } = params;
    try {
      if (file !== undefined && safe) {
        const names = { group: passing.group, kept: objects.kept };
        const answer = this.#guardedIn(expression, file, names, (post) => this.#interruption.run(passing.call, null, post));
        return this.#settled(answer, passing);
      }
      const names = this.#keptIn(expression, file, objects);
      const run = (text: string): EvaluateAnswer => {
        const code = named(withTopLevelAwait(text));
        const global = (what: string): EvaluateAnswer => this.#global(passing.call, what, safe, passing.group, timeoutMs);
        return file === undefined ? global(code) : this.#within(code, file, global);
      };
      const answer =
        names.length === 0
          ? run(expression)
          : lend(
              names.map((name) => objects.kept.get(name)),
              (place) => run(boundTo(expression, names, place)),
            );
      return this.#settled(answer, passing);
    } catch (thrown) {
      return Promise.reject(thrown);
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

  #global(call: number, expression: string, safe: boolean, objectGroup: string, timeoutMs: number): EvaluateAnswer {
    const params = { expression, throwOnSideEffect: safe, timeout: timeoutMs, objectGroup };
    return this.#interruption.run(call, timeoutMs, () => this.#inspector.post<EvaluateAnswer>('Runtime.evaluate', params));
  }

  /** The answer once its promise has settled. The handlers are attached in this very turn, so a rejection is never unhandled in the service. */
  #settled({ result, ...rest }: EvaluateAnswer, passing: Passing): Promise<EvaluateAnswer> {
    if (rest.exceptionDetails !== undefined || result.subtype !== 'promise' || result.objectId === undefined)
      return Promise.resolve({ result, ...rest });
    const promise = this.#inspector.unwrap(result.objectId);
    // What settles when nobody waits for it any more must not be held.
    const wrapped = (value: unknown): RemoteObject => (passing.isOver ? { type: 'undefined' } : this.#inspector.wrap(value, passing.group, false));
    const failed = (reason: unknown): EvaluateAnswer => ({
      result: wrapped(reason),
      exceptionDetails: { text: 'Uncaught', exception: wrapped(reason) },
    });
    return followed(promise as Promise<unknown>, (value) => ({ result: wrapped(value) }), failed);
  }

  /** Inside a module: the portal evaluates, under V8's limit. */
  #within(code: string, file: string, global: (code: string) => EvaluateAnswer): EvaluateAnswer {
    const portal = this.#portals.portal(file);
    return lend(
      () => portal(code),
      (name) => global(`${name}()`),
    );
  }

  /** The guard refuses eval itself, so the names are read through the portal and the expression runs as a function of them. */
  #guardedIn(
    expression: string,
    file: string | undefined,
    { group, kept }: Pick<SessionObjects, 'group' | 'kept'>,
    run: (post: () => EvaluateAnswer) => EvaluateAnswer = (post) => post(),
  ): EvaluateAnswer {
    const portal = file === undefined ? null : this.#portals.portal(file);
    const own = file === undefined ? [] : this.#portals.names(file);
    const source = `(${expression}\n)`;
    const scopes = analyseScopes(parseModule(source, 'module', 'expression'));
    const used = [...new Set(scopes.references.map((reference) => reference.name))].filter((name) => !(name in globalThis) && name !== 'undefined');
    const names = portal === null ? used.filter((name) => kept.has(name)) : used;
    const valueOf = (name: string): unknown => (portal === null || (kept.has(name) && !own.includes(name)) ? kept.get(name) : portal(name));
    const wrapped = names.map((name) => this.#inspector.wrap(valueOf(name), group, false));
    const params = {
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
    };
    return run(() => this.#inspector.post<EvaluateAnswer>('Runtime.callFunctionOn', params));
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
