/**
 * The strategy for code that was not instrumented, on any Node: compiles the new function in the captured scope of the old one and gives it to whatever holds that one: variable,
 * export, property, accessor, listener. It reaches whoever looks the function up again, and names who does not.
 *
 * How it finds its way in. New code needs the scope, and only a call shows it (rebind-capture.ts). Function objects could be found without waiting, through exports or a walk of the
 * heap, and `[[Scopes]]` lets one read what they see; but nothing lets one compile there. So it waits for a call, of the function or of any other that sees the same variables, and
 * finds the function objects from the captured scope, the CommonJS exports and the emitters at hand, which costs nothing; the heap is walked only as far as the budget allows.
 */
import { nodeClock } from '../../platform/clock.ts';
import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StrategyVerdict } from '../../protocol/index.ts';
import { indexFunctions } from '../../source/index.ts';
import type { Captures, FunctionEntry } from '../../source/index.ts';
import { DebugSession } from './debug-session.ts';
import type { FunctionTarget } from './modules.ts';
import { predictPauseMs } from './pauses.ts';
import { captureScopes, framesOf, hasOwnScope } from './rebind-capture.ts';
import type { CapturedScope, Wanted } from './rebind-capture.ts';
import { everywhere, findSpots } from './rebind-find.ts';
import type { FoundSpot } from './rebind-find.ts';
import { answersTo, standIn } from './rebind-function.ts';
import { alwaysUnreached, nothingReached, obstacle } from './rebind-limits.ts';
import { placesOf } from './rebind-places.ts';
import type { AnyFunction } from './rebind-spots.ts';
import { isField, isKept, readText } from './rebind-text.ts';
import type { RebindText } from './rebind-text.ts';
import { KeyholePlace } from './keyhole-place.ts';
import { mentioningFunctions, rebindTransaction } from './rebind-transaction.ts';
import type { LiveRebind, ReadyRebind } from './rebind-transaction.ts';
import type { CaptureOptions, Captured, Change, PatchStrategy, Refusal, Transaction } from './strategy.ts';

/** More breakpoints find a call sooner, and each takes the optimized code of one function away while it waits. */
const maxFrames = 12;

interface RebindCapture extends Captured {
  session: DebugSession;
  scopes: Map<FunctionTarget, CapturedScope>;
  maxPauseMs: number;
}

export class RebindStrategy implements PatchStrategy {
  readonly name = 'rebind';
  readonly #live = new Map<FunctionTarget, LiveRebind>();
  readonly #functions = new WeakMap<Captures, FunctionEntry[]>();

  assess(target: FunctionTarget): StrategyVerdict {
    const why = obstacle(target);
    if (why !== null) return { name: this.name, possible: false, pauseMs: 0, why };
    const reach = hasOwnScope(target)
      ? 'only the closure whose call is captured takes the new code'
      : 'whoever looks the function up again takes the new code, and who kept the old one is counted as far as the budget allows';
    return {
      name: this.name,
      possible: true,
      pauseMs: basePauseMs(target),
      why: `it is given to what holds it, at the next call that shows its scope; ${reach}`,
    };
  }

  objection({ target, code }: Change): string | null {
    if (code === null) return null;
    const text = readText(target, code);
    if ('why' in text) return text.why;
    if (this.#framesFor(target, text).length > 0) return null;
    return `a variable of the same name hides ${[...text.names].join(' or ')} in every function whose scope could be captured`;
  }

  reachable(target: FunctionTarget): string[] {
    return [...target.captures.useOf(target.entry.node).captured.keys()].filter((name) => isKept(name, target));
  }

  waitsFor({ target, code }: Change): string[] {
    const text = code === null ? null : readText(target, code);
    if (text === null || 'why' in text || this.#kept(target, text) !== null) return [];
    return this.#framesFor(target, text).map((frame) => (frame.path === '' ? `the function in line ${frame.line}` : frame.path));
  }

  async capture(changes: readonly Change[], { timeoutMs, maxPauseMs, signal }: CaptureOptions): Promise<RebindCapture> {
    const started = nodeClock.now();
    const session = new DebugSession();
    const captured: RebindCapture = { refused: [], pauseMs: 0, session, scopes: new Map(), maxPauseMs, release: () => session.close() };
    try {
      const wanted = new Map<Change, Wanted>();
      for (const change of changes) {
        const { target, code } = change;
        const text = code === null ? null : readText(target, code);
        if (text === null || 'why' in text) continue;
        const kept = this.#kept(target, text);
        if (kept !== null) {
          captured.scopes.set(target, kept);
          continue;
        }
        const scripts = session.scriptsOf(target.module.url, target.module.running);
        const [script] = scripts;
        if (script === undefined || scripts.length > 1) {
          const why =
            script === undefined
              ? 'V8 holds another text of its file now: live edits of it have to be reverted first'
              : 'its file was loaded more than once under one name';
          captured.refused.push({ address: target.address, why });
        } else wanted.set(change, { target, script, frames: this.#framesFor(target, text).slice(0, framesAllowed(target, maxPauseMs)) });
      }
      const waiting = wanted.size === 0 ? null : captureScopes(session, [...wanted.values()], { timeoutMs, signal });
      captured.pauseMs = nodeClock.now() - started;
      const scopes = await waiting;
      for (const [change, want] of wanted) {
        const scope = scopes?.get(want);
        if (scope !== undefined) captured.scopes.set(change.target, scope);
        else
          captured.refused.push({
            address: change.target.address,
            why: `no call showed its scope within ${timeoutMs} ms: waited for ${want.frames.map((each) => each.path || `line ${each.line}`).join(', ')}`,
          });
      }
      return captured;
    } catch (thrown) {
      session.close();
      throw thrown;
    }
  }

  prepare(changes: readonly Change[], captured?: Captured): { transaction: Transaction; refused: Refusal[] } {
    const refused: Refusal[] = [];
    const ready: ReadyRebind[] = [];
    const capture = captured as RebindCapture | undefined;
    let pauseMs = changes.reduce((longest, { target }) => Math.max(longest, basePauseMs(target)), 0);
    const budgetMs = capture?.maxPauseMs ?? 0;
    const queryMs = predictPauseMs('query');
    const mayWalkHeap = changes.some(({ code }) => code !== null) && pauseMs + queryMs <= budgetMs;
    if (mayWalkHeap) pauseMs += queryMs;
    const surveyPauseMs = predictPauseMs('snapshot');
    const surveyAllowed = pauseMs + surveyPauseMs <= budgetMs;
    for (const change of changes) {
      const result =
        change.code === null
          ? this.#back(change.target)
          : capture === undefined
            ? this.#withoutCapture(change, change.code)
            : this.#forward(change, capture, mayWalkHeap);
      if ('why' in result) refused.push({ address: change.target.address, why: result.why });
      else ready.push(result);
    }
    const transaction = rebindTransaction({
      ready,
      live: this.#live,
      session: capture?.session ?? null,
      expectedPauseMs: surveyAllowed ? pauseMs + surveyPauseMs : pauseMs,
      surveyAllowed,
      surveyPauseMs,
    });
    return { transaction, refused };
  }

  /** Back to an earlier patch, in a scope that the live one keeps; else what a dry run can say, by the text alone. */
  #withoutCapture(change: Change, code: string): ReadyRebind | { why: string } {
    const { target } = change;
    const text = readText(target, code);
    const scope = 'why' in text || !this.#live.has(target) ? null : this.#kept(target, text);
    if (scope !== null) return this.#forward(change, { session: null, scopes: new Map([[target, scope]]) }, false);
    const why = this.objection(change);
    return why === null ? { target, live: null, places: [], unreached: [], foreseen: true } : { why };
  }

  #forward(
    change: Change,
    { session, scopes }: { session: DebugSession | null; scopes: RebindCapture['scopes'] },
    mayWalkHeap: boolean,
  ): ReadyRebind | { why: string } {
    const { target, code } = change;
    const scope = scopes.get(target);
    const text = readText(target, code ?? '');
    if ('why' in text) return text;
    if (scope === undefined) return { why: 'its scope was not captured' };
    const missing = [...text.names].filter((name) => !isThere(name, scope));
    if (missing.length > 0) return { why: `${missing.join(', ')} is not kept by the running code, so no new code can find it` };
    const found = this.#find(target, scope, session, mayWalkHeap);
    if ('why' in found) return found;
    if (found.length === 0) return { why: nothingReached(target) };
    // V8 may make both copies of a file from one script (Node 24, 26); the scope that was captured is that of one of them.
    const originals = new Set(found.map((each) => each.keyholeOriginal));
    if (originals.size > 1 && !isField(target) && !hasOwnScope(target)) return { why: 'its file was loaded more than once under one name' };
    let factory: unknown;
    try {
      const open = scope.evaluate(text.expression(change.id)) as (...given: unknown[]) => unknown;
      factory = open(...text.given.map((name) => commonJsValue(name, target.module.url)));
    } catch (thrown) {
      return { why: `its new text can not be compiled there: ${thrown instanceof Error ? thrown.message : String(thrown)}` };
    }
    const made = new Map<AnyFunction, AnyFunction>();
    const places: KeyholePlace[] = [];
    for (const { spot, keyholeOriginal, instance } of found) {
      const after = made.get(keyholeOriginal) ?? makeFunction(factory as (this: unknown) => unknown, target, spot.holder, instance);
      if (!made.has(keyholeOriginal)) {
        made.set(keyholeOriginal, after);
        standIn(after, keyholeOriginal);
      }
      if (spot.holder instanceof EventEmitter) answersTo(after, keyholeOriginal);
      places.push(new KeyholePlace(spot, keyholeOriginal, spot.read() as AnyFunction, after));
    }
    return { target, live: { scope, places }, places, unreached: alwaysUnreached(target) };
  }

  /** Places of the first patch are found by the text that was loaded; those of a later one by what the patch before put there. */
  #find(target: FunctionTarget, scope: CapturedScope, session: DebugSession | null, mayWalkHeap: boolean): FoundSpot[] | { why: string } {
    const live = this.#live.get(target);
    if (live !== undefined) return this.#held(target, live, session, mayWalkHeap);
    const [script] = session?.scriptsOf(target.module.url, target.module.running) ?? [];
    if (session === null || script === undefined) return { why: 'V8 holds another text of its file now' };
    return findSpots({ target, places: placesOf(target), scope, session, script, mayWalkHeap });
  }

  /** Where the live patch is now: also what took it up since. */
  #held(target: FunctionTarget, { scope, places }: LiveRebind, session: DebugSession | null, mayWalkHeap: boolean): FoundSpot[] {
    const originals = new Map<unknown, AnyFunction>(places.map((place) => [place.after, place.keyholeOriginal]));
    const still = places.filter(({ spot, after }) => spot.read() === after).map(({ spot }) => spot);
    const spots = everywhere({ target, scope, session, mayWalkHeap }, still, (value) => originals.has(value));
    return spots.flatMap((spot) => {
      const keyholeOriginal = originals.get(spot.read());
      return keyholeOriginal === undefined ? [] : [{ spot, keyholeOriginal, instance: isField(target) ? spot.holder : undefined }];
    });
  }

  #back(target: FunctionTarget): ReadyRebind | { why: string } {
    const live = this.#live.get(target);
    if (live === undefined) return { why: 'nothing of it is live' };
    const places = this.#held(target, live, null, false).map(
      ({ spot, keyholeOriginal }) => new KeyholePlace(spot, keyholeOriginal, spot.read() as AnyFunction, keyholeOriginal),
    );
    return { target, live: null, places, unreached: [] };
  }

  /** A scope that a live patch of the module keeps, where it will do. */
  #kept(target: FunctionTarget, text: RebindText): CapturedScope | null {
    const own = this.#live.get(target);
    if (hasOwnScope(target)) return own?.scope ?? null;
    const frames = this.#framesFor(target, text);
    for (const [other, { scope }] of this.#live) {
      if (other.module === target.module && !hasOwnScope(other) && frames.includes(scope.frame)) return scope;
    }
    return null;
  }

  #framesFor(target: FunctionTarget, text: RebindText): FunctionEntry[] {
    const { captures, module } = target;
    let functions = this.#functions.get(captures);
    if (functions === undefined) {
      functions = indexFunctions(captures.module.node, module.running);
      this.#functions.set(captures, functions);
    }
    const roots = placesOf(target).places.map((place) =>
      place.kind === 'variable' ? place.name : place.kind === 'field' ? place.prototype[0] : place.object[0],
    );
    const names = new Set([...text.names, ...roots.filter((name) => name !== undefined)]);
    return framesOf(target, functions, names, text.usesPrivateNames);
  }
}

function makeFunction(factory: (this: unknown) => unknown, target: FunctionTarget, holder: object, instance: unknown): AnyFunction {
  const { entry } = target;
  if (entry.place === 'plain') return factory.call(instance) as AnyFunction;
  const home = factory.call(Object.getPrototypeOf(holder)) as object;
  const [key = ''] = Reflect.ownKeys(home);
  const part = entry.kind === 'getter' ? 'get' : entry.kind === 'setter' ? 'set' : 'value';
  return Reflect.getOwnPropertyDescriptor(home, key)?.[part] as AnyFunction;
}

function commonJsValue(name: string, url: string): unknown {
  const file = fileURLToPath(url);
  return name === 'require' ? createRequire(url) : name === '__dirname' ? dirname(file) : file;
}

function isThere(name: string, scope: CapturedScope): boolean {
  try {
    scope.evaluate(name);
    return true;
  } catch (thrown) {
    // A variable that has no value yet is there.
    return thrown instanceof ReferenceError && /before initialization/.test(thrown.message);
  }
}

function basePauseMs(target: FunctionTarget): number {
  const variables = placesOf(target).places.filter((place) => place.kind === 'variable');
  const spots = variables.map((place) => ({ spot: { key: place.name, isVariable: true } }));
  return predictPauseMs('enable') + predictPauseMs('breakpoint') * (1 + mentioningFunctions(target, spots).length);
}

function framesAllowed(target: FunctionTarget, maxPauseMs: number): number {
  const left = maxPauseMs - basePauseMs(target);
  return Math.min(maxFrames, 1 + Math.max(0, Math.floor(left / predictPauseMs('breakpoint'))));
}
